//! The grammar as data: a query string, and what it means or why it is refused.

use super::*;

/// One line for a request: `select … | where … | order … | limit … | offset …`, absent parts left out.
fn shown(request: &ReadRequest) -> String {
    let mut parts = vec![format!("select {}", joined(&request.select, selected))];
    if !request.filters.is_empty() {
        parts.push(format!("where {}", joined(&request.filters, |one| logic(one, &field))));
    }
    if !request.group_by.is_empty() {
        parts.push(format!("group by {}", joined(&request.group_by, item)));
    }
    if !request.having.is_empty() {
        parts.push(format!("having {}", joined(&request.having, |one| logic(one, &item))));
    }
    if !request.order.is_empty() {
        parts.push(format!("order {}", joined(&request.order, order)));
    }
    parts.extend(request.limit.map(|rows| format!("limit {rows}")));
    parts.extend((request.offset_rows > 0).then(|| format!("offset {}", request.offset_rows)));
    parts.extend(request.cursor.as_ref().map(|cursor| format!("cursor {cursor:?}")));
    parts.extend(request.foreign.as_ref().map(|resource| format!("foreign [{resource}]")));
    parts.join(" | ")
}

fn read(query_string: &str) -> Result<ReadRequest, Error> {
    parse(query_string, None)
}

fn joined<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn selected(selected: &Selected) -> String {
    match selected {
        Selected::All => "*".to_owned(),
        Selected::Item { item: shown, alias: None } => item(shown),
        Selected::Item { item: shown, alias: Some(alias) } => format!("{} as [{alias}]", item(shown)),
        Selected::Embedded { relation } => format!("rows of [{relation}]"),
    }
}

fn item(item: &Item) -> String {
    let mut shown = item.field.as_ref().map_or("rows".to_owned(), field);
    shown.extend(item.cast.as_ref().map(|cast| format!("::{cast}")));
    shown.extend(item.bucket.map(|unit| format!(" by {}", unit.name())));
    shown.extend(item.aggregate.map(|aggregate| format!(" {}()", aggregate.name())));
    shown.extend(item.aggregate_cast.as_ref().map(|cast| format!("::{cast}")));
    shown
}

fn field(field: &Field) -> String {
    let steps = field.path.iter().map(|step| {
        let arrow = if step.as_text { "->>" } else { "->" };
        match &step.operand {
            JsonOperand::Key(key) => format!("{arrow}{key:?}"),
            JsonOperand::Index(index) => format!("{arrow}{index}"),
        }
    });
    format!("[{}]{}", field.column, steps.collect::<String>())
}

fn logic<T>(logic: &Logic<T>, subject: &impl Fn(&T) -> String) -> String {
    match logic {
        Logic::Filter(filter) => {
            let negation = if filter.negated { "not " } else { "" };
            format!("{negation}{} {}", subject(&filter.subject), operation(&filter.operation))
        }
        Logic::Group { negated, operator, members } => {
            let negation = if *negated { "not " } else { "" };
            let members: Vec<_> = members.iter().map(|member| self::logic(member, subject)).collect();
            format!("{negation}{operator:?}({})", members.join("; "))
        }
    }
}

fn operation(operation: &Operation) -> String {
    let quantified =
        |quantifier: &Option<Quantifier>| quantifier.map_or(String::new(), |q| format!("{q:?} "));
    match operation {
        Operation::Compare { comparison, quantifier, value } => {
            format!("{comparison:?} {}{value:?}", quantified(quantifier))
        }
        Operation::In(values) => format!("In {values:?}"),
        Operation::Is(word) => format!("Is {word:?}"),
        Operation::Like { pattern, ignore_case, quantifier } => {
            let name = if *ignore_case { "Ilike" } else { "Like" };
            format!("{name} {}{pattern:?}", quantified(quantifier))
        }
        Operation::Match { pattern, ignore_case, quantifier } => {
            let name = if *ignore_case { "Imatch" } else { "Match" };
            format!("{name} {}{pattern:?}", quantified(quantifier))
        }
        Operation::IsDistinct(value) => format!("IsDistinct {value:?}"),
        Operation::Contains(value) => format!("Contains {value:?}"),
        Operation::Contained(value) => format!("Contained {value:?}"),
        Operation::Overlaps(value) => format!("Overlaps {value:?}"),
        Operation::Range(operator, value) => format!("{operator:?} {value:?}"),
        Operation::Search { grammar, language, query } => {
            let language = language.as_ref().map_or(String::new(), |language| format!("({language}) "));
            format!("Search{grammar:?} {language}{query:?}")
        }
    }
}

fn order(term: &OrderTerm) -> String {
    let nulls = term.nulls_first.map_or("", |first| if first { " nulls first" } else { " nulls last" });
    format!("{} {}{nulls}", item(&term.item), if term.descending { "desc" } else { "asc" })
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
        ("select=a::text,x:b::int", "select [a]::text, [b]::int as [x]"),
        ("select=a-%3Eb-%3E%3E0::int,x:a-%3E-1", "select [a]->\"b\"->>+0::int, [a]->-1 as [x]"),
        ("select=a-%3E!@%23%24%25%5E%26*_a,a-%3E%22x.y%22", "select [a]->\"!@#$%^&*_a\", [a]->\"x.y\""),
        ("select=a-%3E%3E1x", "select [a]->>\"1x\""),
        ("select=count(),n:count()::int", "select rows count(), rows count()::int as [n]"),
        ("select=count,count:a", "select [count], [a] as [count]"),
        ("select=a.sum(),x:b::numeric.avg()::text", "select [a] sum(), [b]::numeric avg()::text as [x]"),
        ("select=a.max(),a.min(),a.count()", "select [a] max(), [a] min(), [a] count()"),
        ("select=day:t.date_trunc(day),count()", "select [t] by day as [day], rows count()"),
        ("select=t.date_trunc(month).max()", "select [t] by month max()"),
        ("select=users(name,orders(*)),b", "select rows of [users], [b]"),
        ("select=...users!fk!inner(name),x:y!left(*)", "select rows of [users], rows of [y]"),
        ("select=a&users.order=b", "select [a] | foreign [users]"),
        ("a-%3Eb-%3E%3Ec=eq.1", "select * | where [a]->\"b\"->>\"c\" Equal \"1\""),
        ("a-%3E0=not.is.null", "select * | where not [a]->+0 Is Null"),
        (
            "a=eq(any).%7B1,2%7D&b=not.like(all).%7Bx*,y%7D",
            "select * | where [a] Equal Any \"{1,2}\", not [b] Like All \"{x*,y}\"",
        ),
        ("a=match.%5Ex&b=imatch(any).%7Ba%7D", "select * | where [a] Match \"^x\", [b] Imatch Any \"{a}\""),
        (
            "a=isdistinct.1&b=not.isdistinct.x",
            "select * | where [a] IsDistinct \"1\", not [b] IsDistinct \"x\"",
        ),
        (
            "a=cs.%7B1%7D&b=cd.%7B%7D&c=ov.%7Bx%7D",
            "select * | where [a] Contains \"{1}\", [b] Contained \"{}\", [c] Overlaps \"{x}\"",
        ),
        (
            "a=sl.x&a=sr.x&a=nxr.x&a=nxl.x&a=adj.x",
            "select * | where [a] StrictlyLeft \"x\", [a] StrictlyRight \"x\", [a] NotExtendsRight \"x\", [a] NotExtendsLeft \"x\", [a] Adjacent \"x\"",
        ),
        (
            "a=fts.x&b=plfts(english).y z&c=phfts.p&d=wfts(simple).-q",
            "select * | where [a] SearchQuery \"x\", [b] SearchPlain (english) \"y z\", [c] SearchPhrase \"p\", [d] SearchWeb (simple) \"-q\"",
        ),
        ("or=(a.eq.1,b.eq.2)", "select * | where Or([a] Equal \"1\"; [b] Equal \"2\")"),
        ("not.and=(a.eq.1)&c=eq.3", "select * | where not And([a] Equal \"1\"), [c] Equal \"3\""),
        (
            "and=( and ( id.in.( 1, 2, 3 ) , id.eq.3 ) , or ( id.eq.2 , not.and(id.eq.3) ) )",
            "select * | where And(And([id] In [\"1\", \" 2\", \" 3 \"]; [id] Equal \"3 \"); Or([id] Equal \"2 \"; not And([id] Equal \"3\")))",
        ),
        (
            "or=(a.eq.%22x,(y)%22,b.cs.%7B1,2%7D,c-%3E%3Ed.not.in.(1,2),not.is.null)",
            "select * | where Or([a] Equal \"x,(y)\"; [b] Contains \"{1,2}\"; not [c]->>\"d\" In [\"1\", \"2\"]; [not] Is Null)",
        ),
        ("or=(a.not.eq.1,and.eq.2)", "select * | where Or(not [a] Equal \"1\"; [and] Equal \"2\")"),
        ("users.or=(a.eq.1)", "select * | foreign [users]"),
        (
            "order=a-%3Eb.desc,c-%3E%3E0.nullsfirst",
            "select * | order [a]->\"b\" desc, [c]->>+0 asc nulls first",
        ),
        (
            "order=count().desc,a.sum().asc.nullslast,t.date_trunc(day)",
            "select * | order rows count() desc, [a] sum() asc nulls last, [t] by day asc",
        ),
        ("order=count.desc,sum", "select * | order [count] desc, [sum] asc"),
        (
            "groupby=(a,t.date_trunc(week))&having=(count().gt.2,or(a.sum().lt.5,a.avg().is.null))",
            "select * | group by [a], [t] by week | having rows count() Greater \"2\", Or([a] sum() Less \"5\"; [a] avg() Is Null)",
        ),
        (
            "having=eq.1&groupby=eq.2&cursor=eq.3",
            "select * | where [having] Equal \"1\", [groupby] Equal \"2\", [cursor] Equal \"3\"",
        ),
        ("cursor=AbC_-9", "select * | cursor \"AbC_-9\""),
        ("cursor=", "select * | cursor \"\""),
        ("columns=a&on_conflict=b&lonely", "select *"),
    ];
    for (query_string, expected) in cases {
        match read(query_string) {
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
            "unexpected \",\" expecting \">\", letter or digit",
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
            "failed to parse select parameter (\"a) 1:3",
            "unexpected end of input expecting \"\\\\\" or \"\\\"\"",
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
            "order=id.nulsfist",
            "failed to parse order (id.nulsfist) 1:4",
            "unexpected \"n\" expecting \"asc\", \"desc\", \"nullsfirst\" or \"nullslast\"",
        ),
        (
            "order=id.asc.smth34",
            "failed to parse order (id.asc.smth34) 1:8",
            "unexpected \"s\" expecting \"nullsfirst\" or \"nullslast\"",
        ),
        (
            "order=clients(name,id)",
            "failed to parse order (clients(name,id)) 1:8",
            "unexpected '(' expecting letter, digit, \"-\", \"->>\", \"->\", delimiter (.), \",\" or end of input",
        ),
        (
            "a=fts().value",
            "failed to parse filter (fts().value) 1:5",
            "unexpected \")\" expecting operator (eq, gt, ...)",
        ),
        (
            "a=eq().value",
            "failed to parse filter (eq().value) 1:4",
            "unexpected \")\" expecting operator (eq, gt, ...)",
        ),
        (
            "a=is().value",
            "failed to parse filter (is().value) 1:3",
            "unexpected \"(\" expecting operator (eq, gt, ...)",
        ),
        (
            "or=()",
            "failed to parse logic tree (()) 1:4",
            "unexpected \")\" expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)",
        ),
        (
            "or=(id.in.1,2,id.eq.3)",
            "failed to parse logic tree ((id.in.1,2,id.eq.3)) 1:10",
            "unexpected \"1\" expecting \"(\"",
        ),
        ("or=)(", "failed to parse logic tree ()() 1:3", "unexpected \")\" expecting \"(\""),
        (
            "and=(ord(id.eq.1,id.eq.1),id.eq.2)",
            "failed to parse logic tree ((ord(id.eq.1,id.eq.1),id.eq.2)) 1:7",
            "unexpected \"d\" expecting \"(\"",
        ),
        (
            "or=(id.eq.1,not.xor(id.eq.2,id.eq.3))",
            "failed to parse logic tree ((id.eq.1,not.xor(id.eq.2,id.eq.3))) 1:16",
            "unexpected \"x\" expecting logic operator (and, or)",
        ),
        (
            "select=id,clients(name[])",
            "failed to parse select parameter (id,clients(name[])) 1:16",
            "unexpected '[' expecting letter, digit, \"-\", \"->>\", \"->\", \"::\", \".\", \")\", \",\" or end of input",
        ),
        (
            "select=data-%3E%3E-78xy",
            "failed to parse select parameter (data->>-78xy) 1:11",
            "unexpected 'x' expecting digit, \"->\", \"::\", \".\", \",\" or end of input",
        ),
        (
            "select=t.date_trunc(days)",
            "failed to parse select parameter (t.date_trunc(days)) 1:17",
            "unexpected \"s\" expecting \")\"",
        ),
        (
            "order=a%0A%0A",
            "failed to parse order (a\n\n) 1:2",
            "unexpected '\\n' expecting letter, digit, \"-\", \"->>\", \"->\", delimiter (.), \",\" or end of input",
        ),
    ];
    for (query_string, message, details) in cases {
        let Err(Error::Syntax { message: found, details: found_details }) = read(query_string) else {
            panic!("{query_string} was not refused as syntax: {:?}", read(query_string));
        };
        let (what, place) = message.rsplit_once(' ').unwrap();
        let (line, column) = place.split_once(':').unwrap();
        assert_eq!(found, format!("\"{what}\" (line {line}, column {column})"), "{query_string}");
        assert_eq!(found_details, details, "{query_string}");
    }
}

#[test]
fn ranges_that_hold_nothing() {
    assert!(matches!(read("limit=-1"), Err(Error::NegativeLimit)));
    assert!(matches!(read("limit=2&offset=-2"), Err(Error::NegativeLimit)));
}

#[test]
fn bytes_that_are_no_text() {
    for (query_string, byte) in [("a=eq.%FF", "0xff"), ("a=eq.x%00", "0x00"), ("%C3=eq.1", "0xc3")] {
        match read(query_string) {
            Err(error @ Error::DoesNotFit { code: "22021", .. }) => {
                assert_eq!(error.to_string(), format!("invalid byte sequence for encoding \"UTF8\": {byte}"));
            }
            other => panic!("{query_string}: {other:?}"),
        }
    }
}

#[test]
fn other_resources_are_refused_in_postgrest_s_words() {
    let cases = [
        (
            "select=users(name)",
            "PGRST200",
            "Could not find a relationship between 'orders' and 'users' in the schema cache",
        ),
        (
            "select=...users(name)&x.limit=1",
            "PGRST200",
            "Could not find a relationship between 'orders' and 'users' in the schema cache",
        ),
        ("users.name=eq.1", "PGRST108", "'users' is not an embedded resource in this request"),
        ("users.orders.name=eq.1", "PGRST108", "'users' is not an embedded resource in this request"),
        ("users.limit=1", "PGRST108", "'users' is not an embedded resource in this request"),
        ("users.order=a", "PGRST108", "'users' is not an embedded resource in this request"),
        ("users.not.or=(a.eq.1)", "PGRST108", "'users' is not an embedded resource in this request"),
        ("order=users(a)", "PGRST108", "'users' is not an embedded resource in this request"),
    ];
    for (query_string, code, message) in cases {
        let error = read(query_string).unwrap().refuse_embedding("orders").unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, message), "{query_string}");
    }
    assert!(read("select=a&order=b").unwrap().refuse_embedding("orders").is_ok());
}

#[test]
fn parentheses_have_a_depth() {
    let nested = |depth: usize| format!("{}a.eq.1{}", "and(".repeat(depth), ")".repeat(depth));
    assert!(read(&format!("or=({})", nested(60))).is_ok());
    for text in [
        format!("or=({})", nested(70)),
        format!("or=({})", nested(50_000)),
        format!("select={}", "a(".repeat(50_000)),
    ] {
        assert_eq!(read(&text).unwrap_err().code(), "54001");
    }
}

#[test]
fn rows_by_number() {
    let rows = |query_string, header| {
        parse(query_string, Some(header)).map(|request| (request.limit, request.offset_rows))
    };
    assert_eq!(rows("", "0-1").unwrap(), (Some(2), 0));
    assert_eq!(rows("", "5-").unwrap(), (None, 5));
    assert_eq!(rows("", "items=0-1").unwrap(), (None, 0));
    assert_eq!(rows("limit=5", "1-2").unwrap(), (Some(2), 1));
    assert_eq!(rows("limit=2&offset=1", "0-9").unwrap(), (Some(2), 1));
    assert_eq!(rows("limit=0", "3-4").unwrap(), (Some(0), 0));
    assert_eq!(rows("", "99999999999999999999999999999999999999999-").unwrap(), (None, u64::MAX));
    assert!(matches!(rows("", "2-1"), Err(Error::RangeReversed)));
    assert!(matches!(rows("limit=2&offset=10", "0-4"), Err(Error::NegativeLimit)));
}

#[test]
fn what_is_preferred() {
    let preferences = Preferences::parse([
        "count=exact,    tx=commit   , handling=strict, anything",
        "count=planned, timezone=UTC, max-affected=7, max-affected=x, wait=2, wait=never",
    ]);
    assert_eq!(preferences.count, Some(Count::Exact));
    assert_eq!((preferences.max_affected, preferences.wait_seconds), (Some(7), Some(2)));
    assert_eq!(preferences.refused().unwrap(), "Invalid preferences: anything, wait=never");
    assert_eq!(preferences.applied().unwrap(), "count=exact, handling=strict, timezone=UTC");
    assert_eq!(Preferences::parse(["handling=lenient, x"]).refused(), None);
    assert_eq!(Preferences::parse([]).applied(), None);
}

#[test]
fn what_is_accepted() {
    let cases = [
        ("*/*", "*/*"),
        ("ApplicatIon/vnd.PgRsT.object+json", "application/vnd.pgrst.object+json"),
        ("application/vnd.pgrst.object;nulls=stripped", "application/vnd.pgrst.object+json;nulls=stripped"),
        (
            "application/vnd.pgrst.array+json; nulls=stripped",
            "application/vnd.pgrst.array+json;nulls=stripped",
        ),
        ("application/vnd.pgrst.array+json", "application/json"),
        ("text/csv;q=0.5, application/json", "application/json text/csv"),
        ("*/*, text/csv", "text/csv */*"),
        ("image/png, text/csv;q=0.1", "image/png text/csv"),
        ("application/vnd.pgrst.plan", "application/vnd.pgrst.plan+text; for=\"application/json\""),
        (
            "application/vnd.pgrst.plan+json; for=\"text/csv\"; options=wal|analyze|nothing",
            "application/vnd.pgrst.plan+json; for=\"text/csv\"; options=analyze|wal",
        ),
        (
            "application/vnd.pgrst.plan;for=\"application/vnd.pgrst.plan;a,b\"",
            "application/vnd.pgrst.plan+text; for=\"application/vnd.pgrst.plan;a,b\"",
        ),
        ("", ""),
    ];
    for (header, expected) in cases {
        let names: Vec<_> = accepted(header).iter().map(MediaType::name).collect();
        assert_eq!(names.join(" "), expected, "{header}");
    }
}

#[test]
fn one_query_has_one_canonical_form() {
    assert_eq!(canonical("b=2&a=x+y&b=1&c=%C3%A9,").unwrap(), "a=x%20y&b=2&b=1&c=%C3%A9%2C");
    assert_eq!(canonical("").unwrap(), "");
}
