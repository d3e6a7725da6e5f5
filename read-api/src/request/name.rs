//! Names of columns: `order_id`, `first-name`, `"with, comma"`.

use super::cursor::Cursor;
use crate::Error;

pub(super) const FIELD_NAME: &str = "field name (* or [a..z0..9_$])";

/// A name and whether it was quoted (only an unquoted one could have gone on).
pub(super) struct Name {
    pub(super) text: String,
    pub(super) quoted: bool,
}

impl Name {
    /// What may follow this name, given what may follow any name at this place.
    pub(super) fn expecting(&self, following: &str) -> String {
        if self.quoted { following.to_owned() } else { format!("letter, digit, \"-\", {following}") }
    }
}

/// Reads one name; `expecting` is said when there is none.
pub(super) fn parse(cursor: &mut Cursor<'_>, expecting: &str) -> Result<Name, Error> {
    if let Some(text) = quoted(cursor) {
        return Ok(Name { text, quoted: true });
    }
    let mut text = String::new();
    loop {
        let part = cursor.take_while(is_name_character);
        match (part.is_empty(), text.is_empty()) {
            (true, true) => return Err(cursor.expected(expecting)),
            (true, false) => return Err(cursor.expected("letter or digit")),
            (false, _) => text.push_str(part.trim()),
        }
        if cursor.rest().starts_with("->") || !cursor.eat("-") {
            return Ok(Name { text, quoted: false });
        }
        text.push('-');
    }
}

/// Text in double quotes, `\` before a character that stands for itself. Without the closing quote the cursor stays.
pub(super) fn quoted(cursor: &mut Cursor<'_>) -> Option<String> {
    let start = cursor.at();
    if !cursor.eat("\"") {
        return None;
    }
    let mut text = String::new();
    let mut characters = cursor.rest().char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                cursor.go_to(start + 1 + at + 1);
                return Some(text);
            }
            '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => text.push(character),
        }
    }
    cursor.go_to(start);
    None
}

/// A path into a jsonb column, such as `->address->>city`, is known but not answered yet.
pub(super) fn refuse_json_path(cursor: &Cursor<'_>, name: &Name) -> Result<(), Error> {
    if !cursor.rest().starts_with("->") {
        return Ok(());
    }
    let reason = format!("Paths into json ('{}{}') are not supported yet.", name.text, cursor.rest());
    Err(Error::NotImplemented { reason })
}

fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | ' ' | '$')
}
