//! A path into JSON: `.name`, `["any name"]` and `[0]`, one after another.

use std::fmt;

use sonic_rs::{JsonContainerTrait, Value as Json};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Field(Box<str>),
    /// From 0.
    Element(usize),
}

impl Path {
    /// Reads what follows the root sign; nothing if it is not a path. The empty path is the root itself.
    pub(crate) fn parse(text: &str) -> Option<Path> {
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (segment, after) = match rest.strip_prefix('.') {
                Some(after) => field(after)?,
                None => bracket(rest.strip_prefix('[')?)?,
            };
            segments.push(segment);
            rest = after;
        }
        Some(Path(segments))
    }

    /// Whether it is the empty path.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// What stands at the path; nothing if a step of it is missing or not of the kind that the step goes into.
    pub(crate) fn resolve<'j>(&self, root: &'j Json) -> Option<&'j Json> {
        self.0.iter().try_fold(root, |value, segment| match segment {
            Segment::Field(name) => member(value, name),
            Segment::Element(index) => value.as_array()?.get(*index),
        })
    }
}

/// The member of an object; the last one where a name is repeated.
fn member<'j>(value: &'j Json, name: &str) -> Option<&'j Json> {
    let members = value.as_object()?.iter();
    members.filter(|&(key, _)| key == name).last().map(|(_, value)| value)
}

fn field(text: &str) -> Option<(Segment, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let sound = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
    sound.then(|| (Segment::Field(name.into()), rest))
}

fn bracket(text: &str) -> Option<(Segment, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (name, rest) = quoted.split_once("\"]")?;
        let sound = !name.contains(|c: char| c == '"' || c == '\\' || c.is_control());
        return sound.then(|| (Segment::Field(name.into()), rest));
    }
    let (index, rest) = text.split_once(']')?;
    let digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    Some((Segment::Element(index.parse().ok().filter(|_| digits)?), rest))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                Segment::Field(name) if field(name).is_some_and(|(_, rest)| rest.is_empty()) => {
                    write!(f, ".{name}")?;
                }
                Segment::Field(name) => write!(f, "[\"{name}\"]")?,
                Segment::Element(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_written() {
        for text in ["", ".a", ".a.b_c", ".größe", "[0]", ".a[2].b", "[\"a.b\"].c", ".x-y"] {
            assert_eq!(Path::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Path::parse("[\"ab\"]").unwrap().to_string(), ".ab");
        for text in
            ["a", ".", ".a.", ".a..b", "[", "[]", "[-1]", "[+1]", "[\"a\"", ".a b", ".a[\"b\\\"]", ".*"]
        {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_path_leads_to_the_last_member_of_a_name() {
        let root: Json = sonic_rs::from_str(r#"{"a":{"b":1},"a":{"b":[5,6]},"x.y":null}"#).unwrap();
        let at = |text: &str| {
            Path::parse(text).unwrap().resolve(&root).map(|found| sonic_rs::to_string(found).unwrap())
        };
        assert_eq!(at(".a.b[1]").as_deref(), Some("6"));
        assert_eq!(at("[\"x.y\"]").as_deref(), Some("null"));
        for missing in [".a.c", ".a.b[2]", ".a[0]", ".a.b.c", ".b"] {
            assert_eq!(at(missing), None, "{missing}");
        }
    }
}
