//! The header `Accept`: `application/vnd.pgrst.object+json;nulls=stripped, text/csv;q=0.5`.

use std::cmp::Reverse;

/// A form of answer that a client can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MediaType {
    Any,
    Json,
    /// An array whose objects lack what is NULL.
    ArrayStripped,
    /// One object instead of an array of one.
    Object {
        stripped: bool,
    },
    Csv,
    /// A row a line.
    NdJson,
    OpenApi,
    /// How the store would find the rows of another form of answer.
    Plan {
        of: Box<MediaType>,
        format: PlanFormat,
        options: PlanOptions,
    },
    /// As written.
    Other(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PlanOptions {
    pub(crate) analyze: bool,
    pub(crate) verbose: bool,
    pub(crate) settings: bool,
    pub(crate) buffers: bool,
    pub(crate) wal: bool,
}

/// The accepted forms, those that the client likes better first. None for an empty header.
pub(crate) fn accepted(header: &str) -> Vec<MediaType> {
    let mut ranked: Vec<_> = parts(header, ',')
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let parameters = parts(part, ';');
            let quality = parameters.iter().skip(1).find_map(|parameter| quality_thousandths(parameter));
            // As common servers do: of two that are liked equally, the more special one is first.
            let special = match parameters[0].trim() {
                "*/*" => 0,
                kind if kind.ends_with("/*") => 1,
                _ if parameters.len() == 1 || parameters.len() == 2 && quality.is_some() => 2,
                _ => 3,
            };
            (quality.unwrap_or(1000), special, MediaType::parse(part))
        })
        .collect();
    ranked.sort_by_key(|(quality, special, _)| Reverse((*quality, *special)));
    ranked.into_iter().map(|(_, _, kind)| kind).collect()
}

/// `q=0.5` as 500.
fn quality_thousandths(parameter: &str) -> Option<u32> {
    let text = parameter.trim().strip_prefix("q=")?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let thousandths = whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    Some(thousandths.min(1000))
}

/// Splits outside of double quotes.
fn parts(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, character) in text.char_indices() {
        if character == '"' {
            quoted = !quoted;
        } else if character == separator && !quoted {
            parts.push(&text[start..at]);
            start = at + separator.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

impl MediaType {
    /// A type with its parameters. The type's letters may have any case.
    pub(crate) fn parse(text: &str) -> MediaType {
        MediaType::parse_within(text, false)
    }

    /// A plan's plan is none.
    fn parse_within(text: &str, within_plan: bool) -> MediaType {
        let parts = parts(text, ';');
        let parameter = |wanted: &str| {
            parts.iter().skip(1).find_map(|part| {
                let (name, value) = part.split_once('=')?;
                let value = value.trim();
                let value =
                    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
                name.trim().eq_ignore_ascii_case(wanted).then_some(value)
            })
        };
        let stripped = parameter("nulls") == Some("stripped");
        match parts[0].trim().to_ascii_lowercase().as_str() {
            "*/*" | "application/*" => MediaType::Any,
            "application/json" => MediaType::Json,
            "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => {
                if stripped {
                    MediaType::ArrayStripped
                } else {
                    MediaType::Json
                }
            }
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => {
                MediaType::Object { stripped }
            }
            "text/csv" => MediaType::Csv,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => MediaType::NdJson,
            "application/openapi+json" => MediaType::OpenApi,
            "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text" if !within_plan => {
                plan(parameter("for"), PlanFormat::Text, parameter("options"))
            }
            "application/vnd.pgrst.plan+json" if !within_plan => {
                plan(parameter("for"), PlanFormat::Json, parameter("options"))
            }
            _ => MediaType::Other(text.trim().to_owned()),
        }
    }

    /// As the header `Content-Type` says it, but for the charset.
    pub(crate) fn name(&self) -> String {
        match self {
            MediaType::Any => "*/*".to_owned(),
            MediaType::Json => "application/json".to_owned(),
            MediaType::ArrayStripped => "application/vnd.pgrst.array+json;nulls=stripped".to_owned(),
            MediaType::Object { stripped: false } => "application/vnd.pgrst.object+json".to_owned(),
            MediaType::Object { stripped: true } => {
                "application/vnd.pgrst.object+json;nulls=stripped".to_owned()
            }
            MediaType::Csv => "text/csv".to_owned(),
            MediaType::NdJson => "application/x-ndjson".to_owned(),
            MediaType::OpenApi => "application/openapi+json".to_owned(),
            MediaType::Plan { of, format, options } => {
                let format = match format {
                    PlanFormat::Text => "text",
                    PlanFormat::Json => "json",
                };
                let options = options.names().join("|");
                let options = if options.is_empty() { options } else { format!("; options={options}") };
                format!("application/vnd.pgrst.plan+{format}; for=\"{}\"{options}", of.name())
            }
            MediaType::Other(name) => name.clone(),
        }
    }
}

fn plan(of: Option<&str>, format: PlanFormat, options: Option<&str>) -> MediaType {
    let of = Box::new(MediaType::parse_within(of.unwrap_or("application/json"), true));
    let chosen: Vec<&str> = options.map_or_else(Vec::new, |options| options.split('|').collect());
    let has = |option: &str| chosen.contains(&option);
    let options = PlanOptions {
        analyze: has("analyze"),
        verbose: has("verbose"),
        settings: has("settings"),
        buffers: has("buffers"),
        wal: has("wal"),
    };
    MediaType::Plan { of, format, options }
}

impl PlanOptions {
    fn names(self) -> Vec<&'static str> {
        let all = [
            (self.analyze, "analyze"),
            (self.verbose, "verbose"),
            (self.settings, "settings"),
            (self.buffers, "buffers"),
            (self.wal, "wal"),
        ];
        all.into_iter().filter(|(chosen, _)| *chosen).map(|(_, name)| name).collect()
    }
}
