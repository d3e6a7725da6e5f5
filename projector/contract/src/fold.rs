//! What an event of a known type does to the tables.

use std::collections::HashMap;

use prejoin_model::{Row, TableId, TableSchema, Type, Value, encode_key, to_text};
use sonic_rs::{JsonContainerTrait, JsonType, JsonValueTrait, Value as Node};

use crate::TableChange;
use crate::cast::{self, Misfit};
use crate::path::Path;
use crate::payload::Envelope;
use crate::rule::{Action, Kind, Rule};
use crate::source::{Attribute, Source};

/// How much of a value a reason shows, in characters.
const EXCERPT_CHARACTERS_MAX: usize = 60;

/// How long one column of a key may be, as text in UTF-8: what finds rows must stay small in every store and index.
const KEY_TEXT_BYTES_MAX: usize = 1024;

const KEY_MISFIT: Misfit = "1024 bytes at most, because it is a column of the key";

/// The changes, in the order of the contract; or why the event does not fit.
pub(crate) fn changes(
    tables: &[TableSchema],
    kind: &Kind,
    envelope: &Envelope<'_>,
    subject: Option<&Value>,
) -> Result<Vec<TableChange>, String> {
    let Some(subject) = subject else { return Err(subject_reason(tables, kind, envelope)) };
    let mut changes = Vec::with_capacity(kind.rules.len());
    for rule in &kind.rules {
        let fold = Fold { schema: &tables[rule.table], rule, envelope, subject };
        changes.push(fold.change()?);
    }
    Ok(changes)
}

#[cold]
fn subject_reason(tables: &[TableSchema], kind: &Kind, envelope: &Envelope<'_>) -> String {
    let name = envelope.kind.unwrap_or_default();
    match envelope.subject {
        None | Some("") => {
            format!("it has no subject: that of {name} is the key of the entity that the event is about")
        }
        Some(subject) => {
            let column = kind.rules.first().map(|rule| {
                let schema = &tables[rule.table];
                column_name(schema, schema.key[rule.entity])
            });
            let column = column.unwrap_or_default();
            let expected = cast::expected(kind.entity);
            format!(
                "its subject is {}, but {column} is {}: expected {expected}",
                quoted(subject),
                kind.entity
            )
        }
    }
}

/// One rule at work on one event.
struct Fold<'f> {
    schema: &'f TableSchema,
    rule: &'f Rule,
    envelope: &'f Envelope<'f>,
    subject: &'f Value,
}

/// An element of an array, with its number from 1.
struct Element<'n> {
    number: i64,
    node: &'n Node,
    each: &'n Path,
}

impl Fold<'_> {
    fn change(&self) -> Result<TableChange, String> {
        let table = TableId(self.rule.table);
        match &self.rule.action {
            Action::Upsert { key, set } => {
                let key = self.key_values(key)?;
                let value =
                    |(column, source): &(usize, Source)| Ok((*column, self.value(*column, source, None)?));
                let set = set.iter().map(value).collect::<Result<_, String>>()?;
                Ok(TableChange::Upsert { table, key, set })
            }
            Action::Delete { prefix } => {
                Ok(TableChange::Delete { table, key_prefix: self.key_values(prefix)? })
            }
            Action::Replace { each, prefix, of_event, of_element } => {
                let key_prefix = self.key_values(prefix)?;
                let rows = self.rows(each, &key_prefix, of_event, of_element)?;
                Ok(TableChange::Replace { table, key_prefix, rows })
            }
        }
    }

    /// The first columns of the key, one for each source; one of them is the subject.
    fn key_values(&self, sources: &[Source]) -> Result<Vec<Value>, String> {
        let mut values = Vec::with_capacity(sources.len());
        for (position, source) in sources.iter().enumerate() {
            let column = self.schema.key[position];
            values.push(match position == self.rule.entity {
                true => self.entity_value(column, source)?,
                false => self.key_value(column, source, None)?,
            });
        }
        Ok(values)
    }

    /// The column that must equal the subject.
    fn entity_value(&self, column: usize, source: &Source) -> Result<Value, String> {
        if let (Source::Data(path), Value::Text(subject)) = (source, self.subject)
            && subject.len() <= KEY_TEXT_BYTES_MAX
            && self.data(path).and_then(|node| node.as_str()) == Some(subject)
        {
            return Ok(self.subject.clone());
        }
        let value = self.key_value(column, source, None)?;
        if value == *self.subject {
            return Ok(value);
        }
        Err(format!(
            "its subject is {} but {source} is {}: the subject is the key of the entity that the event is about",
            quoted(self.envelope.subject.unwrap_or_default()),
            quoted(&to_text(&value).unwrap_or_default())
        ))
    }

    fn key_value(
        &self,
        column: usize,
        source: &Source,
        element: Option<&Element<'_>>,
    ) -> Result<Value, String> {
        let value = self.value(column, source, element)?;
        let Some(length) = key_text_bytes(&value) else {
            return Err(format!(
                "{}no value for the key column {} of {} at {source}",
                place(element),
                self.schema.columns[column].name,
                self.schema.name
            ));
        };
        if length > KEY_TEXT_BYTES_MAX {
            let found = format!("{length} bytes long");
            return Err(self.misfit(column, source, element, &found, KEY_MISFIT));
        }
        Ok(value)
    }

    fn value(&self, column: usize, source: &Source, element: Option<&Element<'_>>) -> Result<Value, String> {
        let kind = self.schema.columns[column].kind;
        let node = match source {
            Source::Constant(value) => return Ok(value.clone()),
            Source::Attribute(attribute) => return self.attribute(*attribute, column),
            Source::Number => return self.number(column, element),
            Source::Data(path) => self.data(path),
            Source::Element(path) => element.and_then(|element| path.resolve(element.node)),
        };
        let Some(node) = node else { return Ok(Value::Null) };
        cast::from_json(kind, node)
            .map_err(|expected| self.misfit(column, source, element, &excerpt(node), expected))
    }

    fn data(&self, path: &Path) -> Option<&Node> {
        path.resolve(self.envelope.data?)
    }

    fn attribute(&self, attribute: Attribute, column: usize) -> Result<Value, String> {
        let kind = self.schema.columns[column].kind;
        let text = match attribute {
            Attribute::Id => self.envelope.id,
            Attribute::Source => self.envelope.source,
            Attribute::Type => self.envelope.kind,
            Attribute::Subject => self.envelope.subject,
            Attribute::Time => self.envelope.time,
            Attribute::Sequence => {
                let Some(sequence) = self.envelope.sequence else { return Ok(Value::Null) };
                let digits = sequence.to_string();
                return cast::from_number(kind, &digits).map_err(|expected| {
                    self.misfit(column, &Source::Attribute(attribute), None, &digits, expected)
                });
            }
        };
        let Some(text) = text else { return Ok(Value::Null) };
        cast::from_string(kind, text).map_err(|expected| {
            self.misfit(column, &Source::Attribute(attribute), None, &quoted(text), expected)
        })
    }

    fn number(&self, column: usize, element: Option<&Element<'_>>) -> Result<Value, String> {
        let Some(element) = element else { return Ok(Value::Null) };
        match self.schema.columns[column].kind {
            Type::Bigint => Ok(Value::Bigint(element.number)),
            kind => {
                let digits = element.number.to_string();
                let misfit =
                    |expected| self.misfit(column, &Source::Number, Some(element), &digits, expected);
                cast::from_number(kind, &digits).map_err(misfit)
            }
        }
    }

    fn rows(
        &self,
        each: &Path,
        key_prefix: &[Value],
        of_event: &[(usize, Source)],
        of_element: &[(usize, Source)],
    ) -> Result<Vec<Row>, String> {
        let elements = self.elements(each)?;
        let mut template = vec![Value::Null; self.schema.columns.len()];
        for (&column, value) in self.schema.key.iter().zip(key_prefix) {
            template[column] = value.clone();
        }
        for (column, source) in of_event {
            template[*column] = self.row_value(*column, source, None)?;
        }
        let goes_into_elements =
            of_element.iter().any(|(_, source)| matches!(source, Source::Element(path) if !path.is_root()));
        let mut rows = Vec::with_capacity(elements.len());
        for (node, number) in elements.iter().zip(1..) {
            let element = Element { number, node, each };
            if goes_into_elements && !(node.is_object() || node.is_array()) {
                return Err(format!("element {number} of ${each} is {}: expected an object", excerpt(node)));
            }
            let mut row = template.clone();
            for (column, source) in of_element {
                row[*column] = self.row_value(*column, source, Some(&element))?;
            }
            rows.push(row);
        }
        let numbered = of_element
            .iter()
            .any(|(column, source)| *source == Source::Number && self.schema.key.contains(column));
        if !numbered {
            self.check_distinct(each, &rows)?;
        }
        Ok(rows)
    }

    fn row_value(
        &self,
        column: usize,
        source: &Source,
        element: Option<&Element<'_>>,
    ) -> Result<Value, String> {
        match self.schema.key.contains(&column) {
            true => self.key_value(column, source, element),
            false => self.value(column, source, element),
        }
    }

    fn elements(&self, each: &Path) -> Result<&[Node], String> {
        let found = self.data(each);
        if let Some(array) = found.and_then(|node| node.as_array()) {
            return Ok(array);
        }
        let found = found.map_or_else(|| "missing".to_owned(), excerpt);
        Err(format!(
            "${each} is {found}: expected an array, each element of which is a row of {}",
            self.schema.name
        ))
    }

    fn check_distinct(&self, each: &Path, rows: &[Row]) -> Result<(), String> {
        let mut numbers: HashMap<Vec<u8>, usize> = HashMap::with_capacity(rows.len());
        for (row, number) in rows.iter().zip(1..) {
            let key: Vec<Value> = self.schema.key.iter().map(|&column| row[column].clone()).collect();
            if let Some(earlier) = numbers.insert(encode_key(&key), number) {
                return Err(self.same_key(each, earlier, number, &key));
            }
        }
        Ok(())
    }

    #[cold]
    fn same_key(&self, each: &Path, earlier: usize, later: usize, key: &[Value]) -> String {
        let key: Vec<String> = self
            .schema
            .key
            .iter()
            .zip(key)
            .map(|(&column, value)| {
                let text = to_text(value).unwrap_or_default();
                format!("{} {}", self.schema.columns[column].name, quoted(&text))
            })
            .collect();
        format!(
            "elements {earlier} and {later} of ${each} have the same key in {}: {}",
            self.schema.name,
            key.join(", ")
        )
    }

    #[cold]
    fn misfit(
        &self,
        column: usize,
        source: &Source,
        element: Option<&Element<'_>>,
        found: &str,
        expected: Misfit,
    ) -> String {
        let name = column_name(self.schema, column);
        let kind = self.schema.columns[column].kind;
        format!("{}{source} is {found}, but {name} is {kind}: expected {expected}", place(element))
    }
}

/// The length of a value that may be long, 0 for others; nothing for NULL.
fn key_text_bytes(value: &Value) -> Option<usize> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(text.len()),
        Value::Numeric(_) => to_text(value).map(|text| text.len()),
        _ => Some(0),
    }
}

fn place(element: Option<&Element<'_>>) -> String {
    element
        .map_or_else(String::new, |element| format!("in element {} of ${}, ", element.number, element.each))
}

fn column_name(schema: &TableSchema, column: usize) -> String {
    format!("{}.{}", schema.name, schema.columns[column].name)
}

/// A value as a person can recognise it.
#[cold]
fn excerpt(node: &Node) -> String {
    match node.get_type() {
        JsonType::Null => "null".into(),
        JsonType::Boolean => node.as_bool().unwrap_or_default().to_string(),
        JsonType::Number => {
            node.as_raw_number().map_or_else(String::new, |number| shortened(number.as_str()))
        }
        JsonType::String => quoted(node.as_str().unwrap_or_default()),
        JsonType::Array => "an array".into(),
        JsonType::Object => "an object".into(),
    }
}

fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
