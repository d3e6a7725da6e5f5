//! From a text to the words that are searched: letters and digits, in lower case, without accents, and without endings
//! where a language is named.

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer,
};

/// Longer words are no words that anybody types.
const WORD_BYTES_MAX: usize = 1_024;

/// The analyzer of a language; nothing for one that is none of `prejoin_sql::FULLTEXT_LANGUAGES`.
///
/// Accents go before endings: with or without them, a word is found under one stem.
pub fn analyzer(language: &str) -> Option<TextAnalyzer> {
    let words = TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(WORD_BYTES_MAX))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter);
    if language == "simple" {
        return Some(words.build());
    }
    Some(words.filter(Stemmer::new(stemmed(language)?)).build())
}

/// The name under which an index knows an analyzer.
pub(crate) fn tokenizer_name(language: &str) -> String {
    format!("prejoin_{language}")
}

fn stemmed(language: &str) -> Option<Language> {
    Some(match language {
        "arabic" => Language::Arabic,
        "danish" => Language::Danish,
        "dutch" => Language::Dutch,
        "english" => Language::English,
        "finnish" => Language::Finnish,
        "french" => Language::French,
        "german" => Language::German,
        "greek" => Language::Greek,
        "hungarian" => Language::Hungarian,
        "italian" => Language::Italian,
        "norwegian" => Language::Norwegian,
        "portuguese" => Language::Portuguese,
        "romanian" => Language::Romanian,
        "russian" => Language::Russian,
        "spanish" => Language::Spanish,
        "swedish" => Language::Swedish,
        "tamil" => Language::Tamil,
        "turkish" => Language::Turkish,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use prejoin_sql::FULLTEXT_LANGUAGES;

    use super::*;

    fn words(language: &str, text: &str) -> Vec<String> {
        let mut analyzer = analyzer(language).unwrap();
        let mut stream = analyzer.token_stream(text);
        let mut words = Vec::new();
        stream.process(&mut |token| words.push(token.text.clone()));
        words
    }

    #[test]
    fn every_language_that_a_view_may_name_has_an_analyzer() {
        for language in FULLTEXT_LANGUAGES {
            assert!(!words(language, "Prejoin 42").is_empty(), "{language}");
        }
        assert!(analyzer("klingon").is_none());
    }

    #[test]
    fn words_are_found_in_any_case_and_without_accents() {
        assert_eq!(words("simple", "Émile  ZOLA, J'accuse…!"), ["emile", "zola", "j", "accuse"]);
        assert_eq!(words("simple", "Straße Łódź 12-b"), ["strasse", "lodz", "12", "b"]);
        assert_eq!(words("simple", "running runs"), ["running", "runs"]);
        assert_eq!(words("simple", " -- "), [] as [&str; 0]);
        assert_eq!(words("simple", &"x".repeat(2_000)), [] as [&str; 0]);
    }

    #[test]
    fn a_language_takes_endings_off() {
        assert_eq!(words("english", "running runs"), ["run", "run"]);
        assert_eq!(words("german", "haus"), words("german", "Häuser"));
        assert_eq!(words("french", "mangée"), words("french", "mangee"));
    }
}
