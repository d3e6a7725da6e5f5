//! The event that is to take a dead letter's place, from a file.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use serde_json::value::RawValue;

/// A file's text; `-` is standard input.
pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The message with other data; its other attributes stay as they are, letter for letter.
pub(super) fn with_data(message: &[u8], data: &str) -> anyhow::Result<String> {
    let mut attributes: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(message)
        .context("the message is no JSON object, so that its data alone does not mend it: give the whole event with --with-event")?;
    let data = serde_json::from_str(data).context("the data is not JSON")?;
    attributes.insert("data".to_owned(), data);
    Ok(serde_json::to_string(&attributes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_data_changes() {
        let message = br#"{"type":"t","sequence":"7","data":{"n":"x"},"more":1.10}"#;
        let amended = with_data(message, " {\"n\": 1.00}\n").unwrap();
        assert_eq!(amended, r#"{"data":{"n": 1.00},"more":1.10,"sequence":"7","type":"t"}"#);
        assert!(with_data(b"not JSON", "{}").unwrap_err().to_string().contains("--with-event"));
        assert!(with_data(message, "{").unwrap_err().to_string().contains("not JSON"));
    }
}
