//! The grammar as data: a query string, and what it means or why it is refused.

use super::*;

/// One line for a request: `select … | where … | order … | limit … | offset …`, absent parts left out.
fn shown(request: &ReadRequest) -> String {
    let mut parts = vec![format!("select {}", joined(&request.select, selected))];
    if !request.filters.is_empty() {
        parts.push(format!("where {}", joined(&request.filters, filter)));
    }
    if !request.order.is_empty() {
        parts.push(format!("order {}", joined(&request.order, order)));
    }
    parts.extend(request.limit.map(|rows| format!("limit {rows}")));
    parts.extend((request.offset_rows > 0).then(|| format!("offset {}", request.offset_rows)));
    parts.join(" | ")
}

fn joined<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn selected(selected: &Selected) -> String {
    match selected {
        Selected::All => "*".to_owned(),
        Selected::Column { name, alias: None } => format!("[{name}]"),
        Selected::Column { name, alias: Some(alias) } => format!("[{name}] as [{alias}]"),
    }
}

fn filter(filter: &Filter) -> String {
    let operation = match &filter.operation {
        Operation::Compare(comparison, value) => format!("{comparison:?} {value:?}"),
        Operation::In(values) => format!("In {values:?}"),
        Operation::Is(word) => format!("Is {word:?}"),
        Operation::Like { pattern, ignore_case: false } => format!("Like {pattern:?}"),
        Operation::Like { pattern, ignore_case: true } => format!("Ilike {pattern:?}"),
    };
    format!("{}[{}] {operation}", if filter.negated { "not " } else { "" }, filter.column)
}

fn order(term: &OrderTerm) -> String {
    let nulls = term.nulls_first.map_or("", |first| if first { " nulls first" } else { " nulls last" });
    format!("[{}] {}{nulls}", term.column, if term.descending { "desc" } else { "asc" })
}

#[test]
fn what_is_understood() {
    let cases = [
        ("", "select *"),
        ("select=*", "select *"),
        ("select", "select *"),
        ("select=", "select "),
        ("select=a,b", "select [a], [b]"),
        ("select=%20a%20,%20b+", "select [a], [b]"),
        ("select=a,a,*", "select [a], [a], *"),
        ("select=x:a,*", "select [a] as [x], *"),
        ("select=%22x,y%22:%22a%20%5C%22b%22", "select [a \"b] as [x,y]"),
        ("select=first-name,with%20blank,$1", "select [first-name], [with blank], [$1]"),
        ("select=größe", "select [größe]"),
        ("select=gr%C3%B6%C3%9Fe", "select [größe]"),
        ("select=a&select=b", "select [a]"),
        ("a=eq.1", "select * | where [a] Equal \"1\""),
        ("a=eq.", "select * | where [a] Equal \"\""),
        ("a=neq.1&a=lt.2", "select * | where [a] NotEqual \"1\", [a] Less \"2\""),
        (
            "a=lte.1&b=gt.2&c=gte.3",
            "select * | where [a] LessOrEqual \"1\", [b] Greater \"2\", [c] GreaterOrEqual \"3\"",
        ),
        ("a=eq.x.y,(z)%26&b=eq.a+b", "select * | where [a] Equal \"x.y,(z)&\", [b] Equal \"a b\""),
        ("a=eq.%22q%22", "select * | where [a] Equal \"\\\"q\\\"\""),
        ("a=eq.100%", "select * | where [a] Equal \"100%\""),
        ("a=not.eq.1", "select * | where not [a] Equal \"1\""),
        ("a=in.(1,2)", "select * | where [a] In [\"1\", \"2\"]"),
        ("a=in.(%22a,b%22,c)", "select * | where [a] In [\"a,b\", \"c\"]"),
        ("a=in.(%22a%5C%22b%5C%5C%22)", "select * | where [a] In [\"a\\\"b\\\\\"]"),
        ("a=in.(%22a%22b,%22c)", "select * | where [a] In [\"\\\"a\\\"b\", \"\\\"c\"]"),
        ("a=in.(%22%22)", "select * | where [a] In []"),
        ("a=in.(,)", "select * | where [a] In [\"\", \"\"]"),
        ("a=in.()", "select * | where [a] In []"),
        ("a=not.in.(1)", "select * | where not [a] In [\"1\"]"),
        ("a=is.null&b=is.NOT_NULL", "select * | where [a] Is Null, [b] Is NotNull"),
        (
            "a=is.True&b=is.false&c=not.is.unknown",
            "select * | where [a] Is True, [b] Is False, not [c] Is Unknown",
        ),
        ("a=like.x*", "select * | where [a] Like \"x*\""),
        ("a=not.ilike.%25x_", "select * | where not [a] Ilike \"%x_\""),
        ("%22order%20by%22=eq.1", "select * | where [order by] Equal \"1\""),
        ("order=a", "select * | order [a] asc"),
        ("order=a.desc,b.asc", "select * | order [a] desc, [b] asc"),
        ("order=a.nullsfirst,b.desc.nullslast", "select * | order [a] asc nulls first, [b] desc nulls last"),
        ("order=%22x.y%22.desc", "select * | order [x.y] desc"),
        ("order=a&order=b", "select * | order [a] asc"),
        ("limit=5&offset=10", "select * | limit 5 | offset 10"),
        ("limit=0", "select * | limit 0"),
        ("limit=1&limit=2", "select * | limit 2"),
        ("limit=ten&offset=two", "select *"),
        ("offset=-3", "select *"),
        ("limit=5&offset=-3", "select * | limit 2"),
        ("limit=99999999999999999999999", "select * | limit 18446744073709551615"),
        ("columns=a&on_conflict=b&lonely", "select *"),
    ];
    for (query_string, expected) in cases {
        match parse(query_string) {
            Ok(request) => assert_eq!(shown(&request), expected, "{query_string}"),
            Err(error) => panic!("{query_string}: {error} {:?}", error.details()),
        }
    }
}

#[test]
fn what_is_refused() {
    let cases = [
        (
            "=eq.1",
            "failed to parse tree path () 1:1",
            "unexpected end of input expecting field name (* or [a..z0..9_$])",
        ),
        (
            "a!=eq.1",
            "failed to parse tree path (a!) 1:2",
            "unexpected '!' expecting letter, digit, \"-\", delimiter (.), \"->>\", \"->\" or end of input",
        ),
        (
            "a=1",
            "failed to parse filter (1) 1:1",
            "unexpected \"1\" expecting \"not\" or operator (eq, gt, ...)",
        ),
        (
            "a=",
            "failed to parse filter () 1:1",
            "unexpected end of input expecting \"not\" or operator (eq, gt, ...)",
        ),
        (
            "a=noop.0",
            "failed to parse filter (noop.0) 1:1",
            "unexpected \"o\" expecting \"not\" or operator (eq, gt, ...)",
        ),
        (
            "a=not.1",
            "failed to parse filter (not.1) 1:5",
            "unexpected \"1\" expecting operator (eq, gt, ...)",
        ),
        ("a=notx", "failed to parse filter (notx) 1:4", "unexpected \"x\" expecting delimiter (.)"),
        ("a=eq1", "failed to parse filter (eq1) 1:3", "unexpected \"1\" expecting operator (eq, gt, ...)"),
        (
            "a=equal.1",
            "failed to parse filter (equal.1) 1:3",
            "unexpected \"u\" expecting operator (eq, gt, ...)",
        ),
        (
            "a=%C3%A9.1",
            "failed to parse filter (é.1) 1:1",
            "unexpected \"\\233\" expecting \"not\" or operator (eq, gt, ...)",
        ),
        ("a=in.1,2", "failed to parse filter (in.1,2) 1:4", "unexpected \"1\" expecting \"(\""),
        (
            "a=in.(1,2",
            "failed to parse filter (in.(1,2) 1:8",
            "unexpected end of input expecting \",\" or \")\"",
        ),
        ("a=in.(1)2", "failed to parse filter (in.(1)2) 1:7", "unexpected '2' expecting end of input"),
        (
            "a=is.nil",
            "failed to parse filter (is.nil) 1:5",
            "unexpected \"i\" expecting isVal: (null, not_null, true, false, unknown)",
        ),
        (
            "a=is.ok",
            "failed to parse filter (is.ok) 1:4",
            "unexpected \"o\" expecting isVal: (null, not_null, true, false, unknown)",
        ),
        (
            "a=is.nullable",
            "failed to parse filter (is.nullable) 1:8",
            "unexpected 'a' expecting end of input",
        ),
        (
            "select=a,",
            "failed to parse select parameter (a,) 1:3",
            "unexpected end of input expecting \"...\", field name (* or [a..z0..9_$]), \"*\" or \"count()\"",
        ),
        (
            "select=a,,b",
            "failed to parse select parameter (a,,b) 1:3",
            "unexpected \",\" expecting \"...\", field name (* or [a..z0..9_$]), \"*\" or \"count()\"",
        ),
        (
            "select=a!b",
            "failed to parse select parameter (a!b) 1:2",
            "unexpected '!' expecting letter, digit, \"-\", \"->>\", \"->\", \"::\", \".\", \")\", \",\" or end of input",
        ),
        (
            "select=*x",
            "failed to parse select parameter (*x) 1:2",
            "unexpected 'x' expecting \")\", \",\" or end of input",
        ),
        (
            "select=a-,b",
            "failed to parse select parameter (a-,b) 1:3",
            "unexpected \",\" expecting letter or digit",
        ),
        (
            "select=a::",
            "failed to parse select parameter (a::) 1:4",
            "unexpected end of input expecting letter or digit",
        ),
        (
            "select=a.total()",
            "failed to parse select parameter (a.total()) 1:3",
            "unexpected \"t\" expecting \"sum\", \"avg\", \"count\", \"max\" or \"min\"",
        ),
        (
            "select=%22a",
            "failed to parse select parameter (\"a) 1:1",
            "unexpected \"\\\"\" expecting \"...\", field name (* or [a..z0..9_$]), \"*\" or \"count()\"",
        ),
        (
            "order=",
            "failed to parse order () 1:1",
            "unexpected end of input expecting field name (* or [a..z0..9_$])",
        ),
        (
            "order=id.ac",
            "failed to parse order (id.ac) 1:4",
            "unexpected \"c\" expecting \"asc\", \"desc\", \"nullsfirst\" or \"nullslast\"",
        ),
        (
            "order=id.descc",
            "failed to parse order (id.descc) 1:8",
            "unexpected 'c' expecting delimiter (.), \",\" or end of input",
        ),
        (
            "order=id.asc.nlsfst",
            "failed to parse order (id.asc.nlsfst) 1:8",
            "unexpected \"l\" expecting \"nullsfirst\" or \"nullslast\"",
        ),
        (
            "order=id.nullslasttt",
            "failed to parse order (id.nullslasttt) 1:13",
            "unexpected 't' expecting \",\" or end of input",
        ),
        (
            "order=id!",
            "failed to parse order (id!) 1:3",
            "unexpected '!' expecting letter, digit, \"-\", \"->>\", \"->\", delimiter (.), \",\" or end of input",
        ),
        (
            "order=a%0A%0A",
            "failed to parse order (a\n\n) 1:2",
            "unexpected '\\n' expecting letter, digit, \"-\", \"->>\", \"->\", delimiter (.), \",\" or end of input",
        ),
    ];
    for (query_string, message, details) in cases {
        let Err(Error::Syntax { message: found, details: found_details }) = parse(query_string) else {
            panic!("{query_string} was not refused as syntax: {:?}", parse(query_string));
        };
        let (what, place) = message.rsplit_once(' ').unwrap();
        let (line, column) = place.split_once(':').unwrap();
        assert_eq!(found, format!("\"{what}\" (line {line}, column {column})"), "{query_string}");
        assert_eq!(found_details, details, "{query_string}");
    }
}

#[test]
fn what_is_known_but_not_answered() {
    let cases = [
        ("select=a::text", "Casts ('a::text') are not supported yet."),
        ("select=x:a-%3Eb", "Paths into json ('a->b') are not supported yet."),
        ("select=a.sum()", "Aggregates ('a.sum()') are not supported yet."),
        ("select=count()", "Aggregates ('count()') are not supported yet."),
        ("select=users(name)", "Embedding other resources is not supported: a view already holds its joins."),
        (
            "select=...users(name)",
            "Embedding other resources is not supported: a view already holds its joins.",
        ),
        (
            "select=users!inner(name)",
            "Embedding other resources is not supported: a view already holds its joins.",
        ),
        ("a-%3E%3Eb=eq.1", "Paths into json ('a->>b') are not supported yet."),
        ("order=a-%3Eb.desc", "Paths into json ('a->b.desc') are not supported yet."),
        ("a=cs.%7B1%7D", "The operator 'cs' is not supported yet."),
        ("a=isdistinct.1", "The operator 'isdistinct' is not supported yet."),
        ("a=match.x", "The operator 'match' is not supported yet."),
        ("a=fts(english).x", "The operator 'fts' is not supported yet."),
        ("a=eq(any).%7B1%7D", "The quantifier in 'eq(any)' is not supported yet."),
        (
            "or=(a.eq.1,b.eq.2)",
            "The parameters 'and' and 'or' are not supported yet; several filters are combined with AND.",
        ),
        (
            "not.and=(a.eq.1)",
            "The parameters 'and' and 'or' are not supported yet; several filters are combined with AND.",
        ),
    ];
    for (query_string, expected) in cases {
        match parse(query_string) {
            Err(Error::NotImplemented { reason }) => assert_eq!(reason, expected, "{query_string}"),
            other => panic!("{query_string} was not refused as not implemented: {other:?}"),
        }
    }
}

#[test]
fn what_belongs_to_an_embedded_resource() {
    for query_string in
        ["users.name=eq.1", "users.orders.name=eq.1", "users.limit=1", "users.order=a", "order=users(a)"]
    {
        match parse(query_string) {
            Err(Error::NotEmbedded { resource }) => assert_eq!(resource, "users", "{query_string}"),
            other => panic!("{query_string}: {other:?}"),
        }
    }
}

#[test]
fn ranges_that_hold_nothing() {
    assert!(matches!(parse("limit=-1"), Err(Error::NegativeLimit)));
    assert!(matches!(parse("limit=2&offset=-2"), Err(Error::NegativeLimit)));
}

#[test]
fn bytes_that_are_no_text() {
    for (query_string, byte) in [("a=eq.%FF", "0xff"), ("a=eq.x%00", "0x00"), ("%C3=eq.1", "0xc3")] {
        match parse(query_string) {
            Err(error @ Error::DoesNotFit { code: "22021", .. }) => {
                assert_eq!(error.to_string(), format!("invalid byte sequence for encoding \"UTF8\": {byte}"));
            }
            other => panic!("{query_string}: {other:?}"),
        }
    }
}
