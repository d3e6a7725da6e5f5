//! What holds for all values: round trips, and that key bytes stand in the order of the values.

mod generate;

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use generate::{array_types, value, value_or_null};
use prejoin_model::{
    Column, Json, Numeric, TableSchema, Type, Value, decode_columns, decode_key, decode_row, encode_key,
    encode_row, from_text, to_text,
};
use proptest::prelude::*;

fn any_kind() -> impl Strategy<Value = Type> {
    let scalars = proptest::sample::select(Type::ALL.to_vec());
    let arrays = proptest::sample::select(array_types().collect::<Vec<_>>());
    prop_oneof![3 => scalars, 1 => arrays]
}

fn finite_numeric() -> impl Strategy<Value = Numeric> {
    value(Type::Numeric).prop_filter_map("not finite", |value| match value {
        Value::Numeric(number) if number.is_finite() => Some(number),
        _ => None,
    })
}

fn schema(kinds: &[Type]) -> TableSchema {
    let columns = kinds.iter().enumerate().map(|(index, &kind)| Column { name: format!("c{index}"), kind });
    TableSchema {
        service: "s".into(),
        name: "t".into(),
        columns: columns.collect(),
        key: vec![0],
        unique: Vec::new(),
    }
}

fn values(kinds: Vec<Type>) -> impl Strategy<Value = Vec<Value>> {
    kinds.into_iter().map(value_or_null).collect::<Vec<_>>()
}

/// Some types, and two rows of them.
fn two_rows() -> impl Strategy<Value = (Vec<Type>, Vec<Value>, Vec<Value>)> {
    proptest::collection::vec(any_kind(), 1..4)
        .prop_flat_map(|kinds| (Just(kinds.clone()), values(kinds.clone()), values(kinds)))
}

fn two_of_a_kind() -> impl Strategy<Value = (Value, Value)> {
    any_kind().prop_flat_map(|kind| (value(kind), value(kind)))
}

fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn holds_json(value: &Value) -> bool {
    match value {
        Value::Jsonb(_) => true,
        Value::Array(array) => array.values().iter().any(holds_json),
        _ => false,
    }
}

/// Of equal values the one that keys are read back as.
fn as_keys_tell(value: &Value) -> Value {
    match value {
        Value::Numeric(number) => Value::Numeric(number.without_trailing_zeros()),
        Value::Double(number) if *number == 0.0 => Value::Double(0.0),
        Value::Array(array) => {
            Value::array(array.element(), array.values().iter().map(as_keys_tell).collect())
        }
        other => other.clone(),
    }
}

fn compare_rows(left: &[Value], right: &[Value]) -> Ordering {
    let mut columns = left.iter().zip(right).map(|(left, right)| left.sort_order(right));
    columns.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn key_bytes_stand_in_the_order_of_values((left, right) in two_of_a_kind()) {
        let keys = [encode_key(std::slice::from_ref(&left)), encode_key(std::slice::from_ref(&right))];
        prop_assert_eq!(keys[0].cmp(&keys[1]), left.compare(&right));
        prop_assert!(keys[0] == keys[1] || !keys[1].starts_with(&keys[0]), "a proper prefix");
        prop_assert_eq!(left.compare(&right), right.compare(&left).reverse());
        prop_assert_eq!(left.compare(&left), Ordering::Equal);
    }

    #[test]
    fn keys_of_several_values_stand_in_their_order_with_nulls_last((_, left, right) in two_rows()) {
        prop_assert_eq!(encode_key(&left).cmp(&encode_key(&right)), compare_rows(&left, &right));
        prop_assert!(encode_key(&left).starts_with(&encode_key(&left[..left.len() - 1])));
    }

    #[test]
    fn keys_are_read_back_as_equal_values((kinds, row, _) in two_rows()) {
        let bytes = encode_key(&row);
        let read = decode_key(&kinds, &bytes);
        if row.iter().any(holds_json) {
            prop_assert!(read.is_err());
            return Ok(());
        }
        let read = read.unwrap();
        prop_assert_eq!(compare_rows(&read, &row), Ordering::Equal);
        prop_assert_eq!(encode_key(&read), bytes);
        for (read, written) in read.iter().zip(&row) {
            prop_assert_eq!(read, &as_keys_tell(written));
        }
    }

    #[test]
    fn rows_are_read_back_as_they_were((kinds, row, _) in two_rows()) {
        let schema = schema(&kinds);
        let bytes = encode_row(&schema, &row);
        prop_assert_eq!(&decode_row(&schema, &bytes).unwrap(), &row);
        for end in 0..bytes.len() {
            prop_assert!(decode_row(&schema, &bytes[..end]).is_err(), "cut at {}", end);
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        prop_assert!(decode_row(&schema, &longer).is_err());
    }

    #[test]
    fn wanted_columns_are_read_back_as_they_were((kinds, row, _) in two_rows(), wanted: [bool; 16]) {
        let schema = schema(&kinds);
        let bytes = encode_row(&schema, &row);
        let wanted: Vec<bool> = wanted.into_iter().cycle().take(row.len()).collect();
        let count = wanted.iter().rposition(|wanted| *wanted).map_or(0, |last| last + 1);
        let pairs = row.iter().zip(&wanted).take(count);
        let expected: Vec<Value> =
            pairs.map(|(value, wanted)| if *wanted { value.clone() } else { Value::Null }).collect();
        let mut read = Vec::new();
        decode_columns(&schema, &bytes, &wanted, &mut read).unwrap();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn texts_are_read_back_as_they_were(value in any_kind().prop_flat_map(value)) {
        let text = to_text(&value).unwrap();
        let kind = value.kind().unwrap();
        if text.contains('\0') {
            prop_assert!(from_text(kind, &text).is_err());
        } else {
            prop_assert_eq!(from_text(kind, &text), Ok(value));
        }
    }

    #[test]
    fn any_bytes_are_a_row_or_an_error(kinds in proptest::collection::vec(any_kind(), 1..4), bytes: Vec<u8>) {
        let schema = schema(&kinds);
        let with_head = [[1, 0].as_slice(), &bytes].concat();
        for bytes in [bytes, with_head] {
            if let Ok(row) = decode_row(&schema, &bytes) {
                prop_assert_eq!(decode_row(&schema, &encode_row(&schema, &row)).unwrap(), row);
            }
        }
    }

    #[test]
    fn any_bytes_are_the_only_key_of_their_values_or_an_error(kind in any_kind(), bytes: Vec<u8>) {
        if let Ok(values) = decode_key(&[kind], &bytes) {
            prop_assert_eq!(encode_key(&values), bytes);
        }
    }

    #[test]
    fn changed_key_bytes_are_another_key_or_an_error(
        (kinds, row, _) in two_rows(),
        place: proptest::sample::Index,
        byte: u8,
    ) {
        let mut bytes = encode_key(&row);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(values) = decode_key(&kinds, &bytes) {
            prop_assert_eq!(encode_key(&values), bytes);
        }
    }

    #[test]
    fn any_text_is_a_value_or_an_error(kind in any_kind(), text: String) {
        if let Ok(value) = from_text(kind, &text) {
            let canonical = to_text(&value).unwrap();
            prop_assert_eq!(from_text(kind, &canonical), Ok(value));
        }
    }

    #[test]
    fn identity_is_finer_than_equality((left, right) in two_of_a_kind()) {
        if left == right {
            prop_assert_eq!(left.compare(&right), Ordering::Equal);
            prop_assert_eq!(hash(&left), hash(&right));
            prop_assert_eq!(to_text(&left), to_text(&right));
        } else {
            prop_assert_ne!(to_text(&left), to_text(&right));
        }
    }

    #[test]
    fn order_is_transitive(mut values in any_kind().prop_flat_map(|kind| proptest::collection::vec(value(kind), 3))) {
        values.sort_by(Value::sort_order);
        prop_assert!(values[0].compare(&values[2]).is_le());
    }

    /// The machine-integer paths and the arbitrary-precision ones are the same function: moving both operands far to
    /// the left leaves only the latter.
    #[test]
    fn small_and_big_arithmetic_agree(left in finite_numeric(), right in finite_numeric()) {
        let shift = Numeric::parse("1e40").unwrap();
        let (Ok(big_left), Ok(big_right)) = (left.mul(&shift), right.mul(&shift)) else { return Ok(()) };
        prop_assert_eq!(left.compare(&right), big_left.compare(&big_right));
        prop_assert_eq!(left.add(&right).unwrap().mul(&shift), big_left.add(&big_right));
        prop_assert_eq!(left.sub(&right).unwrap().mul(&shift), big_left.sub(&big_right));
        if !right.is_zero() {
            prop_assert_eq!(left.rem(&right).unwrap().mul(&shift), big_left.rem(&big_right));
            let back = left.div(&right).unwrap().mul(&right).unwrap().sub(&left).unwrap().abs();
            prop_assert!(back.compare(&right.abs()).is_le());
        }
    }

    #[test]
    fn floor_ceil_round_and_trunc_lie_where_they_should(number in finite_numeric(), scale in -3..6i32) {
        let (floor, ceil) = (number.floor().unwrap(), number.ceil().unwrap());
        prop_assert!(floor.compare(&number).is_le() && ceil.compare(&number).is_ge());
        prop_assert!(ceil.sub(&floor).unwrap().compare(&Numeric::ONE).is_le());
        if let Ok(rounded) = number.round(scale) {
            let unit = Numeric::parse(&format!("1e{}", -scale)).unwrap();
            let twice = rounded.sub(&number).unwrap().abs().mul(&Numeric::from(2)).unwrap();
            prop_assert!(twice.compare(&unit).is_le());
            prop_assert!(number.trunc(scale).unwrap().abs().compare(&number.abs()).is_le());
        }
    }

    #[test]
    fn json_documents_of_the_event_parser_are_taken_over(json in value(Type::Jsonb)) {
        let text = to_text(&json).unwrap();
        let mut deserializer = sonic_rs::Deserializer::from_str(&text).use_rawnumber();
        let document: sonic_rs::Value = deserializer.deserialize().unwrap();
        prop_assert_eq!(Value::Jsonb(Json::from_sonic(&document).unwrap().into()), json);
    }
}
