//! Histories to import: a generated one, and one as a system that does not number its events would write it.

use serde_json::{Value, json};

/// The lines of a made-up history, as `prejoin events generate` prints them.
pub(crate) fn generated(events: u64, seed: u64) -> Vec<String> {
    prejoin_fixtures::generate(events, seed).map(|event| event.json).collect()
}

/// The history of a small trading house that does not number its events: customers, products, then orders and their
/// shipments by date. Names have accents, quotes and double spaces; some customers never order; the last orders are
/// not shipped; the same product may stand in one order twice.
pub(crate) fn unnumbered() -> Vec<String> {
    let mut book = Book::default();
    let names = [
        "Alfreds Futterkiste",
        "Antonio Moreno Taquería",
        "B's Beverages",
        "Blondesddsl père et fils",
        "Café \"Zum Löwen\"",
        "Das  Lager (zwei Blanks)",
        "Hüngry Öwl",
        "日本商店",
        "Ω & Söhne, Inc.",
        "Zaanse koekjes",
    ];
    for (index, name) in names.iter().enumerate() {
        let id = customer(index);
        let data = json!({ "user_id": id, "name": name, "contact": format!("Contact {index}"), "city": "Münster",
            "country": "Germany", "phone": if index % 3 == 0 { Value::Null } else { json!("030-0074321") } });
        book.write("users.registered.v1", &id, "1996-07-01T00:00:00Z", &data);
    }
    for product in 1..=12_u64 {
        let data = json!({ "product_id": product.to_string(), "name": format!("Product {product}"),
            "category": "Beverages", "unit_price_cents": 450 * product, "discontinued": product % 5 == 0 });
        book.write("catalog.product_listed.v1", &product.to_string(), "1996-07-01T00:00:00Z", &data);
    }
    for order in 0..60_u64 {
        let id = (10_248 + order).to_string();
        let day = format!("1996-{:02}-{:02}", 7 + order / 28, 1 + order % 28);
        let line = |place: u64| {
            let product = 1 + (order * 7 + place * 5) % 12;
            let discount_percent = if order % 4 > 1 { 15 } else { 0 };
            json!({ "product_id": product.to_string(), "quantity": 1 + (order + place) % 40,
                "unit_price_cents": 450 * product, "discount_percent": discount_percent })
        };
        let lines: Vec<Value> = (0..1 + order % 4).map(line).collect();
        // The last name never orders.
        let data = json!({ "order_id": id, "customer_id": customer((order * order % 9) as usize), "lines": lines,
            "total_cents": 1000 + 37 * order, "placed_at": format!("{day}T09:00:00Z") });
        book.write("orders.placed.v1", &id, &format!("{day}T09:00:00Z"), &data);
        if order < 50 {
            let data = json!({ "shipment_id": format!("S{id}"), "order_id": id, "carrier": "Speedy Express",
                "city": "Reims", "country": "France", "freight_cents": 100 + order, "dispatched_at": format!("{day}T15:00:00Z") });
            book.write("shipping.dispatched.v1", &id, &format!("{day}T15:00:00Z"), &data);
        }
    }
    book.lines
}

fn customer(index: usize) -> String {
    format!("CUST{index}")
}

#[derive(Default)]
struct Book {
    lines: Vec<String>,
}

impl Book {
    fn write(&mut self, kind: &str, subject: &str, time: &str, data: &Value) {
        let service = kind.split('.').next().unwrap_or_default();
        let id = format!("00000000-0000-5000-8000-{:012}", self.lines.len());
        let event = json!({ "specversion": "1.0", "id": id, "source": format!("/{service}"), "type": kind,
            "subject": subject, "time": time, "datacontenttype": "application/json", "data": data });
        self.lines.push(event.to_string());
    }
}
