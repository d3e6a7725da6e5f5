//! Expressions: every operator and cast over every pair of types, with columns and with literals, and combinations drawn
//! by a seed.

use prejoin_model::Type;

use crate::sample::{TYPES, edge_texts, quoted};

const OPERATORS: [&str; 15] = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "||",
    "=",
    "<>",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
];

const LITERALS: [&str; 24] = [
    "NULL",
    "TRUE",
    "1",
    "0",
    "-1",
    "2147483647",
    "2147483648",
    "-2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1.5",
    "0.00",
    "1e3",
    ".5",
    "'1'",
    "'x'",
    "''",
    "'2024-02-29'",
    "'true'",
    "DATE '2024-02-29'",
    "TIMESTAMPTZ '2024-02-29 12:00:00+01'",
    "'1.5'::numeric",
    "E'\\\\'",
];

const PATTERNS: [&str; 12] =
    ["'%'", "'a%'", "'%b%'", "'_'", "'__'", "'A_C'", "'\\%'", "'a\\'", "'%\\'", "'é'", "''", "'%_%'"];

/// Combinations of constructs beyond the full grids.
const DRAWN: usize = 1_500;

/// xorshift64*: small, seeded, good enough to draw from lists.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap() % end
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

pub(crate) fn expressions(seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let mut all = Vec::new();
    binary_grid(&mut all);
    literal_grid(&mut all, &mut random);
    casts(&mut all);
    unary(&mut all);
    likes(&mut all);
    all.extend((0..DRAWN).map(|_| drawn(&mut random)));
    all
}

fn binary_grid(all: &mut Vec<String>) {
    for operator in OPERATORS {
        for (_, left) in TYPES {
            for (_, right) in TYPES {
                all.push(format!("a_{left} {operator} b_{right}"));
            }
        }
    }
}

/// A third of all operators with a literal on either side.
fn literal_grid(all: &mut Vec<String>, random: &mut Random) {
    for operator in OPERATORS {
        for (_, column) in TYPES {
            for literal in LITERALS {
                match random.below(6) {
                    0 => all.push(format!("a_{column} {operator} {literal}")),
                    1 => all.push(format!("{literal} {operator} a_{column}")),
                    _ => {}
                }
            }
        }
        for literal in LITERALS {
            all.push(format!("{literal} {operator} {}", random.of(&LITERALS)));
        }
    }
}

fn casts(all: &mut Vec<String>) {
    let numerics = ["numeric(5)", "numeric(10,2)", "numeric(3,5)", "numeric(5,-2)", "decimal(1000,3)"];
    let names =
        ["bool", "int", "int4", "int8", "float8", "float", "double precision", "timestamp with time zone"];
    for (_, from) in TYPES {
        for (to, _) in TYPES {
            all.push(format!("a_{from}::{to}"));
            all.push(format!("CAST(a_{from} AS {to})::text"));
        }
        all.extend(numerics.map(|to| format!("a_{from}::{to}")));
        all.extend(names.map(|to| format!("CAST(a_{from} AS {to})")));
    }
    for (to, _) in TYPES {
        for text in edge_texts(Type::Text) {
            all.push(format!("{}::{to}", quoted(text)));
            all.push(format!("{to} {}", quoted(text)));
        }
        for text in edge_texts(to) {
            all.push(format!("{}::{to}", quoted(text)));
        }
        for literal in LITERALS {
            all.push(format!("({literal})::{to}"));
        }
    }
    all.extend(numerics.map(|to| format!("'99.995'::{to}")));
}

fn unary(all: &mut Vec<String>) {
    for (_, column) in TYPES {
        for operator in ["- ", "+ ", "NOT ", "- - ", "-(- ", "NOT NOT "] {
            let close = if operator.ends_with('(') || operator.ends_with("(- ") { ")" } else { "" };
            all.push(format!("{operator}a_{column}{close}"));
        }
        for test in [
            "IS NULL",
            "IS NOT NULL",
            "IS TRUE",
            "IS NOT TRUE",
            "IS FALSE",
            "IS NOT FALSE",
            "IS UNKNOWN",
            "IS NOT UNKNOWN",
        ] {
            all.push(format!("a_{column} {test}"));
        }
    }
    for literal in LITERALS {
        for operator in ["- ", "+ ", "NOT ", "-(", "- - "] {
            let close = if operator.ends_with('(') { ")" } else { "" };
            all.push(format!("{operator}{literal}{close}"));
        }
        all.push(format!("{literal} IS NULL"));
        all.push(format!("{literal} IS TRUE"));
    }
}

fn likes(all: &mut Vec<String>) {
    for like in ["LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE"] {
        for pattern in PATTERNS {
            all.push(format!("a_txt {like} {pattern}"));
            all.push(format!("a_txt {like} {pattern} ESCAPE 'a'"));
            all.push(format!("a_txt {like} {pattern} ESCAPE ''"));
        }
        for escape in ["'é'", "'ab'", "NULL", "b_txt", "'\\'", "'%'", "'_'"] {
            all.push(format!("a_txt {like} b_txt ESCAPE {escape}"));
        }
        for (_, column) in TYPES {
            all.push(format!("a_{column} {like} b_txt"));
            all.push(format!("a_txt {like} b_{column}"));
            all.push(format!("a_{column}::text {like} '%1%'"));
        }
    }
}

/// An operand whose type is mostly right.
fn operand(random: &mut Random, kind: Type, depth: usize) -> String {
    let (_, name) = TYPES.into_iter().find(|(other, _)| *other == kind).unwrap();
    let side = random.of(&["a", "b"]);
    match random.below(if depth == 0 { 4 } else { 9 }) {
        0..=2 => format!("{side}_{name}"),
        3 => literal(random, kind),
        4 => format!("coalesce({}, {})", operand(random, kind, depth - 1), operand(random, kind, depth - 1)),
        5 => format!("nullif({}, {})", operand(random, kind, depth - 1), operand(random, kind, depth - 1)),
        6 => format!(
            "CASE WHEN {} THEN {} ELSE {} END",
            condition(random, depth - 1),
            operand(random, kind, depth - 1),
            operand(random, kind, depth - 1)
        ),
        _ => computed(random, kind, depth),
    }
}

/// A value in quotes, or NULL: constants that cannot fail while they are evaluated.
fn literal(random: &mut Random, kind: Type) -> String {
    let text = random.of(edge_texts(kind));
    match random.below(5) {
        0 => "NULL".to_owned(),
        _ if kind == Type::Numeric && is_beyond_doubles(text) => "NULL".to_owned(),
        1 => format!("{}::{kind}", quoted(text)),
        _ => quoted(text),
    }
}

/// Numerics beyond the range of doubles are left out: PostgreSQL converts constants when it plans, and fails even where
/// the value is never needed.
fn is_beyond_doubles(text: &str) -> bool {
    matches!(text, "1e400" | "-1e-400" | "1e131071")
}

fn computed(random: &mut Random, kind: Type, depth: usize) -> String {
    let depth = depth - 1;
    match kind {
        Type::Boolean => format!("({})", condition(random, depth)),
        Type::Integer | Type::Bigint | Type::Numeric | Type::Double => {
            let narrower = match random.below(3) {
                0 => Type::Integer,
                _ => kind,
            };
            let operator = random.of(&["+", "-", "*", "/", "%"]);
            format!("({} {operator} {})", column(random, kind), operand(random, narrower, depth))
        }
        Type::Text => format!("{} || {}", column(random, kind), any(random, depth)),
        Type::Date => format!("{} + {}", column(random, kind), random.below(1_000)),
        Type::Timestamptz => format!("{}::timestamptz", column(random, Type::Date)),
        Type::Uuid | Type::Jsonb | Type::Timestamp | Type::Interval | Type::Array(_) => {
            format!("{}::text::{kind}", column(random, kind))
        }
    }
}

fn column(random: &mut Random, kind: Type) -> String {
    let (_, name) = TYPES.into_iter().find(|(other, _)| *other == kind).unwrap();
    format!("{}_{name}", random.of(&["a", "b"]))
}

fn any(random: &mut Random, depth: usize) -> String {
    let (kind, _) = TYPES[random.below(TYPES.len())];
    operand(random, kind, depth)
}

/// Now and then a type that does not fit, which both sides must refuse.
fn kind_near(random: &mut Random, kind: Type) -> Type {
    match random.below(12) {
        0 => TYPES[random.below(TYPES.len())].0,
        1 | 2 => match kind {
            Type::Integer | Type::Bigint | Type::Numeric | Type::Double => {
                [Type::Integer, Type::Bigint, Type::Numeric, Type::Double][random.below(4)]
            }
            Type::Date | Type::Timestamptz => [Type::Date, Type::Timestamptz][random.below(2)],
            other => other,
        },
        _ => kind,
    }
}

fn condition(random: &mut Random, depth: usize) -> String {
    let (kind, _) = TYPES[random.below(TYPES.len())];
    let left = column(random, kind);
    let near = |random: &mut Random| {
        let kind = kind_near(random, kind);
        operand(random, kind, depth.saturating_sub(1))
    };
    match random.below(if depth == 0 { 5 } else { 9 }) {
        0 | 1 => {
            let operator = random.of(&OPERATORS[6..]);
            format!("{left} {operator} {}", near(random))
        }
        2 => format!("{left} {}BETWEEN {} AND {}", random.of(&["", "NOT "]), near(random), near(random)),
        3 => {
            let count = 1 + random.below(4);
            let list: Vec<String> = (0..count).map(|_| near(random)).collect();
            format!("{left} {}IN ({})", random.of(&["", "NOT "]), list.join(", "))
        }
        4 => format!("{left} IS {}NULL", random.of(&["", "NOT "])),
        5 => format!("NOT {}", condition(random, depth - 1)),
        6 => format!(
            "{} IS {}",
            format_args!("({})", condition(random, depth - 1)),
            random.of(&["TRUE", "NOT FALSE", "UNKNOWN"])
        ),
        _ => format!(
            "({} {} {})",
            condition(random, depth - 1),
            random.of(&["AND", "OR"]),
            condition(random, depth - 1)
        ),
    }
}

/// One construct over operands that may be nested.
fn drawn(random: &mut Random) -> String {
    let (kind, _) = TYPES[random.below(TYPES.len())];
    match random.below(6) {
        0 => condition(random, 3),
        1 => {
            let mut case = format!("CASE {}", column(random, kind));
            for _ in 0..=random.below(3) {
                let when = operand(random, kind, 1);
                let result = any(random, 0);
                case.push_str(&format!(" WHEN {when} THEN {result}::text"));
            }
            if random.below(2) == 0 {
                case.push_str(" ELSE ");
                case.push_str(&operand(random, Type::Text, 1));
            }
            case + " END"
        }
        2 => {
            let count = 1 + random.below(4);
            let list: Vec<String> = (0..count)
                .map(|_| {
                    let kind = kind_near(random, kind);
                    operand(random, kind, 1)
                })
                .collect();
            format!("COALESCE({})", list.join(", "))
        }
        3 => {
            let near = kind_near(random, kind);
            format!("NULLIF({}, {})", operand(random, kind, 1), operand(random, near, 1))
        }
        4 => {
            let near = kind_near(random, kind);
            format!(
                "CASE WHEN {} THEN {} WHEN {} THEN {} ELSE {} END",
                condition(random, 1),
                operand(random, kind, 1),
                condition(random, 1),
                operand(random, near, 1),
                operand(random, kind, 1)
            )
        }
        _ => operand(random, kind, 3),
    }
}
