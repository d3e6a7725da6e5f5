//! Values of every type for property tests, with the edges over-represented.

use std::sync::Arc;

use prejoin_model::{Date, Element, Interval, Json, Numeric, Timestamp, Timestamptz, Type, Value};
use proptest::prelude::*;

pub(crate) fn value(kind: Type) -> BoxedStrategy<Value> {
    match kind {
        Type::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Type::Integer => prop_oneof![any::<i32>(), -300..300i32, Just(i32::MIN), Just(i32::MAX)]
            .prop_map(Value::Integer)
            .boxed(),
        Type::Bigint => bigint().prop_map(Value::Bigint).boxed(),
        Type::Numeric => numeric().prop_map(Value::Numeric).boxed(),
        Type::Double => double().prop_map(Value::Double).boxed(),
        Type::Text => text().prop_map(Value::text).boxed(),
        Type::Uuid => any::<[u8; 16]>().prop_map(Value::Uuid).boxed(),
        Type::Date => date().prop_map(Value::Date).boxed(),
        Type::Timestamptz => timestamptz().prop_map(Value::Timestamptz).boxed(),
        Type::Jsonb => json().prop_map(|json| Value::Jsonb(Arc::new(json))).boxed(),
        Type::Timestamp => timestamptz().prop_map(|time| Value::Timestamp(Timestamp(time.0))).boxed(),
        Type::Interval => (any::<i32>(), any::<i32>(), any::<i64>())
            .prop_map(|(months, days, micros)| Value::Interval(Interval { months, days, micros }))
            .boxed(),
        Type::Array(element) => {
            let values = || proptest::collection::vec(value_or_null(element.kind()), 0..3);
            // Such as begin alike.
            let alike = (value_or_null(element.kind()), values()).prop_map(|(value, mut rest)| {
                rest.insert(0, value.clone());
                rest.insert(0, value);
                rest
            });
            prop_oneof![values(), alike].prop_map(move |values| Value::array(element, values)).boxed()
        }
    }
}

pub(crate) fn value_or_null(kind: Type) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 6 => value(kind)].boxed()
}

pub(crate) fn array_types() -> impl Iterator<Item = Type> {
    Element::ALL.into_iter().map(Type::Array)
}

fn bigint() -> impl Strategy<Value = i64> {
    let near_power = (0..63u32, -2..=2i64, any::<bool>()).prop_map(|(bits, offset, negative)| {
        let magnitude = (1i64 << bits).wrapping_add(offset);
        if negative { magnitude.wrapping_neg() } else { magnitude }
    });
    prop_oneof![any::<i64>(), -300..300i64, near_power, Just(i64::MIN), Just(i64::MAX)]
}

/// From one digit to hundreds, from 10^-400 to 10^400, equal ones in several scales, and the specials.
fn numeric() -> impl Strategy<Value = Numeric> {
    let parse = |text: String| Numeric::parse(&text).expect("a numeric is written");
    let plain = "-?[0-9]{1,24}(\\.[0-9]{0,12})?".prop_map(parse);
    let short = "-?[0-9]{1,2}(\\.[0-9]{1,2}0{0,3})?".prop_map(parse);
    let scaled =
        ("-?[0-9]{1,6}", -400..400i32).prop_map(move |(digits, power)| parse(format!("{digits}e{power}")));
    let long = "-?[1-9][0-9]{60,200}(\\.[0-9]{1,60})?".prop_map(parse);
    let edges =
        ["NaN", "Infinity", "-Infinity", "0", "0.000", "1e131071", "-1e131071", "1e-16383", "-1e-16383"];
    let edges = proptest::sample::select(edges.to_vec()).prop_map(move |text| parse(text.into()));
    let whole = bigint().prop_map(Numeric::from);
    prop_oneof![3 => plain, 3 => short, 2 => scaled, 1 => long, 1 => edges, 1 => whole]
}

fn double() -> impl Strategy<Value = f64> {
    let bits = any::<u64>().prop_map(f64::from_bits);
    let edges = [
        0.0,
        -0.0,
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
    ];
    prop_oneof![bits, -1e6..1e6f64, proptest::sample::select(edges.to_vec()), (-9..9i32).prop_map(f64::from)]
}

/// The bytes 0 and 1, which key texts escape, are frequent; PostgreSQL's text could not hold the former.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[\\x00\\x01\\x02a]{0,6}", "[a-c]{0,4}", any::<String>()]
}

fn date() -> impl Strategy<Value = Date> {
    let edges = [Date::INFINITY, Date::NEGATIVE_INFINITY, Date::MIN, Date::MAX, Date(0), Date(-719_529)];
    prop_oneof![
        (-1_000_000..1_000_000i32).prop_map(Date),
        (Date::MIN.0..=Date::MAX.0).prop_map(Date),
        proptest::sample::select(edges.to_vec()),
    ]
}

fn timestamptz() -> impl Strategy<Value = Timestamptz> {
    let edges = [
        Timestamptz::INFINITY,
        Timestamptz::NEGATIVE_INFINITY,
        Timestamptz::MIN,
        Timestamptz::MAX,
        Timestamptz(0),
        Timestamptz(-1),
    ];
    prop_oneof![
        (-4_000_000_000_000_000..4_000_000_000_000_000i64).prop_map(Timestamptz),
        (-4_000_000_000..4_000_000_000i64).prop_map(|seconds| Timestamptz(seconds * 1_000_000)),
        (Timestamptz::MIN.0..=Timestamptz::MAX.0).prop_map(Timestamptz),
        proptest::sample::select(edges.to_vec()),
    ]
}

fn json() -> impl Strategy<Value = Json> {
    let number = numeric().prop_filter("JSON has no NaN and no infinity", Numeric::is_finite);
    let string = prop_oneof!["[\\x01\\x1f\"\\\\a-c]{0,3}", "[^\\x00]{0,8}", "[a-z]{20,30}"];
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Boolean),
        number.prop_map(Json::Number),
        string.clone().prop_map(|text| Json::String(text.into())),
    ];
    scalar.prop_recursive(4, 24, 4, move |inner| {
        let pairs = proptest::collection::vec((string.clone(), inner.clone()), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Json::Array),
            pairs.prop_map(|pairs| {
                Json::object(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
            }),
        ]
    })
}
