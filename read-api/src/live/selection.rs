//! What one client wants to see of a view: which rows, and what of them. The same for a snapshot's rows, which the store
//! selects, and for changed ones, which are judged here.

use std::sync::Arc;

use futures::TryStreamExt;
use prejoin_model::{Type, to_text};

use super::token::digest;
use crate::answer::{write_string, write_value};
use crate::catalog::View;
use crate::freshness::{ChangedRow, read_row};
use crate::plan::{self, Condition, Expression, Judge, Output, ReadPlan, Required, Source};
use crate::query;
use crate::request::{self, ReadRequest};
use crate::store::{self, Session};
use crate::{Error, hexadecimal};

/// Bytes of a row's name: two rows do not get one by chance, and nobody tries all keys for it without the secret.
const NAME_BYTES: usize = 15;
/// Bytes of what names a request.
const ASKED_BYTES: usize = 12;

pub(crate) struct Selection {
    pub(crate) view: Arc<View>,
    /// Of all columns and the key.
    plan: ReadPlan,
    judge: Judge,
    outputs: Vec<Shown>,
    /// Who sees it, as far as that decides what is seen: nobody recognises another's rows by their names.
    scope: String,
    /// Names the request and the scope.
    pub(crate) asked: String,
}

/// A member of the object that a client sees.
struct Shown {
    /// Its name as JSON with a colon, and a comma before it unless it is the first.
    key: Vec<u8>,
    source: Source,
    kind: Type,
}

impl Selection {
    /// Fails for what is no condition on rows, or no part of one: changes have no order, and no number.
    pub(crate) fn new(
        view: Arc<View>,
        query_string: &str,
        required: &[Required],
    ) -> Result<Selection, Error> {
        let mut request = request::parse(query_string, None)?;
        refuse_beyond_rows(&request)?;
        // A plan that pages by cursors yields keys.
        request.cursor = Some(String::new());
        let mut plan = plan::plan(&view, &request, required)?;
        if plan.groups.is_some() {
            return Err(refused("aggregates"));
        }
        // A plan also says what follows for keys, which the store finds rows by.
        let judge = Judge::new(&view, &plan::conditions(&view, &request.filters, required)?)?;
        let outputs = plan.output.iter().enumerate().map(|(place, output)| {
            let mut key = if place == 0 { Vec::new() } else { vec![b','] };
            write_string(&output.key, &mut key);
            key.push(b':');
            let source = Source::new(&view, &output.expression)?;
            Ok(Shown { key, source, kind: output.expression.kind() })
        });
        let outputs = outputs.collect::<Result<_, Error>>()?;
        let all_columns = view.columns.iter().map(|column| {
            let expression = Expression::Column(column.clone());
            Output { key: column.name.clone(), expression }
        });
        plan.output = all_columns.collect();
        let scope: Vec<String> =
            required.iter().map(|required| format!("{}\n{}", required.column, required.value)).collect();
        let scope = digest(&[scope.join("\n").as_bytes()], ASKED_BYTES);
        let canonical = request::canonical(query_string)?;
        let asked = digest(&[view.name.as_bytes(), canonical.as_bytes(), scope.as_bytes()], ASKED_BYTES);
        Ok(Selection { view, plan, judge, outputs, scope, asked })
    }

    /// Whether a row is shown.
    pub(crate) fn takes(&self, row: &ChangedRow) -> Result<bool, Error> {
        self.judge.takes(&row.values)
    }

    /// What a client sees of a row, as JSON.
    pub(crate) fn write(&self, row: &ChangedRow, out: &mut Vec<u8>) -> Result<(), Error> {
        out.push(b'{');
        for Shown { key, source, kind } in &self.outputs {
            out.extend_from_slice(key);
            match source {
                Source::Column(place) => {
                    write_value(row.texts.get(*place).and_then(Option::as_deref), *kind, out);
                }
                source => write_value(to_text(&source.value(&row.values)?).as_deref(), *kind, out),
            }
        }
        out.push(b'}');
        Ok(())
    }

    /// What a client knows a row by. It tells nothing of the key, which may hold what the client does not see.
    pub(crate) fn name_of(&self, key: &[u8], secret: &str) -> String {
        digest(&[secret.as_bytes(), self.scope.as_bytes(), key], NAME_BYTES)
    }

    /// The next rows behind a key, in the order of their keys.
    pub(crate) async fn read(
        &self,
        session: &mut Session,
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, ChangedRow)>, Error> {
        let mut plan = self.plan.clone();
        plan.conditions.push(Condition::KeyAfter(after.to_vec()));
        plan.limit = Some(limit as u64);
        let statement = query::rows(&plan, session.dialect())?;
        let rows: Vec<store::Row> = session.rows(statement).try_collect().await?;
        rows.iter().map(|row| keyed(row, &self.view)).collect()
    }
}

fn keyed(row: &store::Row, view: &View) -> Result<(Vec<u8>, ChangedRow), Error> {
    let key = hexadecimal::decode(row.required(view.columns.len())?);
    let key = key.ok_or_else(|| Error::unreadable("a key that is no hexadecimal digits"))?;
    let texts =
        view.columns.iter().enumerate().map(|(place, column)| match (row.owned(place)?, column.kind) {
            // As SQLite keeps it.
            (Some(text), Type::Boolean) if text == "0" => Ok(Some("false".to_owned())),
            (Some(text), Type::Boolean) if text == "1" => Ok(Some("true".to_owned())),
            (text, _) => Ok(text),
        });
    let texts = texts.collect::<Result<_, Error>>()?;
    Ok((key, read_row(texts, &view.columns)?))
}

fn refuse_beyond_rows(request: &ReadRequest) -> Result<(), Error> {
    if !request.order.is_empty() {
        Err(refused("order"))
    } else if request.limit.is_some() || request.offset_rows > 0 || request.cursor.is_some() {
        Err(refused("limit, offset and cursor"))
    } else if !request.group_by.is_empty() || !request.having.is_empty() {
        Err(refused("groupby and having"))
    } else {
        Ok(())
    }
}

fn refused(what: &str) -> Error {
    let reason = format!("Live updates are of rows, each by itself and in no order: leave out {what}.");
    Error::NotImplemented { reason }
}
