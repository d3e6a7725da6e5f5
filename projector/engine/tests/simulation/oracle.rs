//! The oracle: the same events folded and joined in plain maps, at any position.

use std::collections::{BTreeMap, BTreeSet};

use prejoin_envelope::Position;
use serde_json::Value;

use crate::shop::Event;

/// A row's texts, NULL as `None`.
pub(crate) type Texts = Vec<Option<String>>;
/// Rows by their grain key's texts.
pub(crate) type Rows = BTreeMap<Vec<String>, Texts>;

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    events: BTreeMap<&'static str, Vec<Event>>,
}

#[derive(Default)]
struct Tables {
    countries: BTreeMap<String, Option<String>>,
    users: BTreeMap<String, (Option<String>, Option<String>)>,
    orders: BTreeMap<String, (Option<String>, Option<i64>)>,
    lines: BTreeMap<(String, usize), String>,
    /// Sequences of dead letters by order.
    parked: BTreeMap<String, Vec<u64>>,
}

impl Oracle {
    pub(crate) fn add(&mut self, event: &Event) {
        self.events.entry(event.service).or_default().push(event.clone());
    }

    /// The rows of a view at a position.
    pub(crate) fn rows(&self, view: &str, position: &Position) -> Rows {
        let tables = self.tables(position);
        match view {
            "order_list" => tables.order_list(),
            "line_list" => tables.line_list(),
            "order_summary" => tables.order_summary(),
            "by_customer" => tables.by_customer(),
            "by_country" => tables.by_country(),
            "sizes" => tables.sizes(),
            "all_lines" => tables.all_lines(),
            "shares" => tables.shares(),
            "_dead_letters" => tables.dead_letters(),
            other => panic!("the oracle does not know {other}"),
        }
    }

    fn tables(&self, position: &Position) -> Tables {
        let mut tables = Tables::default();
        for (service, events) in &self.events {
            for event in events.iter().filter(|event| event.sequence <= position.get(service)) {
                tables.apply(event);
            }
        }
        tables
    }
}

impl Tables {
    fn apply(&mut self, event: &Event) {
        let text = |name: &str| event.data[name].as_str().map(str::to_owned);
        let id = event.id.clone();
        let unfit = event.data["amount"].is_string();
        if unfit || self.parked.contains_key(&id) {
            self.parked.entry(id).or_default().push(event.sequence);
            return;
        }
        match event.kind {
            "named.v1" => drop(self.countries.insert(id, text("name"))),
            "dissolved.v1" => drop(self.countries.remove(&id)),
            "registered.v1" => drop(self.users.insert(id, (text("name"), text("country")))),
            "renamed.v1" => self.users.entry(id).or_default().0 = text("name"),
            "erased.v1" => drop(self.users.remove(&id)),
            "placed.v1" => {
                self.orders.insert(id.clone(), (text("customer"), event.data["amount"].as_i64()));
                self.remove_lines(&id);
                let lines = event.data["lines"].as_array().unwrap();
                let line = |line: &Value| line["sku"].as_str().unwrap().to_owned();
                self.lines
                    .extend(lines.iter().enumerate().map(|(place, of)| ((id.clone(), place + 1), line(of))));
            }
            "moved.v1" => self.orders.entry(id).or_default().0 = text("customer"),
            "cancelled.v1" => {
                self.orders.remove(&id);
                self.remove_lines(&id);
            }
            "rained.v1" => {}
            other => panic!("{other}"),
        }
    }

    fn remove_lines(&mut self, order: &str) {
        self.lines.retain(|(of, _), _| of != order);
    }

    fn order_list(&self) -> Rows {
        let row = |(id, (customer, amount)): (&String, &(Option<String>, Option<i64>))| {
            let user = customer.as_ref().and_then(|customer| self.users.get(customer));
            let country = user.and_then(|user| self.countries.get(user.1.as_ref()?)).cloned().flatten();
            let name = user.and_then(|user| user.0.clone());
            (vec![id.clone()], vec![Some(id.clone()), amount.map(|amount| amount.to_string()), name, country])
        };
        self.orders.iter().map(row).collect()
    }

    fn line_list(&self) -> Rows {
        let mut rows = Rows::new();
        for ((order, place), sku) in &self.lines {
            let Some((customer, Some(11..))) = self.orders.get(order) else { continue };
            let name = customer.as_ref().and_then(|customer| self.users.get(customer)?.0.clone());
            let key = vec![order.clone(), place.to_string()];
            rows.insert(key, vec![Some(order.clone()), Some(place.to_string()), Some(sku.clone()), name]);
        }
        rows
    }

    fn order_summary(&self) -> Rows {
        let country = |id: &String| self.countries.get(id).cloned().flatten();
        let mut rows = Rows::new();
        for (id, (customer, _)) in &self.orders {
            let Some((customer, user)) =
                customer.as_ref().and_then(|customer| Some((customer, self.users.get(customer)?)))
            else {
                continue;
            };
            if user.1.as_ref().and_then(country).is_none_or(|name| name == "A") {
                continue;
            }
            let lines = self.lines.iter().filter(|((order, _), _)| order == id);
            let origins: Vec<Value> =
                lines.rev().map(|(_, sku)| country(sku).map_or(Value::Null, Value::String)).collect();
            let printed: Vec<String> = origins.iter().map(Value::to_string).collect();
            let origins = (!origins.is_empty()).then(|| format!("[{}]", printed.join(", ")));
            let of_customer = self.orders.iter().filter(|(_, (of, _))| of.as_ref() == Some(customer));
            // Descending order begins with NULL.
            let greatest = of_customer
                .min_by_key(|(id, (_, amount))| {
                    (amount.is_some(), amount.map(std::cmp::Reverse), (*id).clone())
                })
                .map(|(id, _)| id.clone());
            rows.insert(vec![id.clone()], vec![Some(id.clone()), origins, greatest]);
        }
        rows
    }

    /// The orders of each customer, NULL being one.
    fn customers(&self) -> BTreeMap<Option<String>, Vec<(&String, Option<i64>)>> {
        let mut customers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, (customer, amount)) in &self.orders {
            customers.entry(customer.clone()).or_default().push((id, *amount));
        }
        customers
    }

    fn by_customer(&self) -> Rows {
        let mut rows = Rows::new();
        for (customer, orders) in self.customers() {
            let amounts = || orders.iter().filter_map(|(_, amount)| *amount);
            let last = orders.last().map(|(id, _)| (*id).clone());
            let count = Some(orders.len().to_string());
            let least = amounts().min().map(|least| least.to_string());
            rows.insert(key(&customer), vec![customer, count, sum(amounts()), least, last]);
        }
        rows
    }

    fn by_country(&self) -> Rows {
        let mut countries: BTreeMap<Option<String>, Vec<(&String, &Option<String>)>> = BTreeMap::new();
        for (id, (customer, _)) in &self.orders {
            let user = customer.as_ref().and_then(|customer| self.users.get(customer));
            let country = user.and_then(|user| self.countries.get(user.1.as_ref()?)).cloned().flatten();
            countries.entry(country).or_default().push((id, customer));
        }
        let mut rows = Rows::new();
        for (country, orders) in countries.into_iter().filter(|(_, orders)| orders.len() > 1) {
            let customers: BTreeSet<_> =
                orders.iter().filter_map(|(_, customer)| customer.as_ref()).collect();
            let ids: Vec<&str> = orders.iter().rev().map(|(id, _)| id.as_str()).collect();
            let row = vec![country.clone(), Some(customers.len().to_string()), Some(ids.join(","))];
            rows.insert(key(&country), row);
        }
        rows
    }

    fn sizes(&self) -> Rows {
        let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
        for orders in self.customers().into_values() {
            *sizes.entry(orders.len()).or_default() += 1;
        }
        let row = |(orders, customers): (usize, usize)| {
            (vec![orders.to_string()], vec![Some(orders.to_string()), Some(customers.to_string())])
        };
        sizes.into_iter().map(row).collect()
    }

    fn all_lines(&self) -> Rows {
        let longest = self.lines.keys().map(|(_, place)| place).max().map(ToString::to_string);
        Rows::from([(Vec::new(), vec![Some(self.lines.len().to_string()), longest])])
    }

    fn shares(&self) -> Rows {
        let customers = self.customers();
        let row = |(id, (customer, amount)): (&String, &(Option<String>, Option<i64>))| {
            let orders = customer.as_ref().and_then(|_| customers.get(customer));
            let of_customer = orders.and_then(|orders| sum(orders.iter().filter_map(|(_, amount)| *amount)));
            (vec![id.clone()], vec![Some(id.clone()), amount.map(|amount| amount.to_string()), of_customer])
        };
        self.orders.iter().map(row).collect()
    }

    /// Service, sequence, and what it waits behind.
    fn dead_letters(&self) -> Rows {
        let mut rows = Rows::new();
        for (order, sequences) in &self.parked {
            for sequence in sequences {
                let number = sequence.to_string();
                let behind = (*sequence != sequences[0]).then(|| sequences[0].to_string());
                let row = vec![Some("orders".to_owned()), Some(number.clone()), Some(order.clone()), behind];
                rows.insert(vec!["orders".to_owned(), "sequence".to_owned(), number], row);
            }
        }
        rows
    }
}

fn key(value: &Option<String>) -> Vec<String> {
    vec![value.clone().unwrap_or_else(|| "NULL".to_owned())]
}

/// NULL over nothing.
fn sum(mut values: impl Iterator<Item = i64>) -> Option<String> {
    let first = values.next()?;
    Some(values.fold(first, |sum, value| sum + value).to_string())
}

/// All keys of two sets of rows.
pub(crate) fn keys<'a>(one: &'a Rows, other: &'a Rows) -> BTreeSet<&'a Vec<String>> {
    one.keys().chain(other.keys()).collect()
}
