//! What a search asks of a row's words, and the ways to write that.

mod tsquery;
mod websearch;

use crate::Error;
use crate::request::SearchGrammar;

/// A question to the words of a row. Which columns it is asked of, and what counts as a word there, is said elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextQuery {
    And(Vec<TextQuery>),
    Or(Vec<TextQuery>),
    Not(Box<TextQuery>),
    /// One word; where the language makes several of it, they follow each other.
    Text {
        text: String,
        /// Words that begin so are meant, too.
        is_prefix: bool,
    },
    /// Each text stands so many words after the first.
    Phrase(Vec<(usize, String)>),
}

/// More than anybody types, and few enough for any index.
const TEXTS_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 4_096;

/// By PostgreSQL's four ways to write a text query. Nothing if the text names no word.
pub(crate) fn parse(grammar: SearchGrammar, text: &str) -> Result<Option<TextQuery>, Error> {
    if text.len() > TEXT_BYTES_MAX {
        let message =
            format!("a text query of {} bytes is longer than the {TEXT_BYTES_MAX} allowed", text.len());
        return Err(Error::does_not_fit("54000", message));
    }
    let query = match grammar {
        SearchGrammar::Query => tsquery::parse(text)?,
        SearchGrammar::Plain => all(words(text).map(TextQuery::text).collect()),
        SearchGrammar::Phrase => has_word(text).then(|| TextQuery::text(text)),
        SearchGrammar::Web => websearch::parse(text),
    };
    match query.as_ref().map_or(0, TextQuery::texts) {
        texts if texts > TEXTS_MAX => {
            let message = format!("{texts} words are more than the {TEXTS_MAX} that one text query may have");
            Err(Error::does_not_fit("54000", message))
        }
        _ => Ok(query),
    }
}

impl TextQuery {
    fn text(text: &str) -> TextQuery {
        TextQuery::Text { text: text.to_owned(), is_prefix: false }
    }

    /// Lets the text that was typed last be the beginning of a word: for searches as you type.
    pub(crate) fn with_last_as_prefix(mut self) -> TextQuery {
        if let Some(is_prefix) = self.last_text() {
            *is_prefix = true;
        }
        self
    }

    fn last_text(&mut self) -> Option<&mut bool> {
        match self {
            TextQuery::And(parts) | TextQuery::Or(parts) => parts.last_mut()?.last_text(),
            TextQuery::Text { is_prefix, .. } => Some(is_prefix),
            TextQuery::Not(_) | TextQuery::Phrase(_) => None,
        }
    }

    fn texts(&self) -> usize {
        match self {
            TextQuery::And(parts) | TextQuery::Or(parts) => parts.iter().map(TextQuery::texts).sum(),
            TextQuery::Not(inner) => inner.texts(),
            TextQuery::Text { text, .. } => words(text).count(),
            TextQuery::Phrase(parts) => parts.iter().map(|(_, text)| words(text).count()).sum(),
        }
    }
}

/// Runs of letters and digits: what every language begins with.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn has_word(text: &str) -> bool {
    words(text).next().is_some()
}

fn all(mut parts: Vec<TextQuery>) -> Option<TextQuery> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(TextQuery::And(parts)),
    }
}

fn any(mut parts: Vec<TextQuery>) -> Option<TextQuery> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(TextQuery::Or(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `and(a,not(b),"c d")`
    fn shown(query: &TextQuery) -> String {
        let list = |parts: &[TextQuery]| parts.iter().map(shown).collect::<Vec<_>>().join(",");
        match query {
            TextQuery::And(parts) => format!("and({})", list(parts)),
            TextQuery::Or(parts) => format!("or({})", list(parts)),
            TextQuery::Not(inner) => format!("not({})", shown(inner)),
            TextQuery::Text { text, is_prefix } => format!("{text}{}", if *is_prefix { "*" } else { "" }),
            TextQuery::Phrase(parts) => {
                let parts: Vec<_> = parts.iter().map(|(at, text)| format!("{at}:{text}")).collect();
                format!("phrase({})", parts.join(","))
            }
        }
    }

    fn parsed(grammar: SearchGrammar, text: &str) -> String {
        match parse(grammar, text) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(query)) => shown(&query),
            Err(error) => format!("{} {error}", error.code()),
        }
    }

    #[test]
    fn websearches_are_what_people_type() {
        let cases = [
            ("", "nothing"),
            (" - \"\" ", "nothing"),
            ("fat rat", "and(fat,rat)"),
            ("fat or rat", "or(fat,rat)"),
            ("fat OR rat cat", "or(fat,and(rat,cat))"),
            ("or fat or", "and(or,fat,or)"),
            ("fat or or rat", "or(fat,and(or,rat))"),
            ("\"fat rat\" -cat", "and(fat rat,not(cat))"),
            ("-\"fat rat\"", "not(fat rat)"),
            ("super-market", "super-market"),
            ("orange order", "and(orange,order)"),
            ("\"never closed", "never closed"),
            ("a\"b c\"d", "and(a,b c,d)"),
            ("--x", "not(x)"),
            ("& | ! <->", "nothing"),
        ];
        for (text, expected) in cases {
            assert_eq!(parsed(SearchGrammar::Web, text), expected, "{text}");
        }
    }

    #[test]
    fn tsqueries_have_operators() {
        let cases = [
            ("", "nothing"),
            ("fat", "fat"),
            ("fat & rat | cat", "or(and(fat,rat),cat)"),
            ("fat & (rat | !cat)", "and(fat,or(rat,not(cat)))"),
            ("!fat & !!rat", "and(not(fat),not(not(rat)))"),
            ("sup:*", "sup*"),
            ("'fat rat' & cat", "and(fat rat,cat)"),
            ("'it''s'", "it's"),
            ("fat <-> rat", "phrase(0:fat,1:rat)"),
            ("fat <2> rat <-> cat & dog", "and(phrase(0:fat,2:rat,3:cat),dog)"),
            ("fat rat", "42601 syntax error in tsquery: \"fat rat\""),
            ("fat &", "42601 no operand in tsquery: \"fat &\""),
            ("& fat", "42601 syntax error in tsquery: \"& fat\""),
            ("(fat", "42601 syntax error in tsquery: \"(fat\""),
            ("fat)", "42601 syntax error in tsquery: \"fat)\""),
        ];
        for (text, expected) in cases {
            assert_eq!(parsed(SearchGrammar::Query, text), expected, "{text}");
        }
        for text in ["fat:A", "fat:A* & rat", "fat <-> (rat | cat)", "fat:* <-> rat", "!a <-> b"] {
            assert!(parsed(SearchGrammar::Query, text).starts_with("PGRST127 "), "{text}");
        }
        let deep = format!("{}a{}", "(".repeat(2_000), ")".repeat(2_000));
        assert!(parsed(SearchGrammar::Query, &deep).starts_with("54000 "));
        assert!(parsed(SearchGrammar::Query, &"!".repeat(3_000)).starts_with("54000 "));
    }

    #[test]
    fn plain_words_and_phrases() {
        assert_eq!(parsed(SearchGrammar::Plain, "The fat-rats & !cats"), "and(The,fat,rats,cats)");
        assert_eq!(parsed(SearchGrammar::Plain, " ,"), "nothing");
        assert_eq!(parsed(SearchGrammar::Phrase, "The fat rats"), "The fat rats");
        assert_eq!(parsed(SearchGrammar::Phrase, "…"), "nothing");
        assert!(parsed(SearchGrammar::Plain, &"a ".repeat(65)).starts_with("54000 "));
        assert!(parsed(SearchGrammar::Phrase, &"a ".repeat(65)).starts_with("54000 "));
        assert!(parsed(SearchGrammar::Web, &"a".repeat(5_000)).starts_with("54000 "));
    }

    #[test]
    fn the_last_text_may_be_a_beginning() {
        let shown_last =
            |text: &str| shown(&parse(SearchGrammar::Web, text).unwrap().unwrap().with_last_as_prefix());
        assert_eq!(shown_last("fat ra"), "and(fat,ra*)");
        assert_eq!(shown_last("a or b c"), "or(a,and(b,c*))");
        assert_eq!(shown_last("fat -ra"), "and(fat,not(ra))");
    }
}
