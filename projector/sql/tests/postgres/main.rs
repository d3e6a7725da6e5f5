//! PostgreSQL as the judge: the same expressions over the same edge values, compared value for value in text form.
//!
//! `PREJOIN_SEED=7 cargo test -p prejoin-sql --test postgres` generates other combinations.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod arrays;
mod choices;
mod functions;
mod generate;
mod sample;

use std::convert::Infallible;
use std::fmt::Write;

use prejoin_model::{Row, SharedRow, TableId, TableSchema, Value, to_text};
use prejoin_sql::{LookupRow, RowView, ViewFile, parse_views};
use prejoin_test_servers::Postgres;

const SEED: u64 = 20_240_229;
const DIFFERENCES_SHOWN: usize = 60;

/// What PostgreSQL says of one expression.
enum Verdict {
    Refused(String),
    Column { name: String, kind: String, rows: Vec<Outcome> },
}

/// A value's text (nothing for NULL), or an error's.
type Outcome = Result<Option<String>, String>;

/// Types, names and evaluates expressions, and catches their errors.
const FUNCTIONS: &str = r"
CREATE FUNCTION describe(expression text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE description jsonb;
BEGIN
  EXECUTE format('CREATE TEMP VIEW described AS SELECT %s FROM samples', expression);
  SELECT jsonb_build_array(attname, format_type(atttypid, NULL)) INTO description
    FROM pg_attribute WHERE attrelid = 'described'::regclass AND attnum = 1;
  -- An error undoes the view more cheaply than dropping it.
  RAISE EXCEPTION SQLSTATE 'PJ001';
EXCEPTION WHEN SQLSTATE 'PJ001' THEN RETURN description;
WHEN OTHERS THEN RETURN to_jsonb(SQLERRM);
END $$;
CREATE FUNCTION outcome(expression text, row_id bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE value text;
BEGIN
  EXECUTE format('SELECT (%s)::text FROM samples WHERE id = %s', expression, row_id) INTO value;
  RETURN jsonb_build_array(value);
EXCEPTION WHEN OTHERS THEN RETURN to_jsonb(SQLERRM);
END $$;
CREATE FUNCTION outcomes(expression text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE found jsonb;
BEGIN
  EXECUTE format('SELECT jsonb_agg(jsonb_build_array((%s)::text) ORDER BY id) FROM samples', expression) INTO found;
  RETURN found;
EXCEPTION WHEN OTHERS THEN
  RETURN (SELECT jsonb_agg(outcome(expression, id) ORDER BY id) FROM samples);
END $$;
CREATE FUNCTION verdict(expression text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE description jsonb := describe(expression);
BEGIN
  IF jsonb_typeof(description) = 'string' THEN RETURN description; END IF;
  RETURN description || jsonb_build_array(outcomes(expression));
END $$;
";

fn verdicts(expressions: &[String], rows: &[Row], table: &TableSchema) -> Vec<Verdict> {
    let server = Postgres::start();
    let mut script = String::from("SET standard_conforming_strings = on; SET client_min_messages = error;\n");
    script.push_str(&sample::create_table(table, rows));
    script.push_str(FUNCTIONS);
    for expression in expressions {
        writeln!(script, "SELECT verdict({});", sample::quoted(expression)).unwrap();
    }
    let output = server.run_script(&script);
    let verdicts: Vec<Verdict> = output.lines().map(verdict).collect();
    assert_eq!(verdicts.len(), expressions.len());
    verdicts
}

fn verdict(line: &str) -> Verdict {
    let json: serde_json::Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    match json {
        serde_json::Value::String(message) => Verdict::Refused(message),
        serde_json::Value::Array(parts) => {
            let [name, kind, rows] = parts.as_slice() else { panic!("{line}") };
            let text = |json: &serde_json::Value| json.as_str().unwrap().to_owned();
            let rows = rows.as_array().unwrap().iter().map(|row| match row {
                serde_json::Value::String(message) => Err(message.clone()),
                row => Ok(row[0].as_str().map(str::to_owned)),
            });
            let kind = text(kind).replace("timestamp with time zone", "timestamptz");
            Verdict::Column { name: text(name), kind, rows: rows.collect() }
        }
        _ => panic!("{line}"),
    }
}

struct NoTables;

impl LookupRow for NoTables {
    type Error = Infallible;

    fn lookup(&mut self, _: TableId, _: &[Value]) -> Result<Option<SharedRow>, Infallible> {
        panic!("there is nothing to look up")
    }

    fn scan(&mut self, _: TableId, _: &[usize], _: &[Value]) -> Result<Vec<SharedRow>, Infallible> {
        panic!("there is nothing to scan")
    }
}

fn parse(expression: &str, table: &TableSchema) -> Result<RowView, String> {
    let text = format!("CREATE MATERIALIZED VIEW v AS SELECT {expression} FROM samples");
    let file = ViewFile { path: "view.sql".to_owned(), text };
    match parse_views(&[file], std::slice::from_ref(table)) {
        Ok(mut parsed) => Ok(parsed.views.remove(0)),
        Err(problems) => Err(problems[0].reason.clone()),
    }
}

fn outcome(view: &RowView, row: &Row) -> Outcome {
    let Ok(result) = view.evaluate(row.clone(), &mut NoTables);
    match result {
        Ok(Some(row)) => {
            let kind = row[0].kind();
            assert!(kind.is_none_or(|kind| kind == view.columns[0].kind), "{row:?} in {:?}", view.columns);
            Ok(to_text(&row[0]))
        }
        Ok(None) => panic!("a view without WHERE has every row"),
        Err(error) => Err(error.0),
    }
}

/// Values agree to the letter, errors too; but where a text is no number, date, timestamp or JSON, PostgreSQL's choice
/// between its messages and its details are not followed.
fn agree(actual: &Outcome, expected: &Outcome) -> bool {
    let unreadable = |message: &str| {
        let kinds = ["double precision", "date", "timestamp", "json"];
        kinds.iter().any(|kind| message.starts_with(&format!("invalid input syntax for type {kind}")))
            || message.starts_with("date/time field value out of range")
            || message.ends_with("is out of range for type double precision")
            || message.starts_with("unit \"")
    };
    match (actual, expected) {
        (Err(actual), Err(expected)) => actual == expected || (unreadable(actual) && unreadable(expected)),
        _ => actual == expected,
    }
}

/// Refusals of what PostgreSQL has and this project does not (yet).
fn is_a_gap(reason: &str) -> bool {
    reason.contains("not supported")
}

struct Report {
    accepted: usize,
    values: usize,
    errors: usize,
    gaps: usize,
    differences: Vec<String>,
}

impl Report {
    fn compare(&mut self, expression: &str, table: &TableSchema, rows: &[Row], verdict: &Verdict) {
        let view = match (parse(expression, table), verdict) {
            (Err(reason), _) if is_a_gap(&reason) => return self.gaps += 1,
            (Err(_), Verdict::Refused(_)) => return,
            (Err(reason), Verdict::Column { rows, .. }) => {
                // A literal that cannot be converted, or a constant whose evaluation always fails; or a pattern that
                // fails wherever it is used.
                let same = rows.iter().any(|row| row.as_ref().is_err_and(|message| *message == reason));
                if rows.iter().any(Result::is_ok) && !same {
                    self.differences.push(format!("{expression}\n  refused: {reason}"));
                }
                return;
            }
            (Ok(_), Verdict::Refused(message)) => {
                return self.differences.push(format!("{expression}\n  PostgreSQL refuses: {message}"));
            }
            (Ok(view), Verdict::Column { .. }) => view,
        };
        let Verdict::Column { name, kind, rows: expected } = verdict else { unreachable!("matched above") };
        self.accepted += 1;
        let column = &view.columns[0];
        if column.name != *name || column.kind.name() != kind {
            let ours = format!("{} {}", column.name, column.kind);
            self.differences.push(format!("{expression}\n  {ours}\n  {name} {kind} in PostgreSQL"));
        }
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(expected) {
            let actual = outcome(&view, row);
            match expected {
                Ok(_) => self.values += 1,
                Err(_) => self.errors += 1,
            }
            if !agree(&actual, expected) {
                let operands = sample::operands(expression, table, row);
                self.differences.push(format!(
                    "{expression}\n  with {operands}\n  {actual:.300?}\n  {expected:.300?} in PostgreSQL"
                ));
                return;
            }
        }
    }
}

/// Compares all of them; fails with the differences, or if less than this was compared.
fn judge(expressions: &[String], seed: u64, accepted_min: usize, values_min: usize, errors_min: usize) {
    let table = sample::table();
    let rows = sample::rows(seed);
    let verdicts = verdicts(expressions, &rows, &table);
    let mut report = Report { accepted: 0, values: 0, errors: 0, gaps: 0, differences: Vec::new() };
    for (expression, verdict) in expressions.iter().zip(&verdicts) {
        report.compare(expression, &table, &rows, verdict);
    }
    let Report { accepted, values, errors, gaps, differences } = report;
    println!(
        "seed {seed}: {} expressions, {accepted} accepted with {values} values and {errors} errors, {gaps} not supported, {} differ",
        expressions.len(),
        differences.len()
    );
    let shown: Vec<&str> = differences.iter().take(DIFFERENCES_SHOWN).map(String::as_str).collect();
    assert!(differences.is_empty(), "seed {seed}, {} differ:\n{}", differences.len(), shown.join("\n"));
    let enough = accepted >= accepted_min && values >= values_min && errors >= errors_min;
    assert!(enough, "too little was compared");
}

/// `PREJOIN_ONLY=to_char` keeps the expressions with this text.
fn chosen(mut expressions: Vec<String>) -> Vec<String> {
    if let Ok(only) = std::env::var("PREJOIN_ONLY") {
        expressions.retain(|expression| expression.contains(&only));
    }
    expressions
}

fn seed() -> u64 {
    std::env::var("PREJOIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED)
}

#[test]
fn expressions_have_postgresqls_types_names_values_and_errors() {
    judge(&chosen(generate::expressions(seed())), seed(), 1_000, 20_000, 500);
}

#[test]
fn arrays_have_postgresqls_types_names_values_and_errors() {
    judge(&chosen(arrays::expressions(seed())), seed(), 300, 10_000, 20);
}

#[test]
fn functions_have_postgresqls_types_names_values_and_errors() {
    judge(&chosen(functions::expressions(seed())), seed(), 1_000, 20_000, 500);
}

#[test]
fn no_column_is_called_as_those_that_every_table_of_postgresql_has() {
    let names = "SELECT attname FROM pg_attribute WHERE attrelid = 'pg_class'::regclass AND attnum < 0";
    let names = Postgres::start().run_script(names);
    assert!(names.lines().any(|name| name == "xmin"), "{names}");
    let table = sample::table();
    for name in names.lines() {
        let refused = parse(&format!("id AS {name}"), &table).err();
        assert!(refused.is_some_and(|refused| refused.contains("system column")), "{name}");
    }
}
