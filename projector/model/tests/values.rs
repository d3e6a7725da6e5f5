//! Examples of each type that need no server: text, order, keys, rows, and the limits.

use std::cmp::Ordering;

use prejoin_model::{
    Column, Date, Element, Json, Numeric, NumericError, ROW_FORMAT, TableSchema, Timestamptz, Type, Value,
    check_nesting, decode_key, decode_row, encode_key, encode_row, from_text, to_text,
};

fn canonical(kind: Type, text: &str) -> String {
    match from_text(kind, text) {
        Ok(value) => to_text(&value).expect("from_text never answers NULL"),
        Err(error) => format!("ERROR: {error}"),
    }
}

fn numeric(text: &str) -> Numeric {
    Numeric::parse(text).expect("a numeric")
}

#[test]
fn texts_print_as_postgresql_prints_them() {
    let cases = [
        (Type::Boolean, " YE ", "true"),
        (Type::Boolean, "o", "ERROR: invalid input syntax for type boolean: \"o\""),
        (Type::Integer, "2147483648", "ERROR: value \"2147483648\" is out of range for type integer"),
        (Type::Bigint, " +7 ", "7"),
        (Type::Bigint, "0x10", "ERROR: invalid input syntax for type bigint: \"0x10\""),
        (Type::Bigint, "1_000", "ERROR: invalid input syntax for type bigint: \"1_000\""),
        (Type::Numeric, " -0.50 ", "-0.50"),
        (Type::Numeric, "-0.00", "0.00"),
        (Type::Numeric, "1e 5", "100000"),
        (Type::Numeric, "1_000", "ERROR: invalid input syntax for type numeric: \"1_000\""),
        (Type::Numeric, "0x10", "ERROR: invalid input syntax for type numeric: \"0x10\""),
        (Type::Numeric, "1e131072", "ERROR: value overflows numeric format"),
        (Type::Double, "1e15", "1e+15"),
        (Type::Double, "100000000000000", "100000000000000"),
        (Type::Double, "0.00001", "1e-05"),
        (Type::Double, "0.0001", "0.0001"),
        (Type::Double, "-0", "-0"),
        (Type::Double, "1e23", "9.999999999999999e+22"),
        (Type::Double, "2.98023223876953125e-8", "2.9802322387695312e-08"),
        (Type::Double, "1e400", "ERROR: \"1e400\" is out of range for type double precision"),
        (Type::Double, "0x1p3", "ERROR: invalid input syntax for type double precision: \"0x1p3\""),
        (Type::Text, " a ", " a "),
        (Type::Text, "a\0", "ERROR: invalid byte sequence for encoding \"UTF8\": 0x00"),
        (Type::Uuid, "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        (Type::Date, "44-03-15 BC", "ERROR: invalid input syntax for type date: \"44-03-15 BC\""),
        (Type::Date, "0044-3-15 BC", "0044-03-15 BC"),
        (Type::Date, "2026-02-30", "ERROR: date/time field value out of range: \"2026-02-30\""),
        (Type::Timestamptz, "1996-07-04T09:00:00+02:00", "1996-07-04 07:00:00+00"),
        (Type::Timestamptz, "1996-07-04 00:00:00.5", "1996-07-04 00:00:00.5+00"),
        (Type::Timestamptz, "1996-07-04 24:00", "1996-07-05 00:00:00+00"),
        (
            Type::Timestamptz,
            "04.07.1996",
            "ERROR: invalid input syntax for type timestamp with time zone: \"04.07.1996\"",
        ),
        (Type::Jsonb, r#"{"bb":1E3,"a":[1.10,"x\u00e9\/"],"bb":-0}"#, r#"{"a": [1.10, "xé/"], "bb": 0}"#),
    ];
    for (kind, text, expected) in cases {
        assert_eq!(canonical(kind, text), expected, "{kind} {text:?}");
    }
    assert_eq!(to_text(&Value::Null), None);
}

#[test]
fn clock_words_are_refused_with_the_reason() {
    for word in ["now", "today", "tomorrow", "yesterday"] {
        for kind in [Type::Date, Type::Timestamptz] {
            assert!(canonical(kind, word).contains("depends on the clock"), "{kind} {word}");
        }
    }
}

#[test]
fn the_last_instant_is_the_last_that_64_bits_hold() {
    let last = "294247-01-10 04:00:54.775806+00";
    assert_eq!(Timestamptz::MAX.to_string(), last);
    assert_eq!(Timestamptz::parse(last), Ok(Timestamptz::MAX));
    assert!(Timestamptz::parse("294247-01-10 04:00:54.775807+00").is_err());
    assert_eq!(Timestamptz::MIN.to_string(), "4714-11-24 00:00:00+00 BC");
    assert_eq!(Date::MAX.to_string(), "5874897-12-31");
    assert_eq!(Date::MAX.midnight(), None);
    assert_eq!(Date::MIN.midnight(), Some(Timestamptz::MIN));
    assert_eq!(Date::from_civil(2024, 2, 29).map(|date| date.civil()), Some(Some((2024, 2, 29))));
    assert_eq!(Date::from_civil(2023, 2, 29), None);
}

#[test]
fn numeric_results_have_the_scale_of_postgresql() {
    let divide = |left, right| numeric(left).div(&numeric(right)).unwrap().to_string();
    assert_eq!(divide("1", "3"), "0.33333333333333333333");
    assert_eq!(divide("10", "3"), "3.3333333333333333");
    assert_eq!(divide("2", "1.000"), "2.0000000000000000");
    assert_eq!(divide("12345678901234567890", "7"), "1763668414462081127");
    assert_eq!(numeric("1.10").add(&numeric("2.2")).unwrap().to_string(), "3.30");
    assert_eq!(numeric("1.10").mul(&numeric("2.20")).unwrap().to_string(), "2.4200");
    assert_eq!(numeric("-7.5").rem(&numeric("2")).unwrap().to_string(), "-1.5");
    assert_eq!(numeric("1").div(&numeric("0")), Err(NumericError::DivisionByZero));
    assert_eq!(numeric("NaN").div(&numeric("0")), Ok(Numeric::NAN));
    assert_eq!(numeric("1e131071").mul(&numeric("10")), Err(NumericError::Overflow));
    assert_eq!(numeric("-2.5").round(0).unwrap().to_string(), "-3");
    assert_eq!(numeric("1250").round(-2).unwrap().to_string(), "1300");
    assert_eq!(numeric("1.5").round(3).unwrap().to_string(), "1.500");
    assert_eq!(numeric("9223372036854775807.5").to_i64(), Err(NumericError::OutOfRange("bigint")));
    assert_eq!(Numeric::from_f64(0.1 + 0.2).to_string(), "0.3");
    assert_eq!(Numeric::from(i64::MIN).neg().neg(), Numeric::from(i64::MIN));
}

#[test]
fn only_the_whole_sum_must_be_a_numeric() {
    let sum = |texts: &[&str]| match Numeric::sum(texts.iter().map(|text| numeric(text))) {
        Ok(sum) => sum.to_string(),
        Err(error) => error.to_string(),
    };
    let overflow = "value overflows numeric format";
    assert_eq!(sum(&[]), "0");
    assert_eq!(sum(&["1.50", "-0.500"]), "1.000");
    let mut mixed = vec!["9e131071", "9e131071", "0.50", "-9e131071", "-9e131071"];
    for _ in 0..mixed.len() {
        mixed.rotate_left(1);
        assert_eq!(sum(&mixed), "0.50", "{mixed:?}");
        let with = |more: &'static str| [&mixed[..], &[more]].concat();
        assert_eq!(sum(&with("NaN")), "NaN");
        assert_eq!(sum(&with("-Infinity")), "-Infinity");
        assert_eq!(sum(&[&mixed[..], &["9e131071", "1e131071"]].concat()), overflow);
    }
    assert_eq!(sum(&["9e131071", "9e131071", "9e131071", "Infinity", "-Infinity"]), "NaN");
    assert_eq!(sum(&["-9e131071", "-9e131071"]), overflow);
}

#[test]
fn numerics_are_equal_by_value_and_identical_by_text() {
    assert_ne!(numeric("1.0"), numeric("1.00"));
    assert_eq!(numeric("1.0").compare(&numeric("1.00")), Ordering::Equal);
    assert_eq!(numeric("1e-16383").compare(&numeric("0")), Ordering::Greater);
    assert_eq!(numeric("1e131071").compare(&numeric("9223372036854775807")), Ordering::Greater);
    assert_eq!(numeric("NaN").compare(&numeric("Infinity")), Ordering::Greater);
    assert_eq!(numeric("120").without_trailing_zeros(), numeric("120"));
    assert_eq!(numeric("1.200").without_trailing_zeros(), numeric("1.2"));
}

/// A test's stack is 2 MiB, as that of most threads.
#[test]
fn deep_nesting_is_refused_before_it_reaches_the_stack() {
    let arrays = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    for text in [arrays(100_000), objects(100_000), "[".repeat(100_000), "[{\"a\":".repeat(50_000)] {
        let error = Json::parse(&text).unwrap_err();
        assert!(error.0.contains("nested deeper than 256"), "{error}");
        assert!(check_nesting(text.as_bytes()).is_err());
    }
    for text in [arrays(Json::MAX_DEPTH), objects(Json::MAX_DEPTH)] {
        let value = from_text(Type::Jsonb, &text).unwrap();
        assert_eq!(from_text(Type::Jsonb, &to_text(&value).unwrap()).as_ref(), Ok(&value));
        assert_eq!(value.compare(&value.clone()), Ordering::Equal);
        assert_eq!(encode_key(std::slice::from_ref(&value)), encode_key(std::slice::from_ref(&value)));
        let schema = schema(&[Type::Jsonb]);
        let bytes = encode_row(&schema, std::slice::from_ref(&value));
        assert_eq!(decode_row(&schema, &bytes), Ok(vec![value]));
    }
    assert!(Json::parse(&arrays(Json::MAX_DEPTH + 1)).is_err());
    let brackets_in_strings = format!("[\"{}\\\"[[\", \"{}\"]", "[".repeat(2000), "{".repeat(2000));
    assert!(Json::parse(&brackets_in_strings).is_ok());
}

#[test]
fn deep_stored_json_is_an_error_and_not_a_stack_overflow() {
    const ARRAY_OF_ONE: [u8; 2] = [5, 1];
    let bytes = [[ROW_FORMAT, 0].as_slice(), &ARRAY_OF_ONE.repeat(100_000), &[0]].concat();
    let error = decode_row(&schema(&[Type::Jsonb]), &bytes).unwrap_err();
    assert!(error.to_string().contains("nested too deeply"), "{error}");
}

#[test]
fn json_refuses_what_jsonb_cannot_hold() {
    for text in [r#""\u0000""#, r#"{"\u0000":1}"#] {
        assert!(canonical(Type::Jsonb, text).contains("cannot be converted to text"), "{text}");
    }
    for text in [r#""\ud800""#, r#""\udc00""#, "", "[1,]", "01", "1 2", "NaN"] {
        let message = canonical(Type::Jsonb, text);
        assert!(message.starts_with("ERROR: invalid input syntax for type json: "), "{text} gives {message}");
    }
    assert_eq!(canonical(Type::Jsonb, "1e400000"), "ERROR: value overflows numeric format");
}

#[test]
fn json_numbers_beyond_doubles_keep_their_digits() {
    let digits = "9".repeat(400);
    assert_eq!(canonical(Type::Jsonb, &digits), digits);
    assert_eq!(canonical(Type::Jsonb, "[1e-400]"), format!("[0.{}1]", "0".repeat(399)));
}

#[test]
fn json_is_ordered_as_jsonb() {
    let ascending = [
        "[]",
        "null",
        "\"a\"",
        "\"b\"",
        "1",
        "1.5",
        "false",
        "true",
        "[null]",
        "[1]",
        "[[]]",
        "[0, 0]",
        "{}",
        "{\"a\": 1}",
        "{\"a\": 2}",
        "{\"b\": 0}",
        "{\"aa\": 0, \"b\": 0}",
    ];
    for (index, left) in ascending.iter().enumerate() {
        for (other, right) in ascending.iter().enumerate() {
            let order = Json::parse(left).unwrap().compare(&Json::parse(right).unwrap());
            assert_eq!(order, index.cmp(&other), "{left} beside {right}");
        }
    }
    assert_eq!(Json::parse("[1.0]").unwrap().compare(&Json::parse("[1.00]").unwrap()), Ordering::Equal);
}

#[test]
fn json_parts_are_found() {
    let json = Json::parse(r#"{"bb": [1, "x", true], "a": null}"#).unwrap();
    let array = json.get("bb").unwrap();
    assert_eq!(json.get("a"), Some(&Json::Null));
    assert_eq!(json.get("b"), None);
    assert_eq!(array.element(0).and_then(Json::as_number), Some(&Numeric::ONE));
    assert_eq!(array.element(-2).and_then(Json::as_str), Some("x"));
    assert_eq!(array.element(2).and_then(Json::as_bool), Some(true));
    assert_eq!((array.element(3), array.element(-4), json.element(0)), (None, None, None));
    assert_eq!(json.type_name(), "object");
}

fn schema(kinds: &[Type]) -> TableSchema {
    let columns = kinds.iter().map(|&kind| Column { name: format!("a {kind}"), kind });
    TableSchema {
        service: "s".into(),
        name: "t".into(),
        columns: columns.collect(),
        key: vec![0],
        unique: Vec::new(),
    }
}

/// These bytes are on disk: a change needs a new format.
#[test]
fn stored_bytes_are_these() {
    let row = [
        Value::Boolean(true),
        Value::Null,
        Value::Bigint(-300),
        Value::Numeric(numeric("-1.50")),
        Value::Numeric(numeric("1e19")),
        Value::Double(1.0),
        Value::text("é"),
        Value::Uuid([7; 16]),
        Value::Date(Date(1)),
        Value::Timestamptz(Timestamptz(-1)),
        Value::Jsonb(Json::parse(r#"{"a":[1,"b",false,null]}"#).unwrap().into()),
        Value::array(Element::Text, vec![Value::text("a"), Value::Null]),
    ];
    let kinds = [
        Type::Boolean,
        Type::Integer,
        Type::Bigint,
        Type::Numeric,
        Type::Numeric,
        Type::Double,
        Type::Text,
        Type::Uuid,
        Type::Date,
        Type::Timestamptz,
        Type::Jsonb,
        Type::Array(Element::Text),
    ];
    let expected = "01 0200 01 d704 07ab02 0409008ac7230489e80000 000000000000f03f 02c3a9 \
                    07070707070707070707070707070707 02 01 06010161050403030204016201 00 02 010161 00";
    assert_eq!(hex(&encode_row(&schema(&kinds), &row)), expected.replace(' ', ""));
    let keys = [
        (Value::Null, "ff"),
        (Value::Boolean(false), "01"),
        (Value::Bigint(0), "80"),
        (Value::Bigint(-1), "7f"),
        (Value::Bigint(300), "82012c"),
        (Value::Integer(300), "82012c"),
        (Value::Bigint(-300), "7dfed4"),
        (Value::Numeric(numeric("120.50")), "40830d0600"),
        (Value::Numeric(numeric("-0.01")), "20 80 f4 ff"),
        (Value::Numeric(numeric("0.00")), "30"),
        (Value::Double(-0.0), "01 8000000000000000"),
        (Value::text("ab"), "616200"),
        (Value::text("\0\u{1}"), "0101010200"),
        (Value::Date(Date(1)), "8101"),
        (Value::Jsonb(Json::parse("[]").unwrap().into()), "0f"),
        (Value::Jsonb(Json::parse("[\"a\"]").unwrap().into()), "1500000001116100"),
        (Value::array(Element::Bigint, vec![]), "01"),
        (Value::array(Element::Bigint, vec![Value::Bigint(300), Value::Null]), "02 82012c 02ff 01"),
    ];
    for (value, expected) in keys {
        assert_eq!(hex(&encode_key(std::slice::from_ref(&value))), expected.replace(' ', ""), "{value:?}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn damaged_bytes_are_named() {
    let schema = schema(&[Type::Bigint]);
    let message = |bytes: &[u8]| decode_row(&schema, bytes).unwrap_err().to_string();
    assert_eq!(message(&[2, 0, 0]), "stored row of t cannot be read: its format is 2, not 1");
    assert_eq!(message(&[1, 0]), "stored row of t cannot be read: column a bigint: it ends too early");
    assert_eq!(
        message(&[1, 0, 0, 0]),
        "stored row of t cannot be read: 1 bytes too many after the last column"
    );
    let error = decode_key(&[Type::Bigint], &[0x81, 0x00]).unwrap_err().to_string();
    assert_eq!(error, "stored key cannot be read: an integer in a longer form where a bigint is expected");
    assert!(decode_key(&[Type::Jsonb], &[0x10]).is_err());
    let error = decode_key(&[Type::Array(Element::Text)], &[0x03]).unwrap_err().to_string();
    assert_eq!(error, "stored key cannot be read: another value where a text[] is expected");
}

#[test]
#[should_panic(expected = "t.a bigint holds another type")]
fn a_row_of_other_types_is_a_broken_invariant() {
    encode_row(&schema(&[Type::Bigint]), &[Value::text("1")]);
}

#[test]
fn a_value_takes_three_words() {
    assert_eq!(size_of::<Value>(), 24);
}
