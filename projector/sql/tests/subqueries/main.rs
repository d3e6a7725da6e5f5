//! PostgreSQL as the judge of subqueries: the same views over the same rows, compared value for value in text form.
//!
//! `PREJOIN_SEED=7 cargo test -p prejoin-sql --test subqueries` generates other rows and other combinations.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod generate;
mod random;
mod tables;

use std::collections::BTreeMap;
use std::fmt::Write;

use prejoin_model::{TableId, to_text};
use prejoin_sql::{RowView, ViewFile, parse_views};
use prejoin_test_servers::Postgres;

use crate::random::Random;
use crate::tables::{Rows, tables};

const SEED: u64 = 20_240_229;
const LOADS: usize = 12;

/// A view's columns as `name type`, and its rows by order: the texts of their values, nothing for NULL.
type Answer = (Vec<String>, BTreeMap<String, Vec<Option<String>>>);

/// The view's columns, then one line for each row.
const FUNCTIONS: &str = r"
CREATE FUNCTION columns_of(view text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(attname || ' ' || replace(format_type(atttypid, NULL), 'timestamp with time zone', 'timestamptz') ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = view::regclass AND attnum > 0
$$;
CREATE FUNCTION answer(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE list text; rows jsonb; names jsonb;
BEGIN
  EXECUTE 'CREATE TEMP VIEW answered AS ' || query;
  SELECT string_agg(quote_ident(attname) || '::text', ', ' ORDER BY attnum) INTO list
    FROM pg_attribute WHERE attrelid = 'answered'::regclass AND attnum > 0;
  EXECUTE format('SELECT jsonb_agg(jsonb_build_array(%s)) FROM answered', list) INTO rows;
  names := columns_of('answered');
  DROP VIEW answered;
  RETURN jsonb_build_array(names, coalesce(rows, '[]'));
EXCEPTION WHEN OTHERS THEN RETURN to_jsonb(SQLERRM);
END $$;
";

fn text_of((list, condition): &(String, String)) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") };
    format!(
        "SELECT o.order_id, {list} FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id{condition}"
    )
}

/// PostgreSQL's answers for each load, or its messages.
fn verdicts(loads: &[Rows], queries: &[(String, String)]) -> Vec<Vec<Result<Answer, String>>> {
    let server = Postgres::start();
    let mut script = String::from("SET client_min_messages = error;\n");
    script.push_str(FUNCTIONS);
    for rows in loads {
        script.push_str(&rows.script());
        for query in queries {
            writeln!(script, "SELECT answer($query${}$query$);", text_of(query)).unwrap();
        }
        script.push_str("DROP TABLE orders, lines, products, users, payments;\n");
    }
    let output = server.run_script(&script);
    let answers: Vec<_> = output.lines().map(answer).collect();
    assert_eq!(answers.len(), loads.len() * queries.len());
    answers.chunks(queries.len()).map(<[_]>::to_vec).collect()
}

fn answer(line: &str) -> Result<Answer, String> {
    let json: serde_json::Value = serde_json::from_str(line).unwrap();
    if let Some(message) = json.as_str() {
        return Err(message.to_owned());
    }
    let texts = |json: &serde_json::Value| -> Vec<Option<String>> {
        json.as_array().unwrap().iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let columns = texts(&json[0]).into_iter().flatten().collect();
    let rows = json[1].as_array().unwrap().iter().map(texts);
    Ok((columns, rows.map(|row| (row[0].clone().unwrap(), row)).collect()))
}

fn view_of(query: &(String, String)) -> Result<RowView, String> {
    let text = format!("CREATE MATERIALIZED VIEW v AS {}", text_of(query));
    let file = ViewFile { path: "view.sql".to_owned(), text };
    match parse_views(&[file], &tables()) {
        Ok(mut parsed) => Ok(parsed.views.remove(0)),
        Err(problems) => Err(problems[0].to_string()),
    }
}

/// The first error of a row is the view's.
fn ours(view: &RowView, rows: &mut Rows) -> Result<Answer, String> {
    let columns = view.columns.iter().map(|column| format!("{} {}", column.name, column.kind)).collect();
    let grain: Vec<_> = rows.of(TableId(0)).cloned().collect();
    let mut found = BTreeMap::new();
    for row in grain {
        let Ok(outcome) = view.evaluate(row, rows);
        let Some(row) = outcome.map_err(|error| error.0)? else { continue };
        for (value, column) in row.iter().zip(&view.columns) {
            assert!(value.kind().is_none_or(|kind| kind == column.kind), "{value:?} in {column:?}");
        }
        let texts: Vec<Option<String>> = row.iter().map(to_text).collect();
        found.insert(texts[0].clone().unwrap(), texts);
    }
    Ok((columns, found))
}

#[test]
fn subqueries_have_postgresqls_types_names_values_and_errors() {
    let seed = std::env::var("PREJOIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let mut random = Random::new(seed);
    let mut loads: Vec<Rows> = (0..LOADS).map(|_| Rows::random(&mut random)).collect();
    let queries = generate::queries(seed);
    let verdicts = verdicts(&loads, &queries);
    let (mut values, mut nulls, mut errors) = (0, 0, 0);
    let mut differences = Vec::new();
    for (place, query) in queries.iter().enumerate() {
        let view = match view_of(query) {
            Ok(view) => view,
            Err(problem) => {
                differences.push(format!("{}\n  {problem}", text_of(query)));
                continue;
            }
        };
        for (load, verdicts) in loads.iter_mut().zip(&verdicts) {
            let (actual, expected) = (ours(&view, load), &verdicts[place]);
            match expected {
                Ok((_, rows)) => {
                    let all = rows.values().flat_map(|row| &row[1..]);
                    values += all.clone().flatten().count();
                    nulls += all.filter(|value| value.is_none()).count();
                }
                Err(_) => errors += 1,
            }
            if actual != *expected {
                differences.push(format!("{}\n  {actual:?}\n  {expected:?} in PostgreSQL", text_of(query)));
                break;
            }
        }
    }
    println!(
        "seed {seed}: {} views over {LOADS} loads, {values} values, {nulls} NULLs, {errors} errors, {} differ",
        queries.len(),
        differences.len()
    );
    let shown: Vec<&str> = differences.iter().take(20).map(String::as_str).collect();
    assert!(differences.is_empty(), "seed {seed}, {} differ:\n{}", differences.len(), shown.join("\n"));
    assert!(values >= 4_000 && nulls >= 1_000 && errors >= 10, "too little was compared");
}
