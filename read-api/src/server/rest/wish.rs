//! What a request's headers ask for beside its query: the form of the answer, preferences, a schema.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, HeaderName, RANGE};

use crate::Error;
use crate::answer::Format;
use crate::request::{self, MediaType, PlanFormat, PlanOptions, Preferences, ReadRequest};

/// The one schema that there is, by the name that clients know.
const SCHEMA: &str = "public";
const ACCEPT_PROFILE: HeaderName = HeaderName::from_static("accept-profile");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// A request as a whole.
pub(super) struct Wish {
    pub(super) request: ReadRequest,
    pub(super) preferences: Preferences,
    pub(super) media: MediaType,
    pub(super) form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Rows(Format),
    /// How the store would find them.
    Plan(PlanFormat, PlanOptions),
}

impl Wish {
    pub(super) fn parse(query_string: &str, headers: &HeaderMap, only_headers: bool) -> Result<Wish, Error> {
        check_schema(headers)?;
        let range = headers.get(RANGE).and_then(|range| range.to_str().ok()).filter(|_| !only_headers);
        let request = request::parse(query_string, range)?;
        let preferences = preferences(headers);
        if let Some(details) = preferences.refused() {
            return Err(Error::InvalidPreferences { details });
        }
        let (media, form) = chosen(headers)?;
        Ok(Wish { request, preferences, media, form })
    }
}

/// What the client would like, beside what it asks.
pub(in crate::server) fn preferences(headers: &HeaderMap) -> Preferences {
    Preferences::parse(texts(headers, &PREFER))
}

fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

fn check_schema(headers: &HeaderMap) -> Result<(), Error> {
    for name in [&ACCEPT_PROFILE, &CONTENT_PROFILE] {
        if let Some(schema) = texts(headers, name).next()
            && schema != SCHEMA
        {
            return Err(Error::UnknownSchema { schema: schema.to_owned() });
        }
    }
    Ok(())
}

/// The first form that the client likes and that there is.
fn chosen(headers: &HeaderMap) -> Result<(MediaType, Form), Error> {
    let header = texts(headers, &ACCEPT).collect::<Vec<_>>().join(",");
    let accepted = request::accepted(&header);
    if accepted.is_empty() {
        return Ok((MediaType::Json, Form::Rows(Format::Array)));
    }
    for media in accepted {
        let form = match &media {
            MediaType::Any => return Ok((MediaType::Json, Form::Rows(Format::Array))),
            MediaType::Plan { of, format, options } if rows_format(of).is_some() => {
                Some(Form::Plan(*format, *options))
            }
            other => rows_format(other).map(Form::Rows),
        };
        if let Some(form) = form {
            return Ok((media, form));
        }
    }
    let wanted = header.split(',').map(|range| range.split(';').next().unwrap_or(range).trim());
    Err(Error::NotAcceptable { accept: wanted.collect::<Vec<_>>().join(", ") })
}

fn rows_format(media: &MediaType) -> Option<Format> {
    Some(match media {
        MediaType::Json | MediaType::Any => Format::Array,
        MediaType::ArrayStripped => Format::ArrayStripped,
        MediaType::Object { stripped } => Format::Object { stripped: *stripped },
        MediaType::Csv => Format::Csv,
        MediaType::NdJson => Format::NdJson,
        MediaType::OpenApi | MediaType::Plan { .. } | MediaType::Other(_) => return None,
    })
}
