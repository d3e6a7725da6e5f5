//! An order, its states and its moves.

use prejoin_service::{Problem, check_key, given};
use serde::{Deserialize, Serialize};

const LINES_MAX: usize = 1000;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Placed,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// What can be done with an order once it is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    Pay,
    Ship,
    Deliver,
    Cancel,
}

impl Status {
    pub(crate) const ALL: [Status; 5] =
        [Status::Placed, Status::Paid, Status::Shipped, Status::Delivered, Status::Cancelled];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Placed => "placed",
            Status::Paid => "paid",
            Status::Shipped => "shipped",
            Status::Delivered => "delivered",
            Status::Cancelled => "cancelled",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }

    /// The moves that lead on from here.
    pub(crate) fn moves(self) -> &'static [Move] {
        match self {
            Status::Placed => &[Move::Pay, Move::Cancel],
            Status::Paid => &[Move::Ship, Move::Cancel],
            Status::Shipped => &[Move::Deliver],
            Status::Delivered | Status::Cancelled => &[],
        }
    }
}

impl Move {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Move::Pay => "pay",
            Move::Ship => "ship",
            Move::Deliver => "deliver",
            Move::Cancel => "cancel",
        }
    }

    pub(crate) fn leads_to(self) -> Status {
        match self {
            Move::Pay => Status::Paid,
            Move::Ship => Status::Shipped,
            Move::Deliver => Status::Delivered,
            Move::Cancel => Status::Cancelled,
        }
    }
}

/// An order as stored and as answered. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) customer_id: String,
    pub(crate) status: Status,
    pub(crate) total_cents: i64,
    pub(crate) placed_at: String,
    pub(crate) paid_at: Option<String>,
    pub(crate) shipped_at: Option<String>,
    pub(crate) delivered_at: Option<String>,
    pub(crate) cancelled_at: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) lines: Vec<Line>,
}

/// One product of an order, at the price of the moment it was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) product_id: String,
    pub(crate) quantity: i64,
    pub(crate) unit_price_cents: i64,
    #[serde(default)]
    pub(crate) discount_percent: i64,
}

/// The body of POST /orders.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placing {
    #[serde(default, deserialize_with = "given")]
    pub(crate) order_id: Option<String>,
    pub(crate) customer_id: String,
    pub(crate) lines: Vec<Line>,
}

/// The body of POST /orders/{id}/cancel.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancelling {
    pub(crate) reason: Option<String>,
}

/// The body of moves that need none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl Placing {
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if let Some(order_id) = &self.order_id {
            check_key("order_id", order_id)?;
        }
        check_key("customer_id", &self.customer_id)?;
        if self.lines.is_empty() || self.lines.len() > LINES_MAX {
            let lines = self.lines.len();
            return Err(Problem::invalid(format!(
                "the order has {lines} lines; 1 to {LINES_MAX} are allowed"
            )));
        }
        self.lines.iter().enumerate().try_for_each(|(index, line)| line.check(index))
    }
}

impl Line {
    fn check(&self, index: usize) -> Result<(), Problem> {
        check_key(&format!("lines[{index}].product_id"), &self.product_id)?;
        if self.quantity < 1 {
            let text = format!("lines[{index}].quantity is {}; it must be at least 1", self.quantity);
            return Err(Problem::invalid(text));
        }
        if self.unit_price_cents < 0 {
            let text = format!(
                "lines[{index}].unit_price_cents is {}; it cannot be negative",
                self.unit_price_cents
            );
            return Err(Problem::invalid(text));
        }
        if !(0..=100).contains(&self.discount_percent) {
            let text = format!(
                "lines[{index}].discount_percent is {}; 0 to 100 are possible",
                self.discount_percent
            );
            return Err(Problem::invalid(text));
        }
        Ok(())
    }
}

impl Order {
    /// The order after a move at `time`, or which moves are allowed instead.
    pub(crate) fn moved(&self, step: Move, time: &str, reason: Option<String>) -> Result<Order, Problem> {
        if !self.status.moves().contains(&step) {
            return Err(self.refused(step));
        }
        let mut order = Order { status: step.leads_to(), ..self.clone() };
        let time = Some(time.to_owned());
        match step {
            Move::Pay => order.paid_at = time,
            Move::Ship => order.shipped_at = time,
            Move::Deliver => order.delivered_at = time,
            Move::Cancel => (order.cancelled_at, order.reason) = (time, reason),
        }
        Ok(order)
    }

    fn refused(&self, step: Move) -> Problem {
        let allowed: Vec<&str> = self.status.moves().iter().map(|step| step.name()).collect();
        let instead = match allowed.as_slice() {
            [] => "nothing can be done with it any more".to_owned(),
            allowed => format!("allowed now: {}", allowed.join(", ")),
        };
        let (order_id, status, step) = (&self.order_id, self.status.name(), step.name());
        Problem::conflict(format!("the order {order_id:?} is {status}, {step} is not possible; {instead}"))
            .with("order_status", status)
            .with("allowed_moves", allowed)
    }

    pub(crate) fn json(&self) -> OrderJson<'_> {
        OrderJson {
            order_id: &self.order_id,
            customer_id: &self.customer_id,
            status: self.status.name(),
            total_cents: self.total_cents,
            placed_at: &self.placed_at,
            paid_at: self.paid_at.as_deref(),
            shipped_at: self.shipped_at.as_deref(),
            delivered_at: self.delivered_at.as_deref(),
            cancelled_at: self.cancelled_at.as_deref(),
            reason: self.reason.as_deref(),
            lines: &self.lines,
        }
    }
}

/// An order in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct OrderJson<'a> {
    order_id: &'a str,
    customer_id: &'a str,
    status: &'a str,
    total_cents: i64,
    placed_at: &'a str,
    paid_at: Option<&'a str>,
    shipped_at: Option<&'a str>,
    delivered_at: Option<&'a str>,
    cancelled_at: Option<&'a str>,
    reason: Option<&'a str>,
    lines: &'a [Line],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_goes_the_allowed_ways_only() {
        let ways: Vec<String> = Status::ALL
            .into_iter()
            .flat_map(|from| from.moves().iter().map(move |step| (from, step)))
            .map(|(from, step)| format!("{} -{}-> {}", from.name(), step.name(), step.leads_to().name()))
            .collect();
        assert_eq!(
            ways,
            [
                "placed -pay-> paid",
                "placed -cancel-> cancelled",
                "paid -ship-> shipped",
                "paid -cancel-> cancelled",
                "shipped -deliver-> delivered",
            ]
        );
    }

    #[test]
    fn names_of_states_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::named(status.name()), Some(status));
        }
        assert_eq!(Status::named("lost"), None);
    }
}
