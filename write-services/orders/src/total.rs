//! What an order costs.

use crate::order::Line;

/// The total of an order in cents: the sum over its lines of quantity × unit price × (100 − discount percent) / 100,
/// rounded once, at the end, half a cent up. Nothing if it is beyond what can be counted.
pub(crate) fn total_cents(lines: &[Line]) -> Option<i64> {
    let mut hundredths: i128 = 0;
    for line in lines {
        let line_cents = i128::from(line.quantity).checked_mul(i128::from(line.unit_price_cents))?;
        hundredths =
            hundredths.checked_add(line_cents.checked_mul(i128::from(100 - line.discount_percent))?)?;
    }
    i64::try_from(hundredths.checked_add(50)? / 100).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(lines: &[(i64, i64, i64)]) -> Option<i64> {
        let line = |&(quantity, unit_price_cents, discount_percent)| Line {
            product_id: "11".into(),
            quantity,
            unit_price_cents,
            discount_percent,
            from_stock: false,
        };
        total_cents(&lines.iter().map(line).collect::<Vec<_>>())
    }

    #[test]
    fn lines_add_up_and_are_rounded_once() {
        assert_eq!(total(&[(12, 1400, 0), (10, 980, 0), (5, 3480, 0)]), Some(44_000));
        // 0.5 cents go up, 0.49 down, and two halves are one cent, not two.
        assert_eq!(total(&[(1, 1, 50)]), Some(1));
        assert_eq!(total(&[(1, 1, 51)]), Some(0));
        assert_eq!(total(&[(1, 1, 50), (1, 1, 50)]), Some(1));
        assert_eq!(total(&[(3, 333, 15)]), Some(849));
        assert_eq!(total(&[(7, 100, 100)]), Some(0));
    }

    #[test]
    fn a_total_that_cannot_be_counted_is_none() {
        assert_eq!(total(&[(1, i64::MAX, 0)]), Some(i64::MAX));
        assert_eq!(total(&[(2, i64::MAX, 0)]), None);
        assert_eq!(total(&[(i64::MAX, i64::MAX, 0), (i64::MAX, i64::MAX, 0)]), None);
    }
}
