//! The body of a search: hits with their rows and fragments, facets, the total.

use prejoin_model::Type;

use super::find::Found;
use crate::Error;
use crate::answer::write_string;
use crate::catalog::View;
use crate::plan::{Expression, Output};
use crate::search::{Highlighter, IndexSnapshot, SearchRequest, texts};
use crate::store::Row;

pub(super) struct Body {
    bytes: Vec<u8>,
    hits: u64,
    facets: Vec<u8>,
    has_facets: bool,
    highlighters: Vec<(String, Highlighter)>,
    /// Where the texts of each stand in a row, and of which type they are.
    places: Vec<(usize, Type)>,
}

impl Body {
    /// `searched` are the columns whose words count. Of others there is nothing to highlight.
    pub(super) fn new(
        request: &SearchRequest,
        index: &IndexSnapshot,
        searched: &[String],
    ) -> Result<Self, Error> {
        let names = request.highlighted.as_deref().unwrap_or(searched);
        let mut highlighters = Vec::new();
        for name in names {
            let column = index.column(name)?;
            if let Some(query) = request.query.as_ref().filter(|_| searched.contains(name)) {
                highlighters.push((name.clone(), Highlighter::new(query, column, request.typos)));
            }
        }
        Ok(Body {
            bytes: b"{\"hits\":[".to_vec(),
            hits: 0,
            facets: Vec::new(),
            has_facets: !request.facets.is_empty(),
            highlighters,
            places: Vec::new(),
        })
    }

    /// Adds what must be read of each row for its fragments, if it is not read already.
    pub(super) fn add_highlighted(&mut self, view: &View, output: &mut Vec<Output>) -> Result<(), Error> {
        for (name, _) in &self.highlighters {
            let column = view.column(name).ok_or_else(|| {
                Error::unreadable(format!("a search index of column {name}, which its view has not"))
            })?;
            let column = &view.columns[column];
            let is_read =
                |output: &Output| matches!(&output.expression, Expression::Column(read) if read == column);
            let place = output.iter().position(is_read).unwrap_or_else(|| {
                let expression = Expression::Column(column.clone());
                output.push(Output { key: name.clone(), expression });
                output.len() - 1
            });
            self.places.push((place, column.kind));
        }
        Ok(())
    }

    /// A row as a line of JSON.
    pub(super) fn hit(&mut self, score: f32, line: &[u8], row: &Row) -> Result<(), Error> {
        if self.hits > 0 {
            self.bytes.extend_from_slice(b",\n");
        }
        self.hits += 1;
        self.bytes.extend_from_slice(format!("{{\"score\":{score},\"row\":").as_bytes());
        self.bytes.extend_from_slice(line.trim_ascii_end());
        self.bytes.extend_from_slice(b",\"highlights\":{");
        let mut is_first = true;
        for ((name, highlighter), (place, kind)) in self.highlighters.iter_mut().zip(&self.places) {
            let Some(text) = row.text(*place)? else { continue };
            let texts = texts(*kind, text);
            if let Some(fragments) = highlighter.fragments(texts.iter().map(String::as_str)) {
                if !std::mem::replace(&mut is_first, false) {
                    self.bytes.push(b',');
                }
                write_string(name, &mut self.bytes);
                self.bytes.push(b':');
                write_string(&fragments, &mut self.bytes);
            }
        }
        self.bytes.extend_from_slice(b"}}");
        Ok(())
    }

    /// A column's values, as a JSON array.
    pub(super) fn facet(&mut self, column: &str, values: &[u8]) {
        if !self.facets.is_empty() {
            self.facets.push(b',');
        }
        write_string(column, &mut self.facets);
        self.facets.push(b':');
        self.facets.extend_from_slice(values);
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits
    }

    pub(super) fn end(mut self, found: &Found, shows_total: bool) -> Vec<u8> {
        self.bytes.push(b']');
        if self.has_facets {
            self.bytes.extend_from_slice(b",\"facets\":{");
            self.bytes.extend_from_slice(&self.facets);
            self.bytes.push(b'}');
        }
        if let Some(total) = found.total.filter(|_| shows_total) {
            self.bytes.extend_from_slice(format!(",\"total\":{total}").as_bytes());
        }
        if !found.is_complete {
            self.bytes.extend_from_slice(b",\"is_complete\":false");
        }
        self.bytes.push(b'}');
        self.bytes
    }
}
