//! Views over a few rows: joins, conditions, and which errors a row meets.

use crate::shop::{Rows, evaluated, view};

fn shop() -> Rows {
    let mut rows = Rows::default();
    rows.add("users", &["u1|Ann|DE|u2", "u2|Bo||", "u3|Cy|FR|u9"]);
    rows.add("shipments", &["o1|DHL|2024-02-01 12:00:00+00", "o2||"]);
    rows.add("prices", &["p1|DE|2024-01-01|990", "p1|FR|2024-01-01|1090"]);
    rows
}

/// Grain rows and the view's rows for them.
fn check(text: &str, expected: &[(&str, &str)]) {
    let view = view(&format!("CREATE MATERIALIZED VIEW v AS {text}"));
    assert!(!expected.is_empty());
    for (grain, row) in expected {
        assert_eq!(evaluated(&view, grain, &mut shop()), *row, "{grain} in\n{text:.1000}");
    }
}

#[test]
fn left_joins_keep_and_inner_joins_drop_what_finds_no_row() {
    let orders = ["o1|u1|paid|100||", "o2|u9|paid|100||", "o3||paid|100||"];
    check(
        "SELECT o.order_id, u.name, u.user_id IS NULL AS missing FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id",
        &[(orders[0], "o1|Ann|false"), (orders[1], "o2|NULL|true"), (orders[2], "o3|NULL|true")],
    );
    check(
        "SELECT o.order_id, u.name FROM orders o INNER JOIN users u ON o.customer_id = u.user_id",
        &[(orders[0], "o1|Ann"), (orders[1], "no row"), (orders[2], "no row")],
    );
}

#[test]
fn chains_carry_null_through_left_joins() {
    let text = "SELECT o.order_id, u.name, r.name AS referrer, x.name AS theirs FROM orders o
                LEFT JOIN users u ON u.user_id = o.customer_id
                LEFT JOIN users r ON r.user_id = u.referrer_id
                LEFT JOIN users x ON x.user_id = r.referrer_id";
    check(
        text,
        &[
            ("o1|u1|paid|1||", "o1|Ann|Bo|NULL"),
            ("o2|u3|paid|1||", "o2|Cy|NULL|NULL"),
            ("o3|u8|paid|1||", "o3|NULL|NULL|NULL"),
        ],
    );
    let inner_last = text.replace("LEFT JOIN users x", "JOIN users x");
    check(&inner_last, &[("o1|u1|paid|1||", "no row")]);
}

#[test]
fn nothing_is_looked_up_for_null_or_after_an_inner_join_failed() {
    let view = view(
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id, s.carrier FROM orders o
         JOIN users u ON u.user_id = o.customer_id
         LEFT JOIN shipments s ON s.order_id = o.order_id",
    );
    for (grain, lookups) in [("o1|u1|paid|1||", 2), ("o1|u9|paid|1||", 1), ("o1||paid|1||", 0)] {
        let mut rows = shop();
        evaluated(&view, grain, &mut rows);
        assert_eq!(rows.lookups, lookups, "{grain}");
    }
}

#[test]
fn the_rest_of_an_on_condition_decides_whether_the_row_is_met() {
    let text = "SELECT o.order_id, u.name FROM orders o
                LEFT JOIN users u ON u.user_id = o.customer_id AND (u.country = 'DE' AND o.total_cents > 10)";
    check(
        text,
        &[
            ("o1|u1|paid|100||", "o1|Ann"),
            ("o1|u1|paid|5||", "o1|NULL"),
            ("o1|u1|paid|||", "o1|NULL"),
            ("o1|u2|paid|100||", "o1|NULL"),
        ],
    );
    check(
        &text.replace("LEFT JOIN", "JOIN"),
        &[("o1|u1|paid|100||", "o1|Ann"), ("o1|u1|paid|5||", "no row")],
    );
}

#[test]
fn constants_may_bind_a_part_of_the_key() {
    check(
        "SELECT l.line_no, p.cents FROM order_lines l
         LEFT JOIN prices p ON p.product_id = l.product_id AND p.valid_from = '2024-01-01' AND 'FR' = p.country",
        &[("o1|1|p1|2|3", "1|1090"), ("o1|2|p2|2|3", "2|NULL")],
    );
    check(
        "SELECT l.line_no, p.cents FROM order_lines l
         LEFT JOIN prices p ON p.product_id = l.product_id AND p.valid_from = '2024-01-01'::date + 0 AND p.country = NULL",
        &[("o1|1|p1|2|3", "1|NULL")],
    );
}

#[test]
fn where_is_before_the_projection_and_must_be_true() {
    let text = "SELECT order_id, 100 / total_cents AS share FROM orders WHERE total_cents <> 0";
    check(
        text,
        &[
            ("o1|u|s|7||", "o1|14"),
            ("o1|u|s|-7||", "o1|-14"),
            ("o1|u|s|0||", "no row"),
            ("o1|u|s|||", "no row"),
        ],
    );
    check(
        "SELECT order_id, 100 / total_cents AS share FROM orders",
        &[("o1|u|s|0||", "ERROR division by zero"), ("o1|u|s|||", "o1|NULL")],
    );
    check(
        "SELECT order_id FROM orders WHERE 1 / total_cents > 0",
        &[("o1|u|s|0||", "ERROR division by zero")],
    );
}

#[test]
fn what_is_not_chosen_is_not_evaluated() {
    check(
        "SELECT CASE WHEN total_cents = 0 THEN 0 ELSE 100 / total_cents END AS a,
                coalesce(ship_to, 1 / total_cents) AS b,
                CASE total_cents WHEN 0 THEN NULL WHEN 5 THEN 1 / 0 ELSE 9223372036854775807 + 1 END AS c,
                total_cents <> 0 AND 1 / total_cents >= 0 AS d,
                total_cents = 0 OR 1 / total_cents >= 0 AS e
         FROM orders",
        &[
            ("o1|u|s|0||4", "0|4|NULL|false|true"),
            ("o1|u|s|5||4", "ERROR division by zero"),
            ("o1|u|s|6||4", "ERROR bigint out of range"),
        ],
    );
}

fn lines() -> Rows {
    let mut rows = shop();
    rows.add("order_lines", &["o1|1|p1|2|300", "o1|2|p2|1|", "o1|3|p1|5|100", "o2|1|p9|4|400"]);
    rows.add("products", &["p1|Tea||", "p2|Rye||"]);
    rows
}

#[test]
fn subqueries_read_the_rows_that_they_are_tied_to() {
    let view = view(
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id,
           (SELECT string_agg(p.name, ',' ORDER BY l.line_no) FROM order_lines l JOIN products p USING (product_id) WHERE l.order_id = o.order_id) AS names,
           (SELECT product_id FROM order_lines l WHERE l.order_id = o.order_id ORDER BY quantity DESC LIMIT 1) AS most,
           (SELECT u.name FROM users u WHERE u.user_id = o.customer_id) AS customer
         FROM orders o
         WHERE o.status = 'paid' AND (SELECT sum(l.quantity) FROM order_lines l WHERE l.order_id = o.order_id) > 3",
    );
    for (grain, expected) in [
        ("o1|u1|paid|1||", "o1|Tea,Rye,Tea|p1|Ann"),
        ("o2|u9|paid|1||", "o2|NULL|p9|NULL"),
        ("o3|u1|paid|1||", "no row"),
        ("o1|u1|open|1||", "no row"),
    ] {
        assert_eq!(evaluated(&view, grain, &mut lines()), expected, "{grain}");
    }
}

#[test]
fn nothing_is_scanned_for_null_or_for_a_row_that_where_leaves_out() {
    let view = view(
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id, (SELECT count(*) FROM users u WHERE u.name = o.customer_id) AS x
         FROM orders o WHERE EXISTS (SELECT 1 FROM order_lines l WHERE l.order_id = o.order_id) AND o.status = 'paid'",
    );
    for (grain, expected, scans) in
        [("o1|u1|open|1||", "no row", 0), ("o9|u1|paid|1||", "no row", 1), ("o1||paid|1||", "o1|0", 1)]
    {
        let mut rows = lines();
        assert_eq!(evaluated(&view, grain, &mut rows), expected, "{grain}");
        assert_eq!(rows.scans, scans, "{grain}");
    }
}

#[test]
fn an_error_in_a_subquery_counts_where_it_is_read() {
    let view = view(
        "CREATE MATERIALIZED VIEW v AS SELECT CASE WHEN o.status = 'paid' THEN
           (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id) END AS x FROM orders o",
    );
    for (grain, expected) in [
        ("o1|u1|paid|1||", "ERROR more than one row returned by a subquery used as an expression"),
        ("o1|u1|open|1||", "NULL"),
        ("o2|u1|paid|1||", "4"),
    ] {
        assert_eq!(evaluated(&view, grain, &mut lines()), expected, "{grain}");
    }
}

#[test]
fn what_order_by_and_the_aggregates_do_not_decide_is_key_order() {
    let view = view(
        "CREATE MATERIALIZED VIEW v AS SELECT
           (SELECT line_no FROM order_lines l WHERE l.order_id = o.order_id ORDER BY product_id LIMIT 1) AS first,
           (SELECT jsonb_agg(line_no) FROM order_lines l WHERE l.order_id = o.order_id) AS all_lines,
           (SELECT string_agg(line_no::text, '' ORDER BY product_id DESC) FROM order_lines l WHERE l.order_id = o.order_id) AS by_product
         FROM orders o",
    );
    assert_eq!(evaluated(&view, "o1|u1|paid|1||", &mut lines()), "1|[1, 2, 3]|213");
}

#[test]
fn errors_are_postgresqls() {
    for (expression, message) in [
        ("total_cents * total_cents", "bigint out of range"),
        ("total_cents::integer", "integer out of range"),
        ("status::bigint", "invalid input syntax for type bigint: \"paid\""),
        ("status::boolean", "invalid input syntax for type boolean: \"paid\""),
        ("total_cents::numeric(3, 1)", "numeric field overflow"),
        ("status LIKE customer_id ESCAPE 'ab'", "invalid escape string"),
        ("total_cents % (total_cents - total_cents)", "division by zero"),
    ] {
        let text = format!("SELECT {expression} AS x FROM orders");
        check(&text, &[("o1|u|paid|4000000000||", &format!("ERROR {message}"))]);
    }
}

#[test]
fn deep_and_long_expressions_are_refused_or_work() {
    let long = |count: usize, joiner: &str| vec!["total_cents"; count].join(joiner);
    let problem = crate::shop::problems(&format!(
        "CREATE MATERIALIZED VIEW v AS SELECT {} FROM orders",
        long(4_000, " + ")
    ));
    assert!(problem[0].contains("nested deeper than 200 levels"), "{problem:?}");
    let nested = format!("{}1{}", "(".repeat(1_000), ")".repeat(1_000));
    let problem =
        crate::shop::problems(&format!("CREATE MATERIALIZED VIEW v AS SELECT {nested} FROM orders"));
    assert!(problem[0].contains("nested too deeply"), "{problem:?}");
    let problem = crate::shop::problems(&format!(
        "CREATE MATERIALIZED VIEW v AS SELECT {} FROM orders",
        long(20_000, ", ")
    ));
    assert!(problem[0].contains("longer than 10000"), "{problem:?}");
    let mut doubling = "total_cents".to_owned();
    for _ in 0..20 {
        doubling = format!("CASE {doubling} WHEN 1 THEN 1 WHEN 2 THEN 2 END");
    }
    let problem =
        crate::shop::problems(&format!("CREATE MATERIALIZED VIEW v AS SELECT {doubling} FROM orders"));
    assert!(problem[0].contains("more than 20000 expressions"), "{problem:?}");
    let list: Vec<String> = (0..4_000).map(|number| number.to_string()).collect();
    check(
        &format!(
            "SELECT total_cents IN ({}) AS a, total_cents NOT IN (ship_to, ship_to + 1) AS b FROM orders",
            list.join(", ")
        ),
        &[("o1|u|s|3999||3998", "true|false"), ("o1|u|s|4000||1", "false|true")],
    );
}
