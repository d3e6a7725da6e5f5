//! The id of an event: where whoever saw it goes on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A place among the changes of a generation. Clients take it for an opaque text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// What was asked for, and by whom: another request has no use for it.
    pub(crate) asked: String,
    pub(crate) generation: i64,
    pub(crate) run: String,
    /// The batch that was told last, as a whole.
    pub(crate) number: i64,
    /// Changes of the next batch that were told.
    pub(crate) done: usize,
}

impl Token {
    pub(crate) fn to_text(&self) -> String {
        let Token { asked, generation, run, number, done } = self;
        URL_SAFE_NO_PAD.encode(format!("1.{asked}.{generation}.{run}.{number}.{done}"))
    }

    /// Nothing if it is none of ours: then there is nothing to go on from.
    pub(crate) fn from_text(text: &str) -> Option<Token> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let parts: Vec<&str> = text.split('.').collect();
        let ["1", asked, generation, run, number, done] = parts[..] else { return None };
        Some(Token {
            asked: asked.to_owned(),
            generation: generation.parse().ok()?,
            run: run.to_owned(),
            number: number.parse().ok().filter(|number: &i64| *number >= 0)?,
            done: done.parse().ok()?,
        })
    }
}

/// Names what is made of these parts, each told from its neighbours by its length.
pub(crate) fn digest(parts: &[&[u8]], bytes: usize) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    URL_SAFE_NO_PAD.encode(&digest[..bytes.min(digest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let token = Token {
            asked: digest(&[b"a", b"b"], 9),
            generation: 7,
            run: "0123456789abcdef".to_owned(),
            number: i64::MAX,
            done: 3,
        };
        assert_eq!(Token::from_text(&token.to_text()).unwrap(), token);
    }

    #[test]
    fn what_is_no_token_is_nothing() {
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let texts = [
            "1.a.b".to_owned(),
            encoded("2.a.1.r.1.0"),
            encoded("1.a.x.r.1.0"),
            encoded("1.a.1.r.-1.0"),
            encoded("1.a.1.r.99999999999999999999.0"),
            encoded("1.a.1.r.1.-1"),
            encoded("1.a.1.r.1.0.0"),
            URL_SAFE_NO_PAD.encode([0xff, 0xfe]),
            String::new(),
        ];
        for text in texts {
            assert_eq!(Token::from_text(&text), None, "{text}");
        }
    }
}
