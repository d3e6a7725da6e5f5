//! Commands to running services reach the views.

use serde_json::{Value, json};

use crate::shop::Counter;
use crate::support::{Home, get, rows, wait_until};

#[test]
fn a_rename_reaches_every_earlier_order() {
    let home = Home::new();
    let up = home.up::<&str>(&[]);
    let counter = Counter::of(&up);
    counter.register("u1", "Before");
    counter.register("u2", "Bystander");
    for order in 0..30 {
        counter.place(&format!("o{order:02}"), if order % 3 == 0 { "u2" } else { "u1" });
    }
    counter.wait_for_order(&[&up], "o29", "placed", json!("Before"));
    counter.rename("u1", "After");
    wait_until("every order of u1 has the new name, no other", &[&up], || {
        let all = rows(
            &counter.api,
            "orders_with_customers?select=order_id,customer_id,customer_name&order=order_id",
        )?;
        assert_eq!(all.len(), 30, "{all:?}");
        let named = |row: &Value| match row["customer_id"].as_str() {
            Some("u1") => row["customer_name"] == "After",
            _ => row["customer_name"] == "Bystander",
        };
        if all.iter().all(named) { Ok(()) } else { Err(Value::Array(all).to_string()) }
    });
}

#[test]
fn an_order_before_its_customer_shows_null_and_then_the_name() {
    let home = Home::new();
    let up = home.up::<&str>(&[]);
    let counter = Counter::of(&up);
    counter.place("early", "u9");
    counter.wait_for_order(&[&up], "early", "placed", Value::Null);
    counter.register("u9", "Late Comer");
    counter.wait_for_order(&[&up], "early", "placed", json!("Late Comer"));
    let erased = crate::support::send("DELETE", &format!("{}/users/u9", counter.users), None);
    assert_eq!(erased.status, 204, "{erased:?}");
    counter.wait_for_order(&[&up], "early", "placed", Value::Null);
}

#[test]
fn an_order_goes_through_its_life_in_the_views() {
    let home = Home::new();
    let up = home.up::<&str>(&[]);
    let counter = Counter::of(&up);
    counter.register("u1", "Ann");
    let placed = counter.place("o1", "u1");
    assert_eq!(placed.headers["prejoin-position"], "orders=1", "{placed:?}");
    assert_eq!(placed.headers["location"], "/v1/orders/o1");
    counter.place("o2", "u1");

    let open = |next_step: &str| {
        let query = "open_orders?select=order_id,next_step&order_id=eq.o1";
        wait_until(&format!("o1 is to {next_step}"), &[&up], || {
            let found = rows(&counter.api, query)?;
            let steps: Vec<_> = found.iter().filter_map(|row| row["next_step"].as_str()).collect();
            if steps == [next_step] { Ok(()) } else { Err(format!("{found:?}")) }
        });
    };
    open("await payment");
    let refused = counter.make("o1", "ship").with_status(409);
    assert!(refused.text.contains("allowed now: pay, cancel"), "{refused:?}");
    for (step, status, next_step) in [("pay", "paid", "ship"), ("ship", "shipped", "await delivery")] {
        let _ = counter.make("o1", step).with_status(200);
        counter.wait_for_order(&[&up], "o1", status, json!("Ann"));
        open(next_step);
    }
    let delivered = counter.make("o1", "deliver").with_status(200);
    assert_eq!(delivered.json()["status"], "delivered");
    counter.wait_for_order(&[&up], "o1", "delivered", json!("Ann"));
    let _ = counter.make("o1", "cancel").with_status(409);

    let reason = json!({ "reason": "changed my mind" });
    let cancelled =
        crate::support::send("POST", &format!("{}/orders/o2/cancel", counter.orders), Some(&reason));
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    counter.wait_for_order(&[&up], "o2", "cancelled", json!("Ann"));
    wait_until("no order is open", &[&up], || {
        let open = rows(&counter.api, "open_orders")?;
        if open.is_empty() { Ok(()) } else { Err(format!("{open:?}")) }
    });

    // What a service says of its own, and what it does not know.
    assert_eq!(get(&format!("{}/orders/o2", counter.orders)).json()["reason"], "changed my mind");
    let unknown = get(&format!("{}/orders/none", counter.orders)).with_status(404);
    assert!(unknown.text.contains("there is no order"), "{unknown:?}");
    assert_eq!(get(&format!("{}/readyz", counter.api)).json()["ready"], true);
}
