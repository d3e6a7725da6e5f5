//! The format of the files: see `cases/README.md`.

use std::path::Path;

pub(crate) struct Case {
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) method: String,
    /// Below `/rest/v1/`, as it is sent.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) sent_body: Option<String>,
    pub(crate) status: u16,
    /// Nothing for a header that must be absent.
    pub(crate) answer_headers: Vec<(String, Option<String>)>,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    Unsaid,
    /// What PostgreSQL makes of these rows with json_agg.
    Sql(String),
    Text(String),
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"];

impl Case {
    pub(crate) fn title(&self) -> String {
        format!("{}:{} {} {}", self.file, self.line, self.method, self.target)
    }
}

/// Every case of every file, in order.
pub(crate) fn read(folder: &Path) -> Vec<Case> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "http")).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            take(&mut cases, &file, number + 1, line);
        }
    }
    cases
}

/// A case of which nothing is expected yet.
pub(crate) fn request(file: &str, line: usize, method: &str, target: &str) -> Case {
    Case {
        file: file.to_owned(),
        line,
        method: method.to_owned(),
        target: sendable(target),
        headers: Vec::new(),
        sent_body: None,
        status: 200,
        answer_headers: Vec::new(),
        body: Body::Unsaid,
    }
}

fn take(cases: &mut Vec<Case>, file: &str, line_number: usize, line: &str) {
    if line.trim().is_empty() || line.starts_with('#') {
        return;
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    if METHODS.contains(&word) {
        cases.push(request(file, line_number, word, rest));
        return;
    }
    let case = cases.last_mut().unwrap_or_else(|| panic!("{file}:{line_number}: no request stands before"));
    match word {
        ">" => case.headers.push(header(rest)),
        "<" => {
            let (name, value) = header(rest);
            case.answer_headers.push((name, (!value.is_empty()).then_some(value)));
        }
        ">>" => case.sent_body = Some(rest.to_owned()),
        "sql" => case.body = Body::Sql(rest.to_owned()),
        "body" => {
            // Further lines of a text, such as CSV.
            case.body = match std::mem::replace(&mut case.body, Body::Unsaid) {
                Body::Text(before) => Body::Text(format!("{before}\n{rest}")),
                _ => Body::Text(rest.to_owned()),
            };
        }
        "error" => {
            let parts: Vec<&str> = rest.splitn(3, ' ').collect();
            let [status, code, message] = parts[..] else { panic!("{file}:{line_number}: {line}") };
            case.status = status.parse().unwrap();
            case.body = Body::Text(error_body(code, message));
        }
        status if status.len() == 3 && rest.is_empty() => case.status = status.parse().unwrap(),
        _ => panic!("{file}:{line_number}: {line}"),
    }
}

/// `message | details | hint`; what is left out is null.
fn error_body(code: &str, text: &str) -> String {
    let mut parts = text.split(" | ").map(|part| match part {
        "-" => serde_json::Value::Null,
        text => text.into(),
    });
    let mut next = || parts.next().unwrap_or_default();
    let (message, details, hint) = (next(), next(), next());
    // In this order.
    format!(r#"{{"code":"{code}","details":{details},"hint":{hint},"message":{message}}}"#)
}

fn header(text: &str) -> (String, String) {
    let (name, value) = text.split_once(':').unwrap();
    (name.to_owned(), value.trim().to_owned())
}

/// What a URI cannot hold is encoded; what it can is sent as it is.
fn sendable(target: &str) -> String {
    let mut sent = String::new();
    for byte in target.bytes() {
        match byte {
            b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80.. => {
                sent.push_str(&format!("%{byte:02X}"));
            }
            other => sent.push(char::from(other)),
        }
    }
    sent
}
