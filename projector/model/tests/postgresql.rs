//! PostgreSQL as the judge: text forms, order and arithmetic of values against a real server.

mod generate;
mod judge;

use std::cmp::Ordering;

use judge::samples::*;
use judge::{Judge, literal};
use prejoin_model::{Date, Element, Numeric, NumericError, Timestamptz, Type, Value, from_text, to_text};
use prejoin_test_servers::Postgres;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

fn read_and_print(kind: Type, text: &str) -> Result<String, String> {
    let value = from_text(kind, text).map_err(|error| error.to_string())?;
    Ok(to_text(&value).expect("from_text never answers NULL"))
}

fn numeric_text(result: Result<Numeric, NumericError>) -> Result<String, String> {
    result.map(|number| number.to_string()).map_err(|error| error.to_string())
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit)).expect("less than the limit")
    }
}

#[test]
fn text_forms_are_those_of_postgresql() {
    let server = Postgres::start();
    let strict: &[(Type, &[&[&str]])] = &[
        (Type::Boolean, &[BOOLEANS]),
        (Type::Integer, &[INTEGERS]),
        (Type::Bigint, &[INTEGERS]),
        (Type::Numeric, &[NUMERICS, HUGE_NUMERICS, NOT_NUMERICS]),
        (Type::Double, &[DOUBLES, NUMERICS]),
        (Type::Text, &[TEXTS]),
        (Type::Uuid, &[UUIDS]),
        (Type::Date, &[TIMES]),
        (Type::Timestamptz, &[TIMES]),
    ];
    for (kind, groups) in strict {
        let mut judge = Judge::default();
        for text in groups.iter().copied().flatten() {
            judge.ask(literal(text, kind.name()), read_and_print(*kind, text));
        }
        judge.verdict(&server, &format!("text of {kind}"));
    }
    let mut judge = Judge::default();
    for text in JSONS.iter().chain(NOT_JSONS) {
        judge.ask_loosely(literal(text, "jsonb"), read_and_print(Type::Jsonb, text));
    }
    judge.verdict(&server, "text of jsonb");
}

#[test]
fn texts_of_arrays_are_those_of_postgresql() {
    let server = Postgres::start();
    let mut judge = Judge::default();
    for text in ARRAYS {
        for kind in ["text[]", "boolean[]", "bigint[]"] {
            let kind = Type::from_name(kind).expect("a type");
            judge.ask(literal(text, kind.name()), read_and_print(kind, text));
        }
    }
    let samples: &[(Element, &[&[&str]])] = &[
        (Element::Boolean, &[BOOLEANS]),
        (Element::Numeric, &[NUMERICS]),
        (Element::Double, &[DOUBLES]),
        (Element::Text, &[TEXTS]),
        (Element::Uuid, &[UUIDS]),
        (Element::Date, &[TIMES]),
        (Element::Timestamptz, &[TIMES]),
        (Element::Jsonb, &[JSONS]),
    ];
    for (element, groups) in samples {
        let values = groups.iter().copied().flatten().filter_map(|text| from_text(element.kind(), text).ok());
        let array = Value::array(*element, values.chain([Value::Null]).collect());
        judge.ask(literal(&text_of(&array), &Type::Array(*element).to_string()), Ok(text_of(&array)));
    }
    judge.verdict(&server, "text of arrays");
}

#[test]
fn arrays_with_bounds_or_several_dimensions_are_refused_and_not_misread() {
    for text in ["[1:1]={a}", " [0:1]={a,b}", "{{a}}", "{a,{b}}", "{{}}", "{{a},{b}}"] {
        assert!(from_text(Type::Array(Element::Text), text).is_err(), "{text:?}");
    }
}

#[test]
fn times_in_other_forms_are_refused_and_not_misread() {
    for kind in [Type::Date, Type::Timestamptz] {
        for text in REFUSED_TIMES {
            assert!(from_text(kind, text).is_err(), "{kind} {text:?}");
        }
    }
}

#[test]
fn doubles_print_and_convert_as_in_postgresql() {
    let server = Postgres::start();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut doubles: Vec<f64> = (0..3000).map(|_| f64::from_bits(random.next())).collect();
    for power in -323..309 {
        let round: f64 = format!("1e{power}").parse().expect("a double");
        let odd: f64 = format!("{}e{power}", random.next() % 100_000).parse().expect("a double");
        doubles.extend([round, round.next_up(), round.next_down(), odd, odd.next_up(), odd.next_down()]);
    }
    for power in -1074..1024 {
        let round = 2f64.powi(power);
        doubles.extend([round, round.next_up(), round.next_down()]);
    }
    doubles.extend((0..1000).map(|_| (random.next() % 2_000_000) as f64 / 1000.0));
    doubles.retain(|double| double.is_finite());
    assert!(doubles.len() > 10_000);

    let mut judge = Judge::default();
    for double in doubles {
        let exact = literal(&format!("{double:.20e}"), "float8");
        let text = to_text(&Value::Double(double)).expect("not NULL");
        assert_eq!(from_text(Type::Double, &text), Ok(Value::Double(double)), "{text}");
        judge.ask(exact.clone(), Ok(text));
        judge.ask(format!("{exact}::numeric"), Ok(Numeric::from_f64(double).to_string()));
    }
    judge.verdict(&server, "double precision");
}

#[test]
fn numeric_arithmetic_is_that_of_postgresql() {
    let server = Postgres::start();
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    let random_numerics: Vec<String> = (0..14)
        .map(|_| {
            let digits = random.next() % 10u64.pow(random.below(18) + 1);
            let sign = if random.next().is_multiple_of(2) { "" } else { "-" };
            format!("{sign}{digits}e-{}", random.next() % 20)
        })
        .collect();
    let small: Vec<&str> =
        NUMERICS.iter().copied().chain(random_numerics.iter().map(String::as_str)).collect();
    let mut judge = Judge::default();
    for left in &small {
        for right in &small {
            ask_arithmetic(&mut judge, left, right);
        }
    }
    judge.verdict(&server, "numeric arithmetic");

    let mut judge = Judge::default();
    for huge in HUGE_NUMERICS {
        for other in
            HUGE_NUMERICS.iter().chain(["0", "1", "-3.5", "1e-20", "NaN", "-Infinity", "9999", "1e30"].iter())
        {
            ask_arithmetic(&mut judge, huge, other);
            ask_arithmetic(&mut judge, other, huge);
        }
    }
    judge.verdict(&server, "numeric arithmetic at the limits");
}

fn ask_arithmetic(judge: &mut Judge, left_text: &str, right_text: &str) {
    type Operation = fn(&Numeric, &Numeric) -> Result<Numeric, NumericError>;
    let operations: [(&str, Operation); 5] = [
        ("+", Numeric::add),
        ("-", Numeric::sub),
        ("*", Numeric::mul),
        ("/", Numeric::div),
        ("%", Numeric::rem),
    ];
    let (left, right) = (Numeric::parse(left_text), Numeric::parse(right_text));
    let (left, right) = (left.expect("a numeric"), right.expect("a numeric"));
    for (operator, operation) in operations {
        let expression =
            format!("{} {operator} {}", literal(left_text, "numeric"), literal(right_text, "numeric"));
        judge.ask(expression, numeric_text(operation(&left, &right)));
    }
}

#[test]
fn numeric_rounding_and_conversion_are_those_of_postgresql() {
    let server = Postgres::start();
    let mut judge = Judge::default();
    for text in NUMERICS.iter().chain(HUGE_NUMERICS) {
        let number = Numeric::parse(text).expect("a numeric");
        let operand = literal(text, "numeric");
        for scale in [-20, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 7, 19, 40, 1000] {
            judge.ask(format!("round({operand}, {scale})"), numeric_text(number.round(scale)));
            judge.ask(format!("trunc({operand}, {scale})"), numeric_text(number.trunc(scale)));
        }
        judge.ask(format!("floor({operand})"), numeric_text(number.floor()));
        judge.ask(format!("ceil({operand})"), numeric_text(number.ceil()));
        judge.ask(format!("abs({operand})"), Ok(number.abs().to_string()));
        judge.ask(format!("-({operand})"), Ok(number.neg().to_string()));
        let trimmed = number.without_trailing_zeros().to_string();
        judge.ask(format!("trim_scale({operand})"), Ok(trimmed));
        let bigint = number.to_i64().map(|value| value.to_string()).map_err(|error| error.to_string());
        judge.ask(format!("({operand})::int8"), bigint);
        let integer = number.to_i32().map(|value| value.to_string()).map_err(|error| error.to_string());
        judge.ask(format!("({operand})::int4"), integer);
        // The message quotes all digits of numbers that do not fit.
        let double = number.to_f64().map(|value| to_text(&Value::Double(value)).expect("not NULL"));
        judge.ask_loosely(format!("({operand})::float8"), double.map_err(|error| error.to_string()));
    }
    judge.verdict(&server, "numeric rounding and conversion");
}

#[test]
fn order_is_that_of_postgresql() {
    let server = Postgres::start();
    let groups: &[(Type, &[&[&str]])] = &[
        (Type::Boolean, &[BOOLEANS]),
        (Type::Integer, &[INTEGERS]),
        (Type::Bigint, &[INTEGERS]),
        (Type::Numeric, &[NUMERICS, HUGE_NUMERICS]),
        (Type::Double, &[DOUBLES, NUMERICS]),
        (Type::Text, &[TEXTS]),
        (Type::Uuid, &[UUIDS]),
        (Type::Date, &[TIMES]),
        (Type::Timestamptz, &[TIMES]),
        (Type::Jsonb, &[JSONS]),
    ];
    for (kind, groups) in groups {
        let texts = groups.iter().copied().flatten();
        let values: Vec<Value> = texts.filter_map(|text| from_text(*kind, text).ok()).collect();
        assert!(values.len() > 5, "{kind}");
        compare_with(&server, *kind, &values);
    }
}

/// The values are the same in every run.
#[test]
fn order_and_text_of_generated_values_are_those_of_postgresql() {
    let server = Postgres::start();
    for kind in Type::ALL.into_iter().chain(generate::array_types()) {
        let mut runner = TestRunner::deterministic();
        let strategy = generate::value(kind);
        let generated = (0..150).map(|_| strategy.new_tree(&mut runner).expect("a value").current());
        let values: Vec<Value> = generated.filter(|value| !text_of(value).contains('\0')).collect();
        assert!(values.len() > 50, "{kind}");
        compare_with(&server, kind, &values);

        let mut judge = Judge::default();
        for value in &values {
            judge.ask(literal(&text_of(value), kind.name()), Ok(text_of(value)));
        }
        judge.verdict(&server, &format!("generated {kind}"));
    }
}

fn text_of(value: &Value) -> String {
    to_text(value).expect("not NULL")
}

/// Every value beside every value.
fn compare_with(server: &Postgres, kind: Type, values: &[Value]) {
    let rows = values.iter().enumerate();
    let rows: Vec<String> =
        rows.map(|(n, value)| format!("({n}, {})", literal(&text_of(value), kind.name()))).collect();
    let output = server.run_script(&format!(
        "DROP TABLE IF EXISTS value; CREATE TABLE value (n int, v {kind});
         INSERT INTO value VALUES {};
         SELECT CASE WHEN a.v < b.v THEN '<' WHEN a.v = b.v THEN '=' WHEN a.v > b.v THEN '>' END
         FROM value a, value b ORDER BY a.n, b.n;",
        rows.join(", ")
    ));
    let pairs = values.iter().flat_map(|left| values.iter().map(move |right| (left, right)));
    assert_eq!(output.lines().count(), values.len() * values.len());
    for ((left, right), theirs) in pairs.zip(output.lines()) {
        let ours = match left.compare(right) {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        assert_eq!(ours, theirs, "{left:?} beside {right:?}");
    }
}

#[test]
fn instants_and_days_are_those_of_postgresql() {
    let server = Postgres::start();
    let mut random = Random(0xA076_1D64_78BD_642F);
    let mut judge = Judge::default();
    for index in 0..2000u32 {
        // Every other one is near today, the rest are anywhere.
        let span = if index % 2 == 0 { 10i64.pow(16) } else { Timestamptz::MAX.0 };
        let micros = (random.next().cast_signed() % span).max(Timestamptz::MIN.0);
        let instant = Timestamptz(micros);
        let text = instant.to_string();
        assert_eq!(Timestamptz::parse(&text), Ok(instant));
        let operand = literal(&text, "timestamptz");
        judge.ask(operand.clone(), Ok(text));
        let seconds = Numeric::from(micros).mul(&Numeric::parse("0.000001").expect("a numeric"));
        judge.ask(format!("extract(epoch from {operand})"), numeric_text(seconds));
        judge.ask(format!("({operand})::date"), Ok(instant.date().to_string()));

        let days_from_min = random.below(Date::MAX.0.abs_diff(Date::MIN.0) + 1);
        let date = Date(Date::MIN.0.checked_add_unsigned(days_from_min).expect("a day in range"));
        let operand = literal(&date.to_string(), "date");
        judge.ask(operand.clone(), Ok(date.to_string()));
        judge.ask(format!("{operand} - '1970-01-01'::date"), Ok(date.0.to_string()));
    }
    judge.verdict(&server, "instants and days");
}
