//! A view followed while commands, renames and rebuilds go on: what was told is what is read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use reqwest::Client;
use serde_json::Value;

use crate::shop::Counter;
use crate::support::{Home, block_on, rows, wait_until};

const ASKED: &str = "orders_with_customers?select=order_id,status,customer_name&customer_id=eq.u1";

#[derive(Default)]
struct Told {
    rows: BTreeMap<String, Value>,
    begun: Vec<String>,
    position: String,
}

impl Told {
    fn apply(&mut self, name: &str, data: &Value) {
        let text = |member: &str| data[member].as_str().unwrap_or_default().to_owned();
        match name {
            "begin" => {
                self.rows.clear();
                self.begun.push(text("reason"));
            }
            "row" | "insert" => {
                let before = self.rows.insert(text("_key"), data["row"].clone());
                assert_eq!(before, None, "{name} {data}");
            }
            "update" => drop(self.rows.insert(text("_key"), data["row"].clone()).expect("it was there")),
            "delete" => drop(self.rows.remove(&text("_key")).expect("it was there")),
            "end" | "position" => self.position = text("position"),
            _ => {}
        }
    }
}

/// Follows, breaking off after every 40 events and going on there, until the server is gone.
async fn follow(url: String, told: Arc<Mutex<Told>>) {
    let (client, mut last_id) = (Client::new(), String::new());
    loop {
        let mut request = client.get(&url);
        if !last_id.is_empty() {
            request = request.header("last-event-id", &last_id);
        }
        let Ok(mut answer) = request.send().await else { return };
        let (mut buffer, mut events) = (String::new(), 0);
        while events < 40 {
            let Ok(Some(chunk)) = answer.chunk().await else { break };
            buffer.push_str(std::str::from_utf8(&chunk).expect("events end in whole characters"));
            while let Some(end) = buffer.find("\n\n") {
                let block: String = buffer.drain(..end + 2).collect();
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let Some(id) = field("id:") {
                    id.clone_into(&mut last_id);
                }
                if let (Some(name), Some(data)) = (field("event:"), field("data:")) {
                    let data = serde_json::from_str(data).expect("the data is JSON");
                    told.lock().expect("nobody panicked").apply(name, &data);
                    events += 1;
                }
            }
        }
    }
}

#[test]
fn what_is_told_is_what_is_read() {
    let home = Home::new();
    let up = home.up::<&str>(&[]);
    let counter = Counter::of(&up);
    counter.register("u1", "Before");
    counter.place("o00", "u1");
    counter.wait_for_order(&[&up], "o00", "placed", Value::from("Before"));
    let told = Arc::new(Mutex::new(Told::default()));
    let (url, following) = (format!("{}/live/v1/{ASKED}", counter.api), Arc::clone(&told));
    let follower = std::thread::spawn(move || block_on(follow(url, following)));
    let agree = |what: &str, orders: usize, name: &str| {
        wait_until(what, &[&up], || {
            let read = rows(&counter.api, &format!("{ASKED}&order=order_id"))?;
            let told = told.lock().map_err(|error| error.to_string())?;
            let mut seen: Vec<Value> = told.rows.values().cloned().collect();
            seen.sort_by_key(|row| row["order_id"].to_string());
            let is_there = seen.len() == orders && seen.iter().all(|row| row["customer_name"] == name);
            if is_there && read == seen { Ok(()) } else { Err(format!("{seen:?} told, {read:?} read")) }
        });
    };
    for order in 1..30 {
        counter.place(&format!("o{order:02}"), if order % 3 == 0 { "u2" } else { "u1" });
    }
    agree("every order of u1 was told", 21, "Before");
    counter.rename("u1", "After");
    agree("every order has the new name", 21, "After");
    home.command(&["rebuild", "orders_with_customers"]).run().succeeded();
    wait_until("the rebuilt view was told", &[&up], || {
        let begun = told.lock().map_err(|error| error.to_string())?.begun.clone();
        if begun.iter().any(|reason| reason == "rebuilt") { Ok(()) } else { Err(format!("{begun:?}")) }
    });
    agree("the same rows are there after the rebuild", 21, "After");
    counter.place("o30", "u1");
    agree("what comes after the rebuild is told", 22, "After");
    drop(up);
    follower.join().expect("the follower does not panic");
}
