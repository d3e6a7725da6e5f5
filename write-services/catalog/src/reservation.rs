//! What an order wants, and whether it can have it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::product::Product;

/// A reservation as answered.
#[derive(Debug, Serialize)]
pub(crate) struct Reservation {
    pub(crate) order_id: String,
    pub(crate) attempt: i64,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
}

/// How much of each product is wanted: lines about one product count together. Nothing if it is beyond what can be
/// counted.
pub(crate) fn wanted<'a>(lines: impl IntoIterator<Item = (&'a str, i64)>) -> Option<BTreeMap<&'a str, i64>> {
    let mut wanted = BTreeMap::new();
    for (product_id, quantity) in lines {
        let sum: &mut i64 = wanted.entry(product_id).or_default();
        *sum = sum.checked_add(quantity).filter(|_| quantity > 0)?;
    }
    Some(wanted)
}

/// Why a product cannot be had in this quantity, if so.
pub(crate) fn refusal(product_id: &str, product: Option<&Product>, quantity: i64) -> Option<String> {
    match product {
        None => Some(format!("there is no product {product_id:?}")),
        Some(product) if product.discontinued => Some(format!("the product {product_id:?} is discontinued")),
        Some(Product { available, .. }) if *available < quantity => {
            Some(format!("{quantity} pieces of {product_id:?} are wanted, {available} are available"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_one_product_count_together() {
        assert_eq!(wanted([("a", 1), ("b", 2), ("a", 3)]), Some(BTreeMap::from([("a", 4), ("b", 2)])));
        assert_eq!(wanted([("a", i64::MAX), ("a", 1)]), None);
        assert_eq!(wanted([("a", -1)]), None);
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let product = |available, discontinued| Product {
            product_id: "a".into(),
            name: "A".into(),
            category: None,
            unit_price_cents: 1,
            discontinued,
            available,
        };
        assert_eq!(refusal("a", Some(&product(3, false)), 3), None);
        for (product, says) in [
            (None, "no product"),
            (Some(product(3, false)), "3 are"),
            (Some(product(9, true)), "discontinued"),
        ] {
            let reason = refusal("a", product.as_ref(), 4).unwrap();
            assert!(reason.contains(says), "{reason}");
        }
    }
}
