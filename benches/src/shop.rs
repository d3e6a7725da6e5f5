//! A shop of a given number of orders, as events: every order has lines, most have a shipment, all have a customer.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use prejoin_engine::Incoming;

const ORDERS_PER_CUSTOMER: u64 = 10;
const PRODUCTS: u64 = 1_000;
/// Of ten orders, so many were sent.
const SENT_OF_TEN: u64 = 7;

/// The events of a shop, service by service: products, customers, orders, shipments.
pub fn shop(orders: u64, seed: u64) -> impl Iterator<Item = Incoming> {
    let customers = (orders / ORDERS_PER_CUSTOMER).max(1);
    let catalog = numbered("catalog", "product_listed", 1..=PRODUCTS, product);
    let users = numbered("users", "registered", 1..=customers, customer);
    let mut random = Random(seed);
    let orders_told = numbered("orders", "placed", 1..=orders, move |number| {
        order(number, random.below(customers) + 1, &mut random)
    });
    let shipments = numbered("shipping", "dispatched", 1..=orders / 10 * SENT_OF_TEN, shipment);
    catalog.chain(users).chain(orders_told).chain(shipments)
}

/// Events with these sequences. `tell` gives the key of the entity and the event's data.
pub(crate) fn numbered(
    service: &'static str,
    kind: &'static str,
    sequences: RangeInclusive<u64>,
    mut tell: impl FnMut(u64) -> (String, String),
) -> impl Iterator<Item = Incoming> {
    let name: Arc<str> = service.into();
    sequences.map(move |sequence| {
        let (subject, data) = tell(sequence);
        let json = format!(
            r#"{{"specversion":"1.0","id":"{service}-{sequence:012}","source":"/{service}","type":"{service}.{kind}.v1","subject":"{subject}","time":"2026-01-01T00:00:00Z","sequence":"{sequence}","datacontenttype":"application/json","data":{data}}}"#
        );
        Incoming {
            service: name.clone(),
            stream_sequence: sequence,
            message_id: Some(format!("{service}-{sequence}")),
            payload_hash: sequence,
            payload: Bytes::from(json),
        }
    })
}

fn product(number: u64) -> (String, String) {
    let data = format!(
        r#"{{"product_id":"{number}","name":"Product number {number}","category":"Category {}","unit_price_cents":{},"discontinued":false}}"#,
        number % 12,
        500 + number * 37 % 20_000
    );
    (number.to_string(), data)
}

pub(crate) fn customer(number: u64) -> (String, String) {
    let key = format!("C{number:07}");
    let data = format!(
        r#"{{"user_id":"{key}","name":"Customer and Sons {number}","contact":"Ann Other {}","city":"City {}","country":"Country {}","phone":"030-{number:07}"}}"#,
        number % 997,
        number % 211,
        number % 37
    );
    (key, data)
}

fn order(number: u64, customer: u64, random: &mut Random) -> (String, String) {
    let lines = (0..1 + random.below(4)).map(|_| {
        let (product, quantity) = (1 + random.below(PRODUCTS), 1 + random.below(20));
        format!(r#"{{"product_id":"{product}","quantity":{quantity},"unit_price_cents":{}}}"#, 500 + product)
    });
    let lines: Vec<String> = lines.collect();
    let key = (1_000_000 + number).to_string();
    let (day, second) = (1 + number % 28, number % 60);
    let data = format!(
        r#"{{"order_id":"{key}","customer_id":"C{customer:07}","total_cents":{},"placed_at":"2026-02-{day:02}T10:20:{second:02}Z","lines":[{}]}}"#,
        random.below(1_000_000),
        lines.join(",")
    );
    (key, data)
}

fn shipment(number: u64) -> (String, String) {
    let key = (1_000_000 + number).to_string();
    let data = format!(
        r#"{{"order_id":"{key}","shipment_id":"S{number}","carrier":"Carrier {}","city":"City {}","country":"Country {}","freight_cents":{},"dispatched_at":"2026-03-{:02}T08:00:00Z"}}"#,
        number % 5,
        number % 211,
        number % 37,
        number % 9_000,
        1 + number % 28
    );
    (key, data)
}

/// Knuth's multiplier (The Art of Computer Programming 2, 3.3.4); the high bits are the good ones.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}
