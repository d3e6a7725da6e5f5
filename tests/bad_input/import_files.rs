//! Files that cannot be imported: every wrong line is named, and nothing of the file is imported.

use crate::raw_log::{RawLog, order_placed, user_registered};
use crate::support::{Ended, Home};

/// Imports a file of these lines between two good ones of another service.
fn import(home: &Home, lines: &[&str]) -> Ended {
    let (first, last) = (user_registered(1, "u1", "Ann"), user_registered(2, "u2", "Bob"));
    let mut all = vec![first.as_str()];
    all.extend(lines);
    all.push(&last);
    import_text(home, all.join("\n").as_bytes())
}

fn import_text(home: &Home, text: &[u8]) -> Ended {
    home.write("history.ndjson", text);
    home.command(&["events", "import", "history.ndjson"]).run()
}

fn nothing_is_imported(home: &Home) {
    let log = RawLog::open(home);
    assert_eq!([log.last("users"), log.last("orders")], [0, 0], "nothing is imported");
}

#[test]
fn a_wrong_line_is_named_and_nothing_is_imported() {
    let large = order_placed(1, &"o".repeat(2 << 20));
    let cases: [(&str, &[&str]); 17] = [
        ("not JSON at all", &["not JSON"]),
        (r#"{"specversion":"1.0","id":"x""#, &["not JSON", "EOF"]),
        (r#"["1.0","x","/o","orders.paid.v1","o1"]"#, &["not a CloudEvents object"]),
        ("17", &["not a CloudEvents object"]),
        (
            r#"{"specversion":"1.0","source":"/o","type":"orders.paid.v1","subject":"o1"}"#,
            &["missing field `id`"],
        ),
        (
            r#"{"specversion":"1.0","id":"x","type":"orders.paid.v1","subject":"o1"}"#,
            &["missing field `source`"],
        ),
        (r#"{"specversion":"1.0","id":"x","source":"/o","subject":"o1"}"#, &["missing field `type`"]),
        (
            r#"{"specversion":"0.2","id":"x","source":"/o","type":"orders.paid.v1","subject":"o1"}"#,
            &["specversion is \"0.2\""],
        ),
        (
            r#"{"specversion":"1.0","id":"","source":"/o","type":"orders.paid.v1","subject":"o1"}"#,
            &["\"id\" is empty"],
        ),
        (
            r#"{"specversion":"1.0","id":7,"source":"/o","type":"orders.paid.v1","subject":"o1"}"#,
            &["invalid type", "string"],
        ),
        (
            r#"{"specversion":"1.0","id":"x","source":"/o","type":"paid","subject":"o1"}"#,
            &["\"paid\"", "name of a service and a dot"],
        ),
        (
            r#"{"specversion":"1.0","id":"x","source":"/o","type":"Orders.paid.v1","subject":"o1"}"#,
            &["\"Orders.paid.v1\"", "name of a service"],
        ),
        (r#"{"specversion":"1.0","id":"x","source":"/o","type":"orders.paid.v1"}"#, &["no subject"]),
        (
            r#"{"specversion":"1.0","id":"x","source":"/o","type":"orders.paid.v1","subject":""}"#,
            &["no subject"],
        ),
        (
            r#"{"specversion":"1.0","id":"x","source":"/o","type":"orders.paid.v1","subject":"o1","sequence":"one"}"#,
            &["sequence is not a whole number from 1"],
        ),
        (
            r#"{"specversion":"1.0","id":"x","source":"/o","type":"orders.paid.v1","subject":"o1","sequence":0}"#,
            &["sequence is not a whole number from 1"],
        ),
        (&large, &["bytes; the event log takes 1047552 at most"]),
    ];
    let home = Home::new();
    for (line, said) in cases {
        let ended = import(&home, &[line]).failed();
        let _ = ended.says(&["history.ndjson:2: ", "Nothing was imported"]).says(said);
        nothing_is_imported(&home);
    }
    let _ = import(&home, &[]).succeeded().says(&["2 events imported"]);
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let home = Home::new();
    for bytes in [&b"\x1f\x8b\x08\x00compressed"[..], b"\xff\xfe{\x00}\x00", b"{\"id\":\"\xff\"}", b"\0"] {
        let ended = import_text(&home, &[b"\n\n", bytes].concat()).failed();
        let _ = ended.says(&["history.ndjson:3: not JSON", "Nothing was imported"]);
        nothing_is_imported(&home);
    }
}

#[test]
fn sequences_that_do_not_follow_are_named() {
    let home = Home::new();
    let order =
        |sequence: u64, id: &str| order_placed(sequence, "o1").replace(&format!("orders-{sequence}"), id);
    // The hole lies behind more events than are published at a time.
    let mut lines: Vec<String> =
        (1..=6_000).map(|sequence| order(sequence, &format!("id-{sequence}"))).collect();
    lines.push(order(6_002, "after a hole"));
    let ended = import_text(&home, lines.join("\n").as_bytes()).failed();
    let _ = ended.says(&[
        "history.ndjson:6001: ",
        "orders 6002 follows 6000: 6001 is missing",
        "Nothing was imported",
    ]);
    nothing_is_imported(&home);

    let ended = import_text(&home, [order(1, "a"), order(1, "b")].join("\n").as_bytes()).failed();
    let _ = ended.says(&[
        "history.ndjson:2: ",
        "orders 1 is taken already, by another event than b of /orders",
        "Nothing was imported",
    ]);
    nothing_is_imported(&home);

    // What is in the log counts.
    let _ = import_text(&home, order(1, "a").as_bytes()).succeeded().says(&["1 events imported"]);
    let ended = import_text(&home, [order(1, "a"), order(1, "b")].join("\n").as_bytes()).failed();
    let _ = ended.says(&["history.ndjson:2: ", "orders 1 is taken already, by another event than b"]);
    let _ = import_text(&home, [order(1, "a"), order(2, "b")].join("\n").as_bytes())
        .succeeded()
        .says(&["1 events imported, 1 were in the log already"]);
}

#[test]
fn many_wrong_lines_are_counted() {
    let home = Home::new();
    let lines: Vec<_> = (0..100).map(|_| "wrong").collect();
    let ended =
        import(&home, &lines).failed().says(&["history.ndjson:2: ", "history.ndjson:21: ", "and 80 more"]);
    assert!(ended.stderr.lines().count() < 30, "{}", ended.describe());
    nothing_is_imported(&home);
}

#[test]
fn lines_may_be_empty_and_end_as_on_windows() {
    let home = Home::new();
    let text =
        format!("\r\n{}\r\n\n   \n{}", user_registered(1, "u1", "Ann"), user_registered(2, "u2", "Bob"));
    let _ = import_text(&home, text.as_bytes()).succeeded().says(&["2 events imported"]);
    let _ = import_text(&home, b"").succeeded().says(&["0 events imported"]);
}

/// The same file through `prejoin up --import`: nothing starts that would hide the message.
#[test]
fn up_refuses_the_file_too() {
    let home = Home::new();
    home.write("history.ndjson", "wrong\n");
    let up = home.command(&["up", "--listen", "127.0.0.1:0", "--import", "history.ndjson"]).run().failed();
    let _ = up.says(&["history.ndjson:1: not JSON", "Nothing was imported"]);
}
