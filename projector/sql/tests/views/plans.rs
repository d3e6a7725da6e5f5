//! Plans: what is read, the way back to the grain, the indexes, the columns and the canonical text.

use crate::shop::{tables, view, views};
use expect_test::{Expect, expect};
use prejoin_sql::{IndexUse, RowView};

/// The plan as text: relations with the columns read, paths, indexes.
fn plan(view: &RowView) -> String {
    let tables = tables();
    let names = |table: usize, columns: &[usize]| -> String {
        let names: Vec<&str> =
            columns.iter().map(|&column| tables[table].columns[column].name.as_str()).collect();
        names.join(", ")
    };
    let mut lines = Vec::new();
    for (index, relation) in view.relations.iter().enumerate() {
        let table = relation.table.0;
        lines.push(format!(
            "{} as {} reads {}",
            tables[table].name,
            relation.alias,
            names(table, &relation.columns_read)
        ));
        let Some(path) = index.checked_sub(1).map(|index| &view.paths[index]) else { continue };
        let mut from = table;
        for hop in &path.hops {
            let to = hop.to_table.0;
            let index = match hop.index {
                IndexUse::PrimaryKey => "by key",
                IndexUse::TableIndex => "by index",
            };
            lines.push(format!(
                "  ({}) -> {} ({}) {index}",
                names(from, &hop.from_columns),
                tables[to].name,
                names(to, &hop.to_columns)
            ));
            from = to;
        }
        assert_eq!(from, view.relations[0].table.0, "a path ends at the grain");
    }
    for index in &view.table_indexes {
        lines.push(format!(
            "index {} ({})",
            tables[index.table.0].name,
            names(index.table.0, &index.columns)
        ));
    }
    lines.join("\n")
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&plan(&view(&format!("CREATE MATERIALIZED VIEW v AS {text}"))));
}

#[test]
fn a_join_on_a_key_leads_back_through_an_index() {
    check(
        "SELECT o.order_id, u.name FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id WHERE o.status <> 'x'",
        expect![[r#"
            orders as o reads order_id, customer_id, status
            users as u reads user_id, name
              (user_id) -> orders (customer_id) by index
            index orders (customer_id)"#]],
    );
}

#[test]
fn a_join_on_the_same_key_needs_no_index() {
    check(
        "SELECT o.order_id, carrier FROM orders o JOIN shipments s ON o.order_id = s.order_id",
        expect![[r#"
            orders as o reads order_id
            shipments as s reads order_id, carrier
              (order_id) -> orders (order_id) by key"#]],
    );
    check(
        "SELECT l.line_no, o.status FROM order_lines l JOIN orders o USING (order_id)",
        expect![[r#"
            order_lines as l reads order_id, line_no
            orders as o reads order_id, status
              (order_id) -> order_lines (order_id) by key"#]],
    );
}

#[test]
fn a_chain_of_joins_has_a_hop_for_each() {
    check(
        "SELECT l.line_no, o.status, u.name, r.name AS referrer, p.name AS product
         FROM order_lines l
         JOIN orders o ON o.order_id = l.order_id
         LEFT JOIN users u ON u.user_id = o.customer_id
         LEFT JOIN users r ON r.user_id = u.referrer_id
         LEFT JOIN products p ON (l.product_id = p.product_id)",
        expect![[r#"
            order_lines as l reads order_id, line_no, product_id
            orders as o reads order_id, customer_id, status
              (order_id) -> order_lines (order_id) by key
            users as u reads user_id, name, referrer_id
              (user_id) -> orders (customer_id) by index
              (order_id) -> order_lines (order_id) by key
            users as r reads user_id, name
              (user_id) -> users (referrer_id) by index
              (user_id) -> orders (customer_id) by index
              (order_id) -> order_lines (order_id) by key
            products as p reads product_id, name
              (product_id) -> order_lines (product_id) by index
            index orders (customer_id)
            index order_lines (product_id)
            index users (referrer_id)"#]],
    );
}

#[test]
fn a_key_bound_from_several_relations_goes_back_to_the_one_that_gives_most() {
    check(
        "SELECT l.line_no, c.cents FROM order_lines l
         JOIN orders o ON o.order_id = l.order_id
         LEFT JOIN prices c ON c.product_id = l.product_id AND c.country = o.status AND c.valid_from = '2024-01-01'",
        expect![[r#"
            order_lines as l reads order_id, line_no, product_id
            orders as o reads order_id, status
              (order_id) -> order_lines (order_id) by key
            prices as c reads product_id, country, valid_from, cents
              (product_id) -> order_lines (product_id) by index
            index order_lines (product_id)"#]],
    );
    check(
        "SELECT s.order_id, c.cents FROM shipments s
         JOIN products p ON p.product_id = s.carrier
         JOIN orders o ON o.order_id = s.order_id
         LEFT JOIN prices c ON c.country = o.status AND c.product_id = o.customer_id AND c.valid_from = DATE '2024-01-01'",
        expect![[r#"
            shipments as s reads order_id, carrier
            products as p reads product_id
              (product_id) -> shipments (carrier) by index
            orders as o reads order_id, customer_id, status
              (order_id) -> shipments (order_id) by key
            prices as c reads product_id, country, valid_from, cents
              (product_id, country) -> orders (customer_id, status) by index
              (order_id) -> shipments (order_id) by key
            index orders (customer_id, status)
            index shipments (carrier)"#]],
    );
}

#[test]
fn one_column_may_bind_two_key_columns() {
    check(
        "SELECT o.order_id, c.cents FROM orders o
         LEFT JOIN prices c ON c.product_id = o.status AND c.country = o.status AND c.valid_from = '2024-01-01'",
        expect![[r#"
            orders as o reads order_id, status
            prices as c reads product_id, country, valid_from, cents
              (product_id) -> orders (status) by index
            index orders (status)"#]],
    );
}

#[test]
fn a_subquery_goes_back_over_its_ties() {
    check(
        "SELECT o.order_id,
                (SELECT string_agg(p.name, ', ' ORDER BY l.line_no) FROM order_lines l
                   LEFT JOIN products p ON p.product_id = l.product_id WHERE l.order_id = o.order_id) AS products
         FROM orders o",
        expect![[r#"
            orders as o reads order_id
            order_lines as l reads order_id, line_no, product_id
              (order_id) -> orders (order_id) by key
            products as p reads product_id, name
              (product_id) -> order_lines (product_id) by index
              (order_id) -> orders (order_id) by key
            index order_lines (product_id)"#]],
    );
}

#[test]
fn a_subquery_not_tied_by_the_first_key_columns_is_scanned_through_an_index() {
    check(
        "SELECT u.user_id, (SELECT max(o.placed_at) FROM orders o WHERE o.customer_id = u.user_id AND o.status = 'paid') AS last
         FROM users u
         WHERE NOT EXISTS (SELECT 1 FROM order_lines l WHERE l.line_no = 1 AND l.product_id = u.name)",
        expect![[r#"
            users as u reads user_id, name
            order_lines as l reads line_no, product_id
              (product_id) -> users (name) by index
            orders as o reads customer_id, status, placed_at
              (customer_id) -> users (user_id) by key
            index orders (customer_id)
            index order_lines (product_id)
            index users (name)"#]],
    );
    let view = view(
        "CREATE MATERIALIZED VIEW v AS SELECT l.line_no,
         (SELECT p.cents FROM prices p WHERE p.product_id = l.product_id AND p.country = 'DE' ORDER BY p.valid_from DESC LIMIT 1) AS cents
         FROM order_lines l",
    );
    let scan = view.relations[1].scan.as_ref().unwrap();
    assert_eq!(
        (scan.columns.as_slice(), scan.index, scan.is_whole_key),
        (&[0, 1][..], IndexUse::PrimaryKey, false)
    );
}

#[test]
fn a_subquery_in_a_subquery_goes_back_through_it() {
    check(
        "SELECT u.user_id,
                (SELECT count(*) FROM orders o WHERE o.customer_id = u.user_id
                    AND EXISTS (SELECT 1 FROM order_lines l JOIN products p ON p.product_id = l.product_id
                                 WHERE l.order_id = o.order_id AND p.supplier_id = u.country)) AS orders
         FROM users u",
        expect![[r#"
            users as u reads user_id, country
            orders as o reads order_id, customer_id
              (customer_id) -> users (user_id) by key
            order_lines as l reads order_id, product_id
              (order_id) -> orders (order_id) by key
              (customer_id) -> users (user_id) by key
            products as p reads product_id, supplier_id
              (product_id) -> order_lines (product_id) by index
              (order_id) -> orders (order_id) by key
              (customer_id) -> users (user_id) by key
            index orders (customer_id)
            index order_lines (product_id)"#]],
    );
}

#[test]
fn a_subquery_that_is_typed_twice_is_planned_once() {
    check(
        "SELECT o.order_id FROM orders o
         WHERE (SELECT u.name FROM users u WHERE u.user_id = o.customer_id) BETWEEN 'a' AND 'c'",
        expect![[r#"
            orders as o reads order_id, customer_id
            users as u reads user_id, name
              (user_id) -> orders (customer_id) by index
            index orders (customer_id)"#]],
    );
}

#[test]
fn the_canonical_text_says_what_subqueries_mean() {
    let canonical = |text: &str| views(&format!("CREATE MATERIALIZED VIEW v AS {text}"))[0].canonical.clone();
    let text = "SELECT o.order_id, (SELECT sum(DISTINCT l.quantity ORDER BY l.quantity) FILTER (WHERE l.line_no > 1) FROM order_lines l WHERE l.order_id = o.order_id) AS x
         FROM orders o WHERE status = 'a' AND EXISTS (SELECT 1 FROM users u WHERE u.user_id = o.customer_id)";
    let first = canonical(text);
    expect![[r#"
        view "v"
        from "orders"
        scan "users" "user_id" = 0."customer_id"
        scan "order_lines" "order_id" = 0."order_id"
        where =(0."status", "a"::text)
        where answer(0)
        select "order_id" text 0."order_id"
        select "x" numeric answer(2)
        subquery 0 from [1]
        where =(1."user_id", 0."customer_id")
        exists
        subquery 2 from [2]
        where =(2."order_id", 0."order_id")
        aggregate 1 distinct sum(2."quantity") filter >(2."line_no", "1"::bigint) by 2."quantity" asc nulls last
        value answer(1)
    "#]]
    .assert_eq(&first);
    for (part, other) in [
        ("DISTINCT ", ""),
        ("ORDER BY l.quantity", "ORDER BY l.quantity DESC"),
        ("l.line_no > 1", "l.line_no > 2"),
        ("EXISTS", "NOT EXISTS"),
        ("sum", "avg"),
    ] {
        assert_ne!(first, canonical(&text.replace(part, other)), "{part} to {other}");
    }
}

#[test]
fn star_lists_columns_in_from_order_with_merged_ones_first() {
    let columns = |text: &str| -> String {
        let view = view(&format!("CREATE MATERIALIZED VIEW v AS {text}"));
        let names: Vec<String> =
            view.columns.iter().map(|column| format!("{} {}", column.name, column.kind)).collect();
        names.join(", ")
    };
    assert_eq!(columns("SELECT * FROM shipments"), "order_id text, carrier text, dispatched_at timestamptz");
    assert_eq!(
        columns("SELECT * FROM order_lines l LEFT JOIN orders o USING (order_id)"),
        "order_id text, line_no bigint, product_id text, quantity bigint, unit_price_cents bigint, \
         customer_id text, status text, total_cents bigint, placed_at timestamptz, ship_to bigint"
    );
    assert_eq!(
        columns("SELECT s.*, o.STATUS, O.\"placed_at\" FROM orders o JOIN shipments s USING (order_id)"),
        "order_id text, carrier text, dispatched_at timestamptz, status text, placed_at timestamptz"
    );
}

#[test]
fn comments_and_indexes_belong_to_their_view() {
    let views = views(
        "-- A file of two views.

         -- Orders with
         -- their customers' names.
         CREATE MATERIALIZED VIEW first AS SELECT order_id /* the key */, status FROM orders; -- not for the second

         CREATE INDEX ON first (status DESC, order_id);
         CREATE INDEX named ON first USING btree (order_id ASC);
         /* The
          * second. */
         CREATE MATERIALIZED VIEW second AS SELECT user_id FROM users;
         CREATE MATERIALIZED VIEW \"Third\" AS SELECT user_id FROM users;",
    );
    let comments: Vec<_> = views.iter().map(|view| (view.name.as_str(), view.comment.as_deref())).collect();
    assert_eq!(
        comments,
        [
            ("first", Some("Orders with\ntheir customers' names.")),
            ("second", Some("The\nsecond.")),
            ("Third", None)
        ]
    );
    let indexes: Vec<_> = views[0].store_indexes.iter().map(|index| index.columns.clone()).collect();
    assert_eq!(indexes, [vec![(1, true), (0, false)], vec![(0, false)]]);
    assert!(views[1].store_indexes.is_empty());
}

#[test]
fn fulltext_indexes_name_columns_and_their_language() {
    let view = "CREATE MATERIALIZED VIEW v AS SELECT order_id, status, customer_id FROM orders;";
    let with = views(&format!(
        "{view} CREATE INDEX ON v USING fulltext (status, order_id);
         CREATE INDEX named ON v USING FullText (customer_id) WITH (Language = 'German');"
    ));
    let columns: Vec<_> =
        with[0].fulltext_columns.iter().map(|indexed| (indexed.column, indexed.language)).collect();
    assert_eq!(columns, [(1, "simple"), (0, "simple"), (2, "german")]);
    assert!(with[0].store_indexes.is_empty());
    // What is searched is no part of the rows: they need not be computed again for it.
    assert_eq!(with[0].canonical, views(view)[0].canonical);
}

#[test]
fn the_canonical_text_follows_the_meaning_and_not_the_spelling() {
    let canonical = |text: &str| views(text)[0].canonical.clone();
    let first = canonical(
        "-- a comment
         CREATE MATERIALIZED VIEW v AS
         SELECT o.order_id, u.name, total_cents + 1 AS more FROM orders AS o LEFT JOIN users u ON u.user_id = o.customer_id
         WHERE (status) IN ('a', 'b');",
    );
    let spelt_otherwise = canonical(
        "create materialized view V as select x.order_id, y.name, (x.total_cents + /* one */ 1) as more
         from orders x left outer join users y on (x.customer_id = y.user_id) where x.status in ('a','b')",
    );
    assert_eq!(first, spelt_otherwise);
    expect![[r#"
        view "v"
        from "orders"
        left join "users" "user_id" = 0."customer_id"
        where or(in(0."status", "a"::text, "b"::text))
        select "order_id" text 0."order_id"
        select "name" text 1."name"
        select "more" bigint +(0."total_cents", "1"::bigint)
    "#]]
    .assert_eq(&first);
    for changed in [
        "CREATE MATERIALIZED VIEW w AS SELECT o.order_id, u.name, total_cents + 1 AS more FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id WHERE status IN ('a', 'b')",
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id, u.name, total_cents + 2 AS more FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id WHERE status IN ('a', 'b')",
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id, u.name, total_cents + 1 AS mores FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id WHERE status IN ('a', 'b')",
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id, u.name, total_cents + 1 AS more FROM orders o JOIN users u ON u.user_id = o.customer_id WHERE status IN ('a', 'b')",
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id, u.name, total_cents + 1 AS more FROM orders o LEFT JOIN users u ON u.user_id = o.status WHERE status IN ('a', 'b')",
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id, u.name, total_cents + 1 AS more FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id AND u.country = 'x' WHERE status IN ('a', 'b')",
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id, u.name, total_cents + 1 AS more FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id WHERE status NOT IN ('a', 'b')",
        "CREATE MATERIALIZED VIEW v AS SELECT o.order_id, u.name, total_cents + 1 AS more FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id WHERE status IN ('a', 'b'); CREATE INDEX ON v (more)",
    ] {
        assert_ne!(first, canonical(changed), "{changed}");
    }
}

#[test]
fn what_nothing_reads_is_left_out() {
    check(
        "SELECT x.order_id, x.carrier FROM (
           SELECT o.order_id, u.name, s.carrier, o.placed_at,
                  (SELECT jsonb_agg(p.name ORDER BY l.line_no) FROM order_lines l LEFT JOIN products p ON p.product_id = l.product_id
                    WHERE l.order_id = o.order_id AND EXISTS (SELECT 1 FROM users c WHERE c.user_id = p.name)) AS lines
             FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id AND u.country = 'de'
             LEFT JOIN shipments s ON s.order_id = o.order_id) AS x",
        expect![[r#"
            orders as o reads order_id
            shipments as s reads order_id, carrier
              (order_id) -> orders (order_id) by key"#]],
    );
}

#[test]
fn a_join_stays_if_it_drops_rows_or_something_is_joined_to_it() {
    check(
        "SELECT o.order_id, r.name FROM orders o JOIN shipments s ON s.order_id = o.order_id
           LEFT JOIN users u ON u.user_id = o.customer_id LEFT JOIN users r ON r.user_id = u.referrer_id",
        expect![[r#"
            orders as o reads order_id, customer_id
            shipments as s reads order_id
              (order_id) -> orders (order_id) by key
            users as u reads user_id, referrer_id
              (user_id) -> orders (customer_id) by index
            users as r reads user_id, name
              (user_id) -> users (referrer_id) by index
              (user_id) -> orders (customer_id) by index
            index orders (customer_id)
            index users (referrer_id)"#]],
    );
}

#[test]
fn a_query_in_from_leads_back_like_its_tables() {
    check(
        "WITH named AS (SELECT u.user_id, coalesce(u.name, '?') AS name, u.country FROM users u WHERE u.country <> 'x')
         SELECT o.order_id, n.name, (SELECT count(*) FROM named m WHERE m.country = n.country) AS there
           FROM orders o LEFT JOIN named n ON n.user_id = o.customer_id",
        expect![[r#"
            orders as o reads order_id, customer_id
            users as u reads user_id, name, country
              (user_id) -> orders (customer_id) by index
            users as u reads country
              (country) -> users (country) by index
              (user_id) -> orders (customer_id) by index
            index orders (customer_id)
            index users (country)"#]],
    );
}

#[test]
fn groups_of_one_meaning_are_one_table() {
    let file = prejoin_sql::ViewFile {
        path: "view.sql".to_owned(),
        text: "CREATE MATERIALIZED VIEW a AS SELECT status, count(*) AS n FROM orders GROUP BY status;
               CREATE MATERIALIZED VIEW b AS SELECT x.n + 1 AS more FROM (SELECT o.status AS s, count(*) AS n FROM orders AS o GROUP BY 1) x;
               CREATE MATERIALIZED VIEW c AS SELECT DISTINCT status FROM orders;"
            .to_owned(),
    };
    let parsed = prejoin_sql::parse_views(&[file], &tables()).unwrap();
    assert_eq!(parsed.groups.len(), 2);
    assert_eq!(parsed.views[0].relations[0].table, parsed.views[1].relations[0].table);
    assert_eq!(parsed.views[2].relations[0].table.0, tables().len() + 1);
    let columns: Vec<String> = parsed.groups[0]
        .schema
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, column.kind))
        .collect();
    assert_eq!(columns, ["status text", "count bigint", "error text"]);
}
