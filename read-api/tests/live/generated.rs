//! Generated filters: the rows that are told as they are written are those that the store then selects.

use std::collections::BTreeSet;
use std::sync::Arc;

use prejoin_read_api::ApiSettings;
use serde_json::{Value, json};

use crate::follower::{Events, Mirror};
use crate::stage::{Chance, Server, VIEW, Writer};
use crate::stores::{Place, on_every_store};

on_every_store!(what_is_told_is_what_the_store_selects);

const SEED: u64 = 31_415;
const FILTERS: usize = 250;

const TEXTS: [&str; 9] = ["", "a", "A", "ab", "a%b", "é", "null", "two\nlines", "{a}"];
const SIZES: [&str; 6] = ["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "42"];
const AMOUNTS: [&str; 7] = ["0", "1.0", "1.00", "-0.5", "NaN", "12345678901234567890.1", "1e3"];
const RATIOS: [&str; 6] = ["0", "-0", "1.5", "NaN", "Infinity", "1e-300"];
const DAYS: [&str; 4] = ["1996-07-04", "infinity", "0044-03-15 BC", "2026-01-01"];
const TIMES: [&str; 4] =
    ["1996-07-04T09:00:00+02:00", "-infinity", "1996-07-04 07:00:00Z", "2026-01-01T00:00:00.000001Z"];
const TOKENS: [&str; 2] = ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12"];
const DOCUMENTS: [&str; 8] = [
    "null",
    "1",
    "1.0",
    "\"a\"",
    "[1,2]",
    "{\"k\":1}",
    "{\"k\":{\"j\":[\"a\",null]}}",
    "{\"k\":\"1\",\"l\":true}",
];
const FLAGS: [&str; 2] = ["true", "false"];

fn one<'a>(chance: &mut Chance, of: &[&'a str]) -> &'a str {
    of[chance.below(of.len())]
}

fn row(chance: &mut Chance) -> Value {
    let mut some = |values: &[&str]| match chance.below(4) {
        0 => Value::Null,
        _ => Value::from(one(chance, values)),
    };
    let (owner, text, size, amount, ratio) =
        (some(&TEXTS), some(&TEXTS), some(&SIZES), some(&AMOUNTS), some(&RATIOS));
    let (day, at, token, flag, extra) =
        (some(&DAYS), some(&TIMES), some(&TOKENS), some(&FLAGS), some(&DOCUMENTS));
    let parsed =
        |value: &Value| value.as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    json!({
        "owner": owner, "text": text, "size": parsed(&size), "amount": amount, "ratio": ratio, "day": day, "at": at,
        "token": token, "flag": parsed(&flag), "extra": parsed(&extra),
    })
}

/// A column, or a path into one, with texts of its type.
fn field(chance: &mut Chance) -> (&'static str, &'static [&'static str]) {
    let fields: [(&str, &[&str]); 15] = [
        ("owner", &TEXTS),
        ("text", &TEXTS),
        ("size", &SIZES),
        ("amount", &AMOUNTS),
        ("ratio", &RATIOS),
        ("day", &DAYS),
        ("at", &TIMES),
        ("token", &TOKENS),
        ("flag", &FLAGS),
        ("extra", &DOCUMENTS),
        ("extra->k", &DOCUMENTS),
        ("extra->>k", &TEXTS),
        ("extra->k->j->0", &DOCUMENTS),
        ("tags", &["{a,ab}", "{}", "{NULL}", "{a}"]),
        ("amounts", &["{1.0}", "{}", "{NaN,1}"]),
    ];
    fields[chance.below(fields.len())]
}

/// An operator with its value.
fn operation(chance: &mut Chance, values: &[&str]) -> String {
    let negated = if chance.below(5) == 0 { "not." } else { "" };
    let value = one(chance, values);
    let quoted = |value: &str| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let operation = match chance.below(14) {
        0..=4 => format!("{}.{value}", one(chance, &["eq", "neq", "lt", "lte", "gt", "gte"])),
        5 => format!("in.({},{})", quoted(value), quoted(one(chance, values))),
        6 => format!("is.{}", one(chance, &["null", "not_null", "true", "false", "unknown"])),
        7 => format!("isdistinct.{value}"),
        8 => format!("like.{}", one(chance, &["a*", "*b", "*", "_", "a\\%b", "%l%"])),
        9 => format!("ilike.{}", one(chance, &["A*", "*B", "É"])),
        10 => format!("{}.{}", one(chance, &["match", "imatch"]), one(chance, &["^a", "b$", "[a-b]+", "."])),
        11 => format!("cs.{value}"),
        12 => format!("cd.{value}"),
        _ => format!("ov.{value}"),
    };
    format!("{negated}{operation}")
}

fn filter(chance: &mut Chance) -> String {
    if chance.below(4) > 0 {
        let (name, values) = field(chance);
        return format!("{}={}", encoded(name), encoded(&operation(chance, values)));
    }
    let members: Vec<String> = (0..2 + chance.below(2))
        .map(|_| {
            let (name, _) = field(chance);
            format!("{name}.{}", one(chance, &["is.null", "not.is.null", "eq.1", "gt.0", "neq.a", "lt.b"]))
        })
        .collect();
    let joined = one(chance, &["and", "or", "not.and", "not.or"]);
    format!("{joined}={}", encoded(&format!("({})", members.join(","))))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

async fn what_is_told_is_what_the_store_selects(at: Place) {
    println!("seed {SEED}");
    let place = Arc::new(at);
    let mut writer = Writer::new(Arc::clone(&place)).await;
    let server = Server::start(&place, ApiSettings::default()).await;
    let mut chance = Chance(SEED);
    let (mut followed, mut refused) = (Vec::new(), 0);
    for _ in 0..FILTERS {
        let filter = filter(&mut chance);
        let live = server.request("HEAD", &format!("/live/v1/{VIEW}?select=id&{filter}"), &[]).await.status();
        let rest = server.get(&format!("/rest/v1/{VIEW}?select=id&{filter}"), &[]).await.status();
        assert_eq!(live, rest, "{filter}");
        if live != 200 {
            assert!(live.as_u16() < 500, "{live} {filter}");
            refused += 1;
            continue;
        }
        let mut events = Events::open(&server, &format!("/live/v1/{VIEW}?select=id&{filter}"), "").await;
        let mut mirror = Mirror::default();
        while mirror.apply(&events.next().await.unwrap()).is_none() {}
        followed.push((filter, events, mirror));
    }
    for id in 0..120 {
        writer.set(&format!("{id:03}"), row(&mut chance));
    }
    writer.commit().await;
    let mut telling = 0;
    let asked = followed.len();
    for (filter, mut events, mut mirror) in followed {
        while mirror.apply(&events.next().await.unwrap()).is_none() {}
        let told: BTreeSet<String> = mirror.rows.values().map(Value::to_string).collect();
        let selected = server.get(&format!("/rest/v1/{VIEW}?select=id&{filter}"), &[]).await;
        let selected: Vec<Value> = selected.json().await.unwrap_or_else(|error| panic!("{filter}: {error}"));
        let selected: BTreeSet<String> = selected.iter().map(Value::to_string).collect();
        assert_eq!(told, selected, "{filter}");
        telling += usize::from(!told.is_empty() && told.len() < 120);
    }
    println!("{asked} filters, of which {telling} tell rows apart; {refused} were refused");
    assert!(telling > 60, "{telling}");
}
