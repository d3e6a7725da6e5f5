//! What less than the engine costs: decoding alone, and what one would write by hand for one view.

use std::borrow::Cow;
use std::collections::HashMap;

use anyhow::{Context, ensure};
use prejoin_contract::{ContractSet, Outcome};
use prejoin_engine::Incoming;
use serde::Deserialize;

/// Decodes every message on one thread and keeps nothing.
pub fn decode_all(contracts: &ContractSet, messages: &[Incoming]) -> anyhow::Result<()> {
    for message in messages {
        let decoded = contracts.decode(&message.service, &message.payload);
        ensure!(matches!(decoded.outcome, Outcome::Changes(_)), "{decoded:?} does not fit its contract");
    }
    Ok(())
}

/// Folds every message on one thread into two hash maps, orders and users, by code that is made for them: what the view
/// `orders_with_customers` needs, and nothing besides. Then joins them. Returns the number of the view's rows.
pub fn fold_by_hand(messages: &[Incoming]) -> anyhow::Result<usize> {
    let mut fold = HandMadeFold::default();
    for message in messages {
        fold.apply(&message.payload)?;
    }
    let HandMadeFold(shop) = fold;
    let rows = shop.orders.values().map(|order| (order, shop.users.get(&order.customer_id)));
    Ok(rows.filter(|(order, user)| std::hint::black_box((order, user)).0.total_cents >= 0).count())
}

/// Two hash maps that are made for `orders_with_customers`.
#[derive(Default)]
pub struct HandMadeFold(Shop);

impl HandMadeFold {
    pub fn apply(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        let event: Event<'_> = sonic_rs::from_slice(payload)?;
        ensure!(!event.id.is_empty() && !event.sequence.is_empty(), "an event has an id and a number");
        self.0.apply(&event.kind, event.data)
    }

    /// The view's rows as lines of PostgreSQL's COPY, in parts of about a mebibyte. The generated texts hold nothing that
    /// would have to be escaped.
    pub fn copy_lines(&self, mut send: impl FnMut(String)) {
        let mut lines = String::new();
        for (order_id, order) in &self.0.orders {
            let Order { customer_id, status, total_cents, placed_at } = order;
            let user = self.0.users.get(customer_id);
            let null = "\\N".to_owned();
            let optional = |text: Option<&String>| text.unwrap_or(&null).clone();
            let name = optional(user.map(|user| &user.name));
            let contact = optional(user.and_then(|user| user.contact.as_ref()));
            let city = optional(user.and_then(|user| user.city.as_ref()));
            let country = optional(user.and_then(|user| user.country.as_ref()));
            lines.push_str(&format!(
                "{order_id}\t{status}\t{total_cents}\t{placed_at}\t{customer_id}\t{name}\t{contact}\t{city}\t{country}\n"
            ));
            if lines.len() > 1 << 20 {
                send(std::mem::take(&mut lines));
            }
        }
        send(lines);
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    sequence: Cow<'a, str>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    order_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    customer_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user_id: Option<Cow<'a, str>>,
    total_cents: Option<i64>,
    #[serde(borrow)]
    placed_at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    contact: Option<Cow<'a, str>>,
    #[serde(borrow)]
    city: Option<Cow<'a, str>>,
    #[serde(borrow)]
    country: Option<Cow<'a, str>>,
}

#[derive(Default)]
struct Shop {
    orders: HashMap<String, Order>,
    users: HashMap<String, User>,
}

#[derive(Default)]
struct Order {
    customer_id: String,
    status: &'static str,
    total_cents: i64,
    placed_at: String,
}

#[derive(Default)]
struct User {
    name: String,
    contact: Option<String>,
    city: Option<String>,
    country: Option<String>,
}

impl Shop {
    fn apply(&mut self, kind: &str, data: Data<'_>) -> anyhow::Result<()> {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        match kind {
            "orders.placed.v1" => {
                let order = self.order(&data)?;
                order.status = "placed";
                order.customer_id = owned(data.customer_id).unwrap_or_default();
                order.total_cents = data.total_cents.unwrap_or_default();
                order.placed_at = owned(data.placed_at).unwrap_or_default();
            }
            "orders.paid.v1" => self.order(&data)?.status = "paid",
            "orders.shipped.v1" => self.order(&data)?.status = "shipped",
            "orders.delivered.v1" => self.order(&data)?.status = "delivered",
            "orders.cancelled.v1" => self.order(&data)?.status = "cancelled",
            "users.registered.v1" => {
                let user = User {
                    name: owned(data.name).unwrap_or_default(),
                    contact: owned(data.contact),
                    city: owned(data.city),
                    country: owned(data.country),
                };
                self.users.insert(user_id(data.user_id)?.into_owned(), user);
            }
            "users.renamed.v1" => {
                self.user(data.user_id)?.name = owned(data.name).unwrap_or_default();
            }
            "users.changed.v1" => {
                let user = self.user(data.user_id)?;
                (user.contact, user.city) = (owned(data.contact), owned(data.city));
                user.country = owned(data.country);
            }
            "users.erased.v1" => drop(self.users.remove(&*user_id(data.user_id)?)),
            _ => {}
        }
        Ok(())
    }

    fn order(&mut self, data: &Data<'_>) -> anyhow::Result<&mut Order> {
        let order_id = data.order_id.as_ref().context("an event of an order has its id")?;
        Ok(self.orders.entry(order_id.clone().into_owned()).or_default())
    }

    fn user(&mut self, id: Option<Cow<'_, str>>) -> anyhow::Result<&mut User> {
        Ok(self.users.entry(user_id(id)?.into_owned()).or_default())
    }
}

fn user_id(id: Option<Cow<'_, str>>) -> anyhow::Result<Cow<'_, str>> {
    id.context("an event of a user has its id")
}
