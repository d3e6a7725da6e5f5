//! Subqueries over the tables: written ones, and combinations of their parts.

use crate::random::Random;

/// SELECT lists over `orders o LEFT JOIN users u`, and conditions.
const WRITTEN: &[(&str, &str)] = &[
    ("(SELECT p.name FROM products p WHERE p.product_id = o.status)", ""),
    ("(SELECT name FROM users x WHERE x.user_id = o.customer_id), country", ""),
    ("(SELECT x.name || '!' AS loud FROM users x WHERE x.user_id = o.customer_id AND x.country = 'de')", ""),
    ("(SELECT u.name FROM users x WHERE x.user_id = o.customer_id AND x.name <> u.name)", ""),
    (
        "(SELECT amount FROM payments p WHERE p.order_id = o.order_id ORDER BY paid_at DESC, payment_id LIMIT 1)",
        "",
    ),
    (
        "(SELECT amount FROM payments p WHERE p.order_id = o.order_id ORDER BY amount NULLS FIRST, 1 LIMIT 1)",
        "",
    ),
    (
        "(SELECT payment_id AS amount FROM payments p WHERE p.order_id = o.order_id ORDER BY amount DESC LIMIT 1)",
        "",
    ),
    ("(SELECT -payment_id AS back FROM payments p WHERE p.order_id = o.order_id ORDER BY back LIMIT 1)", ""),
    (
        "(SELECT line_no FROM lines l WHERE l.order_id = o.order_id AND l.line_no > 2 ORDER BY note DESC NULLS LAST, line_no LIMIT 1)",
        "",
    ),
    ("(SELECT note FROM lines l WHERE l.order_id = o.order_id AND l.line_no = 3)", ""),
    ("(SELECT note FROM lines l WHERE 3 = l.line_no AND l.order_id = o.order_id AND l.gift LIMIT 1)", ""),
    ("(SELECT count(*) FROM payments p WHERE p.customer_id = o.customer_id AND p.order_id = o.order_id)", ""),
    ("(SELECT count(*) FROM payments p WHERE p.customer_id = u.user_id AND p.paid_at >= o.placed_at)", ""),
    ("(SELECT count(*) + 1 FROM payments p WHERE p.customer_id = u.user_id AND p.amount < o.total)", ""),
    ("(SELECT coalesce(sum(p.amount), 0) FROM payments p WHERE p.order_id = o.order_id), o.total", ""),
    ("o.total - (SELECT sum(p.payment_id) FROM payments p WHERE p.order_id = o.order_id) AS due", ""),
    (
        "CASE WHEN (SELECT count(*) FROM lines l WHERE l.order_id = o.order_id) BETWEEN 1 AND 3 THEN 'few' ELSE (SELECT max(note) FROM lines l WHERE l.order_id = o.order_id) END",
        "",
    ),
    ("(SELECT sum(l.quantity / 2) FROM lines l WHERE l.order_id = o.order_id AND l.quantity < 100)", ""),
    ("(SELECT sum(l.line_no::integer) FROM lines l WHERE l.order_id = o.order_id)", ""),
    ("(SELECT avg(l.line_no::integer) FROM lines l WHERE l.order_id = o.order_id)", ""),
    (
        "(SELECT sum(l.rough::numeric(10,2)) FROM lines l WHERE l.order_id = o.order_id AND l.rough BETWEEN 0 AND 100)",
        "",
    ),
    (
        "(SELECT count(DISTINCT l.quantity) = count(l.quantity) FROM lines l WHERE l.order_id = o.order_id)",
        "",
    ),
    (
        "(SELECT string_agg(p.name, '-' ORDER BY l.line_no DESC) FROM lines l LEFT JOIN products p ON p.product_id = l.product_id WHERE l.order_id = o.order_id)",
        "",
    ),
    (
        "(SELECT string_agg(p.name, p.maker_id ORDER BY l.line_no) FROM lines l JOIN products p ON p.product_id = l.product_id WHERE l.order_id = o.order_id)",
        "",
    ),
    (
        "(SELECT string_agg(m.name, ', ' ORDER BY l.line_no) FROM lines l JOIN products p ON p.product_id = l.product_id LEFT JOIN users m ON m.user_id = p.maker_id WHERE l.order_id = o.order_id AND m.country IS DISTINCT FROM u.country)",
        "",
    ),
    (
        "(SELECT jsonb_agg(m.name ORDER BY payment_id) FROM payments p LEFT JOIN users m ON m.user_id = o.customer_id AND m.user_id = p.customer_id WHERE p.order_id = o.order_id)",
        "",
    ),
    (
        "(SELECT jsonb_agg((SELECT p.name FROM products p WHERE p.product_id = l.product_id) ORDER BY l.line_no) FROM lines l WHERE l.order_id = o.order_id)",
        "",
    ),
    (
        "(SELECT jsonb_agg((SELECT count(*) FROM payments p WHERE p.customer_id = x.customer_id AND p.order_id = o.order_id) ORDER BY x.order_id) FROM orders x WHERE x.customer_id = o.customer_id)",
        "",
    ),
    (
        "(SELECT max(l.line_no) FROM lines l WHERE l.order_id = o.order_id AND EXISTS (SELECT 1 FROM products p WHERE p.product_id = l.product_id AND p.maker_id = o.customer_id))",
        "",
    ),
    (
        "(SELECT count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM products p WHERE p.product_id = l.product_id)) FROM lines l WHERE l.order_id = o.order_id)",
        "",
    ),
    (
        "(SELECT order_id FROM orders x WHERE x.customer_id = o.customer_id AND x.order_id <> o.order_id ORDER BY placed_at, order_id LIMIT 1) AS other",
        "",
    ),
    ("(SELECT count(*) FROM orders o WHERE o.customer_id = u.user_id), o.status", ""),
    ("EXISTS (SELECT 1 FROM lines l WHERE l.order_id = o.order_id AND l.gift)", ""),
    (
        "NOT EXISTS (SELECT * FROM lines l JOIN products p USING (product_id) WHERE l.order_id = o.order_id) AS none",
        "",
    ),
    ("EXISTS (SELECT p.* FROM payments p WHERE p.order_id = o.order_id AND p.amount > 1 LIMIT 1)", ""),
    ("o.total IN (SELECT l.quantity FROM lines l WHERE l.order_id = o.order_id) AS found", ""),
    ("o.total NOT IN (SELECT l.quantity FROM lines l WHERE l.order_id = o.order_id) AS missing", ""),
    ("o.total = ANY (SELECT p.amount FROM payments p WHERE p.customer_id = o.customer_id) AS paid", ""),
    ("(SELECT p.name FROM products p WHERE p.product_id = 'p1' AND p.maker_id = o.customer_id)", ""),
    ("o.status", "EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.order_id)"),
    (
        "o.status",
        "NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.order_id AND p.amount > 1) AND o.status = 'open'",
    ),
    (
        "o.status",
        "o.status = 'open' OR EXISTS (SELECT 1 FROM lines l WHERE l.order_id = o.order_id AND l.quantity > 1)",
    ),
    ("o.status", "(SELECT count(*) FROM lines l WHERE l.order_id = o.order_id) > 2 AND u.name IS NOT NULL"),
    ("o.status", "(SELECT max(p.amount) FROM payments p WHERE p.customer_id = o.customer_id) >= o.total"),
    ("o.status", "o.total NOT IN (SELECT l.quantity FROM lines l WHERE l.order_id = o.order_id)"),
    (
        "(SELECT min(due) FROM lines l WHERE l.order_id = o.order_id) AS due",
        "'a' IN (SELECT l.note FROM lines l WHERE l.order_id = o.order_id)",
    ),
];

/// Views whose subqueries yield several rows for some orders.
const OF_SEVERAL_ROWS: &[&str] = &[
    "(SELECT quantity FROM lines l WHERE l.order_id = o.order_id)",
    "(SELECT amount FROM payments p WHERE p.customer_id = o.customer_id AND p.amount > 2)",
    "CASE WHEN o.status = 'open' THEN (SELECT count(*) / 0 FROM lines l WHERE l.order_id = o.order_id) END AS share",
    "(SELECT 10 / (p.payment_id - 3) AS q FROM payments p WHERE p.order_id = o.order_id ORDER BY p.payment_id LIMIT 1)",
];

const AGGREGATES: &[&str] = &[
    "count(*)",
    "count({d}l.note)",
    "count({d}l.quantity)",
    "count({d}l.doc)",
    "count({d}p.name)",
    "sum({d}l.quantity)",
    "sum({d}l.weight)",
    "sum({d}l.line_no)",
    "avg({d}l.quantity)",
    "avg({d}l.weight)",
    "avg({d}l.line_no)",
    "min({d}l.quantity)",
    "max({d}l.weight)",
    "min({d}l.rough)",
    "max({d}l.rough)",
    "max({d}l.note)",
    "min({d}p.name)",
    "max({d}l.due)",
    "min({d}CASE WHEN l.gift THEN o.placed_at ELSE '2024-01-01' END)",
    "bool_and({d}l.gift)",
    "bool_or({d}l.gift)",
    "every({d}l.quantity > 1)",
    "string_agg({d}l.note, ',' ORDER BY l.note)",
    "string_agg({d}l.note, ';' ORDER BY l.note DESC)",
    "jsonb_agg({d}l.quantity ORDER BY l.quantity NULLS FIRST)",
    "jsonb_agg({d}l.weight ORDER BY l.weight DESC)",
    "jsonb_agg({d}l.rough ORDER BY l.rough)",
    "jsonb_agg({d}l.gift ORDER BY l.gift)",
    "jsonb_agg({d}l.due ORDER BY l.due DESC NULLS LAST)",
    "jsonb_agg({d}l.note ORDER BY l.note)",
    "jsonb_agg({d}l.doc ORDER BY l.doc)",
    "jsonb_agg(l.doc ORDER BY l.gift, l.line_no DESC)",
    "jsonb_agg(o.placed_at ORDER BY l.line_no)",
    "jsonb_agg(p.name ORDER BY l.gift DESC NULLS LAST, l.line_no)",
    "jsonb_agg({d}jsonb_build_object('note', l.note, 'due', l.due, l.line_no, l.weight, 'note', p.name) ORDER BY jsonb_build_object('note', l.note, 'due', l.due, l.line_no, l.weight, 'note', p.name))",
    "jsonb_agg(jsonb_build_object('at', o.placed_at, 'rough', l.rough, 'gift', l.gift, 'doc', l.doc) ORDER BY l.line_no)",
    "jsonb_agg(jsonb_build_array(l.line_no, 'x', NULL, o.placed_at, l.rough) ORDER BY l.line_no)",
    "jsonb_build_object('count', count({d}l.note), 'least', min(l.due), 'all', jsonb_agg({d}l.gift ORDER BY l.gift), o.order_id, u.name)",
    "coalesce(sum({d}l.weight), 0) + count(*)",
    "count(*) FILTER (WHERE l.gift) * 100 / nullif(count(*), 0)",
];

const FILTERS: &[&str] =
    &["", "", " AND l.quantity >= 0", " AND l.gift", " AND l.note <> u.name", " AND p.name IS NOT NULL"];

/// SELECT lists and conditions.
pub(crate) fn queries(seed: u64) -> Vec<(String, String)> {
    let mut queries: Vec<(String, String)> =
        WRITTEN.iter().map(|(list, condition)| ((*list).to_owned(), (*condition).to_owned())).collect();
    queries.extend(OF_SEVERAL_ROWS.iter().map(|list| ((*list).to_owned(), String::new())));
    let mut random = Random::new(seed);
    for aggregate in AGGREGATES.iter().cycle().take(4 * AGGREGATES.len()) {
        let distinct = random.of(&["", "DISTINCT "]);
        let filter = match random.below(3) {
            0 if !aggregate.contains("FILTER")
                && !aggregate.starts_with("coalesce")
                && !aggregate.starts_with("jsonb_build") =>
            {
                " FILTER (WHERE l.quantity > 0 OR l.gift)"
            }
            _ => "",
        };
        let join = random.of(&["LEFT JOIN", "JOIN"]);
        let condition = random.of(FILTERS);
        queries.push((
            format!(
                "(SELECT {}{filter} FROM lines l {join} products p ON p.product_id = l.product_id WHERE l.order_id = o.order_id{condition})",
                aggregate.replace("{d}", distinct)
            ),
            String::new(),
        ));
    }
    queries
}
