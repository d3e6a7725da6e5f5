//! The oracle: the same events folded and joined in plain maps, at any position.
//!
//! It takes the definition by its word: first every service's events up to the position, then the decisions up to
//! there, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use prejoin_envelope::Position;
use serde_json::Value;

use crate::decisions::{Decided, What};
use crate::shop::Event;

/// A row's texts, NULL as `None`.
pub(crate) type Texts = Vec<Option<String>>;
/// Rows by their grain key's texts.
pub(crate) type Rows = BTreeMap<Vec<String>, Texts>;

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) events: BTreeMap<&'static str, Vec<Event>>,
    pub(crate) decisions: Vec<Decided>,
}

#[derive(Default)]
struct Tables {
    countries: BTreeMap<String, Option<String>>,
    users: BTreeMap<String, (Option<String>, Option<String>)>,
    orders: BTreeMap<String, (Option<String>, Option<i64>)>,
    lines: BTreeMap<(String, usize), String>,
    /// The dead letters of each order.
    parked: BTreeMap<String, Vec<Letter>>,
    /// What became of each decision.
    outcomes: Vec<(Decided, &'static str)>,
    /// Decisions that cannot be read.
    parked_decisions: Vec<Decided>,
}

struct Letter {
    event: Event,
    amended: Option<Event>,
}

impl Letter {
    fn to_fold(&self) -> &Event {
        self.amended.as_ref().unwrap_or(&self.event)
    }

    fn row(&self, behind: Option<u64>) -> Texts {
        let reason = match (self.to_fold().is_unfit(), behind) {
            (false, Some(behind)) => {
                format!("waits behind event {behind} of the same entity, which is parked")
            }
            _ => "unfit".to_owned(),
        };
        let entity = Some(self.event.id.clone());
        let behind = behind.map(|behind| behind.to_string());
        vec![Some("orders".to_owned()), Some(self.event.sequence.to_string()), entity, Some(reason), behind]
    }
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
            "_decisions" => tables.decisions(),
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
        for decision in self.decisions.iter().filter(|of| of.sequence <= position.get("prejoin")) {
            tables.decide(decision, position);
        }
        tables
    }
}

impl Tables {
    fn apply(&mut self, event: &Event) {
        let id = event.id.clone();
        if event.is_unfit() || self.parked.contains_key(&id) {
            self.parked.entry(id).or_default().push(Letter { event: event.clone(), amended: None });
        } else {
            self.fold(event);
        }
    }

    fn decide(&mut self, decision: &Decided, position: &Position) {
        if matches!(decision.what, What::Nonsense) {
            self.parked_decisions.push(decision.clone());
            return;
        }
        let (service, sequence) = decision.of;
        let is_it = |letter: &Letter| letter.event.service == service && letter.event.sequence == sequence;
        let order = self.parked.iter().find(|(_, letters)| letters.iter().any(is_it));
        let outcome = if service == "prejoin" {
            self.decide_decision(decision)
        } else if let Some(order) = order.map(|(order, _)| order.clone()) {
            self.decide_letter(decision, &order)
        } else if sequence > position.get(service) {
            "waiting"
        } else {
            "no_letter"
        };
        self.outcomes.push((decision.clone(), outcome));
    }

    fn decide_decision(&mut self, decision: &Decided) -> &'static str {
        let found = self.parked_decisions.iter().position(|parked| parked.sequence == decision.of.1);
        match (found, &decision.what) {
            (None, _) => "no_letter",
            (Some(place), What::Discard) => {
                self.parked_decisions.remove(place);
                "discarded"
            }
            _ => "unfit",
        }
    }

    fn decide_letter(&mut self, decision: &Decided, order: &str) -> &'static str {
        let letters = self.parked.get_mut(order).unwrap();
        let place = letters.iter().position(|letter| letter.event.sequence == decision.of.1).unwrap();
        let letter = &mut letters[place];
        let outcome = match &decision.what {
            _ if !decision.names_message => "other_event",
            What::Discard => {
                letters.remove(place);
                "discarded"
            }
            What::Amend(event) => {
                let is_known = event.kind != "rained.v1";
                let is_in_place = event.id == letter.event.id && event.sequence == letter.event.sequence;
                if is_known && is_in_place && !event.is_unfit() {
                    letter.amended = Some((**event).clone());
                    "amended"
                } else {
                    "unfit"
                }
            }
            What::Retry if letter.to_fold().is_unfit() => "unfit",
            What::Retry => "behind",
            What::Nonsense => panic!("{decision:?}"),
        };
        while let Some(letter) = self.parked.get_mut(order).filter(|letters| !letters.is_empty()) {
            if letter[0].to_fold().is_unfit() {
                return outcome;
            }
            let event = letter.remove(0).to_fold().clone();
            self.fold(&event);
        }
        self.parked.remove(order);
        outcome
    }

    fn fold(&mut self, event: &Event) {
        let text = |name: &str| event.data[name].as_str().map(str::to_owned);
        let id = event.id.clone();
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

    /// Service, sequence, entity, why, and what it waits behind.
    fn dead_letters(&self) -> Rows {
        let mut rows = Rows::new();
        let key = |service: &str, sequence: u64| {
            vec![service.to_owned(), "sequence".to_owned(), sequence.to_string()]
        };
        for letters in self.parked.values() {
            let first = letters[0].event.sequence;
            for letter in letters {
                let sequence = letter.event.sequence;
                rows.insert(key("orders", sequence), letter.row((sequence != first).then_some(first)));
            }
        }
        for decision in &self.parked_decisions {
            let (service, sequence) = ("prejoin".to_owned(), decision.sequence);
            let row = [
                Some(service),
                Some(sequence.to_string()),
                Some(decision.letter()),
                Some("unfit".to_owned()),
                None,
            ];
            rows.insert(key("prejoin", sequence), row.to_vec());
        }
        rows
    }

    fn decisions(&self) -> Rows {
        let mut rows = Rows::new();
        for (decision, outcome) in &self.outcomes {
            let (service, sequence) = (decision.of.0.to_owned(), decision.of.1.to_string());
            let number = decision.sequence.to_string();
            let key = vec![service.clone(), "sequence".to_owned(), sequence.clone(), number.clone()];
            let row = [number, decision.kind().to_owned(), service, sequence, (*outcome).to_owned()];
            rows.insert(key, row.map(Some).to_vec());
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
