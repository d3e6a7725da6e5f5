//! Orders and their customers as events, for reads: every order has a time of its own, and their statuses differ.

use prejoin_engine::Incoming;

use crate::shop::{Random, customer, numbered};

const ORDERS_PER_CUSTOMER: u64 = 10;
/// The first order's number is one more.
const ORDER_NUMBERS_FROM: u64 = 1_000_000;

/// As many customers as tell so many orders.
pub(crate) fn customers(orders: u64) -> u64 {
    (orders / ORDERS_PER_CUSTOMER).max(1)
}

/// The id of the order with a number from 1.
pub(crate) fn order_id(number: u64) -> String {
    (ORDER_NUMBERS_FROM + number).to_string()
}

/// Customers, then their orders, a second apart; then every second order is paid.
pub fn orders_of_customers(orders: u64, seed: u64) -> impl Iterator<Item = Incoming> {
    let customers = customers(orders);
    let registered = numbered("users", "registered", 1..=customers, customer);
    let mut random = Random(seed);
    let placed = numbered("orders", "placed", 1..=orders, move |number| {
        let customer = random.below(customers) + 1;
        placed(number, customer, random.below(1_000_000))
    });
    let paid = numbered("orders", "paid", orders + 1..=orders + orders / 2, move |number| {
        let key = order_id(2 * (number - orders));
        let data = format!(r#"{{"order_id":"{key}","paid_at":"2026-03-01T08:00:00Z"}}"#);
        (key, data)
    });
    registered.chain(placed).chain(paid)
}

fn placed(number: u64, customer: u64, total_cents: u64) -> (String, String) {
    let key = order_id(number);
    let (day, second) = (number / 86_400, number % 86_400);
    let (month, day) = (1 + day / 28, 1 + day % 28);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let data = format!(
        r#"{{"order_id":"{key}","customer_id":"C{customer:07}","total_cents":{total_cents},"placed_at":"2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z","lines":[]}}"#
    );
    (key, data)
}
