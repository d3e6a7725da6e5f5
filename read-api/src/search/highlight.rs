//! Where the words that were asked for stand in a row's texts: a fragment around them, each between `<mark>` and `</mark>`.

use std::ops::Range;

use tantivy::tokenizer::TextAnalyzer;

use super::analyzer::{Word, words};
use super::compile::SearchedColumn;
use super::text_query::TextQuery;
use super::tolerance::{Near, Typos};

/// Characters of text that a fragment shows, about.
const FRAGMENT_CHARACTERS: usize = 200;
/// Of them, how many stand before the first word found.
const LEAD_CHARACTERS: usize = 40;
/// Texts of one value of which fragments are shown.
const FRAGMENTS_MAX: usize = 3;
const GAP: &str = " … ";

/// Finds a query's words in texts of one column.
pub(crate) struct Highlighter {
    analyzer: TextAnalyzer,
    sequences: Vec<Sequence>,
}

/// Words that follow each other at these distances from the first; a single one is a sequence, too.
struct Sequence(Vec<(usize, Near)>);

impl Highlighter {
    pub(crate) fn new(query: &TextQuery, column: &SearchedColumn, typos: Typos) -> Highlighter {
        let mut sequences = Vec::new();
        collect(query, column, typos, &mut sequences);
        Highlighter { analyzer: column.analyzer.clone(), sequences }
    }

    /// The fragments of a value's texts that have what was asked for, as HTML; nothing if none has. The texts themselves are escaped.
    pub(crate) fn fragments<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> Option<String> {
        let found = texts.into_iter().filter_map(|text| {
            let marks = self.marks(text);
            (!marks.is_empty()).then(|| fragment(text, &marks))
        });
        let fragments: Vec<String> = found.take(FRAGMENTS_MAX).collect();
        (!fragments.is_empty()).then(|| fragments.join(GAP))
    }

    /// Places in bytes, in order, apart from each other.
    fn marks(&mut self, text: &str) -> Vec<Range<usize>> {
        if self.sequences.iter().all(|sequence| sequence.0.len() == 1) {
            return self.single_marks(text);
        }
        let words = words(&mut self.analyzer, text);
        let mut marked = vec![false; words.len()];
        for sequence in &self.sequences {
            for first in 0..words.len() {
                if let Some(found) = sequence.at(&words, first) {
                    found.into_iter().for_each(|index| marked[index] = true);
                }
            }
        }
        let found = words.into_iter().zip(marked).filter(|(_, marked)| *marked);
        found.map(|(word, _)| word.bytes).collect()
    }

    /// The same where no word depends on its neighbours: none has to be kept.
    fn single_marks(&mut self, text: &str) -> Vec<Range<usize>> {
        let nears: Vec<&Near> =
            self.sequences.iter().flat_map(|Sequence(words)| words).map(|(_, near)| near).collect();
        let mut marks = Vec::new();
        self.analyzer.token_stream(text).process(&mut |token| {
            if nears.iter().any(|near| near.has(&token.text)) {
                marks.push(token.offset_from..token.offset_to);
            }
        });
        marks
    }
}

impl Sequence {
    /// The words that it consists of when it begins with the given one.
    fn at(&self, words: &[Word], first: usize) -> Option<Vec<usize>> {
        let begin = words[first].number;
        self.0
            .iter()
            .map(|(distance, near)| {
                let number = begin + distance;
                let index = first + words[first..].iter().position(|word| word.number >= number)?;
                let word = &words[index];
                (word.number == number && near.has(&word.text)).then_some(index)
            })
            .collect()
    }
}

fn collect(query: &TextQuery, column: &SearchedColumn, typos: Typos, sequences: &mut Vec<Sequence>) {
    match query {
        TextQuery::And(parts) | TextQuery::Or(parts) => {
            parts.iter().for_each(|part| collect(part, column, typos, sequences));
        }
        TextQuery::Not(_) => {}
        TextQuery::Text { text, is_prefix } => {
            let terms = column.terms(text);
            let last = terms.len().saturating_sub(1);
            let allowed = |word: &str| if last == 0 { typos.in_word(word) } else { 0 };
            let near = |(number, word): (usize, String)| {
                (number, Near::new(&word, allowed(&word), *is_prefix && number == last))
            };
            push(terms.into_iter().enumerate().map(near).collect(), sequences);
        }
        TextQuery::Phrase(parts) => {
            let near = |(at, word): (usize, String)| (at, Near::new(&word, 0, false));
            push(column.phrase(parts).into_iter().map(near).collect(), sequences);
        }
    }
}

fn push(sequence: Vec<(usize, Near)>, sequences: &mut Vec<Sequence>) {
    if !sequence.is_empty() {
        sequences.push(Sequence(sequence));
    }
}

fn fragment(text: &str, marks: &[Range<usize>]) -> String {
    let first = marks.first().map_or(0, |mark| mark.start);
    let first_end = marks.first().map_or(0, |mark| mark.end);
    let begin = match text[..first].char_indices().nth_back(LEAD_CHARACTERS) {
        Some((lead, _)) => after_blank(text, lead, first),
        None => 0,
    };
    let end = match text[begin..].char_indices().nth(FRAGMENT_CHARACTERS) {
        Some((length, _)) => before_blank(text, begin + length, first_end).max(first_end),
        None => text.len(),
    };
    let mut html = String::with_capacity(end - begin + 32);
    if begin > 0 {
        html.push_str("… ");
    }
    let mut written = begin;
    for mark in marks.iter().filter(|mark| mark.end <= end) {
        escape(&text[written..mark.start], &mut html);
        html.push_str("<mark>");
        escape(&text[mark.clone()], &mut html);
        html.push_str("</mark>");
        written = mark.end;
    }
    escape(&text[written..end], &mut html);
    if end < text.len() {
        html.push_str(" …");
    }
    html
}

/// The first word that begins at a place or later, no later than a limit.
fn after_blank(text: &str, place: usize, limit: usize) -> usize {
    match text[place..limit].char_indices().find(|(_, character)| character.is_whitespace()) {
        Some((blank, character)) => place + blank + character.len_utf8(),
        None => place,
    }
}

/// The end of the last word that ends at a place or before, if the word found is before that.
fn before_blank(text: &str, place: usize, found: usize) -> usize {
    match text[..place].rfind(char::is_whitespace) {
        Some(blank) if blank > found => blank,
        _ => place,
    }
}

fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use tantivy::schema::Field;

    use super::*;
    use crate::request::SearchGrammar;
    use crate::search::analyzer::analyzer;
    use crate::search::text_query::parse;

    fn highlighted(language: &str, query: &str, typos: Typos, texts: &[&str]) -> Option<String> {
        let query = parse(SearchGrammar::Web, query).unwrap().unwrap().with_last_as_prefix();
        let column = SearchedColumn {
            name: "c".to_owned(),
            language: language.to_owned(),
            field: Field::from_field_id(0),
            analyzer: analyzer(language).unwrap(),
        };
        Highlighter::new(&query, &column, typos).fragments(texts.iter().copied())
    }

    #[test]
    fn words_are_marked_where_they_stand() {
        let cases = [
            (
                "simple",
                "emile",
                "Émile <Zola> & Émilie",
                Some("<mark>Émile</mark> &lt;Zola&gt; &amp; Émilie"),
            ),
            ("simple", "emi", "Émile & Émilie", Some("<mark>Émile</mark> &amp; <mark>Émilie</mark>")),
            (
                "english",
                "runs fast -slow",
                "Running slow, or fast",
                Some("<mark>Running</mark> slow, or <mark>fast</mark>"),
            ),
            ("simple", "\"fat rat\" x", "rat fat rat fat", Some("rat <mark>fat</mark> <mark>rat</mark> fat")),
            (
                "simple",
                "super-mark",
                "super market, super man",
                Some("<mark>super</mark> <mark>market</mark>, super man"),
            ),
            ("simple", "absent", "nothing of it", None),
            ("simple", "x", "", None),
        ];
        for (language, query, text, expected) in cases {
            let found = highlighted(language, query, Typos::NONE, &[text]);
            assert_eq!(found.as_deref(), expected, "{query} in {text}");
        }
        assert_eq!(
            highlighted("simple", "choclate", Typos::ByLength, &["Chocolade", "none", "chocolate bar"])
                .unwrap(),
            "<mark>Chocolade</mark> … <mark>chocolate</mark> bar"
        );
    }

    #[test]
    fn long_texts_are_cut_between_words() {
        let text = format!("{}needle {}", "hay ".repeat(100), "straw ".repeat(100));
        let found = highlighted("simple", "needle", Typos::NONE, &[&text]).unwrap();
        assert!(found.starts_with("… hay ") && found.ends_with(" straw …"), "{found}");
        assert!(found.contains("hay <mark>needle</mark> straw"), "{found}");
        assert!(found.chars().count() < FRAGMENT_CHARACTERS + 30, "{found}");
        // No blanks, no letters of one byte: cut anyhow, between characters.
        let text = format!("{} needle{}", "é".repeat(500), "、é".repeat(500));
        assert!(
            highlighted("simple", "needle", Typos::NONE, &[&text]).unwrap().contains("<mark>needle</mark>、")
        );
        let text = "é".repeat(500);
        assert!(
            highlighted("simple", "e", Typos::NONE, &[&text]).is_some_and(|found| found.contains("<mark>é"))
        );
    }
}
