//! From a text to its words, as the index has them: the chain that docs/search.md names.

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer,
};

const WORD_BYTES_MAX: usize = 1_024;

/// Nothing for a language that this version does not know.
pub(super) fn analyzer(language: &str) -> Option<TextAnalyzer> {
    let words = TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(WORD_BYTES_MAX))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter);
    match language {
        "simple" => Some(words.build()),
        language => Some(words.filter(Stemmer::new(stemmed(language)?)).build()),
    }
}

/// `serde` knows tantivy's languages by their names, which are PostgreSQL's but for the first letter.
fn stemmed(language: &str) -> Option<Language> {
    let mut letters = language.chars();
    let name = letters.next()?.to_ascii_uppercase().to_string() + letters.as_str();
    serde_json::from_value(serde_json::Value::String(name)).ok()
}

/// A word of a text with its place in bytes, and its number among the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) bytes: std::ops::Range<usize>,
    pub(super) number: usize,
}

pub(super) fn words(analyzer: &mut TextAnalyzer, text: &str) -> Vec<Word> {
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    stream.process(&mut |token| {
        words.push(Word {
            text: token.text.clone(),
            bytes: token.offset_from..token.offset_to,
            number: token.position,
        });
    });
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_places() {
        let text = "Émile's running";
        let found = words(&mut analyzer("english").unwrap(), text);
        let shown: Vec<_> =
            found.iter().map(|word| (word.text.as_str(), &text[word.bytes.clone()])).collect();
        assert_eq!(shown, [("emil", "Émile"), ("s", "s"), ("run", "running")]);
        assert_eq!(found[2].number, 2);
        assert!(analyzer("klingon").is_none() && analyzer("").is_none());
    }

    /// The names that a view may give to a column's language.
    #[test]
    fn every_language_of_an_index_is_known() {
        let languages = "simple arabic danish dutch english finnish french german greek hungarian italian norwegian \
             portuguese romanian russian spanish swedish tamil turkish";
        for language in languages.split(' ') {
            assert!(analyzer(language).is_some(), "{language}");
        }
    }
}
