//! An order, its states and its moves.

use prejoin_service::{Problem, check_key, given};
use serde::{Deserialize, Serialize};

const LINES_MAX: usize = 1000;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Placed,
    /// Its stock is reserved.
    Confirmed,
    /// Its stock could not be reserved, or not in time.
    Rejected,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// What can be done with an order once it is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// The catalog reserved the stock.
    Confirm,
    /// The catalog could not, or did not in time.
    Reject,
    /// Ask for the stock again.
    Retry,
    Pay,
    Ship,
    Deliver,
    Cancel,
}

impl Status {
    pub(crate) const ALL: [Status; 7] = [
        Status::Placed,
        Status::Confirmed,
        Status::Rejected,
        Status::Paid,
        Status::Shipped,
        Status::Delivered,
        Status::Cancelled,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Placed => "placed",
            Status::Confirmed => "confirmed",
            Status::Rejected => "rejected",
            Status::Paid => "paid",
            Status::Shipped => "shipped",
            Status::Delivered => "delivered",
            Status::Cancelled => "cancelled",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }

    /// The moves that lead on from here. An order from stock waits for the catalog, and once it is paid, its parcel may
    /// be on its way at any moment: it can no longer be cancelled.
    pub(crate) fn moves(self, from_stock: bool) -> &'static [Move] {
        match (self, from_stock) {
            (Status::Placed, true) => &[Move::Confirm, Move::Reject, Move::Cancel],
            (Status::Placed, false) | (Status::Confirmed, _) => &[Move::Pay, Move::Cancel],
            (Status::Rejected, _) => &[Move::Retry],
            (Status::Paid, true) => &[Move::Ship],
            (Status::Paid, false) => &[Move::Ship, Move::Cancel],
            (Status::Shipped, _) => &[Move::Deliver],
            (Status::Delivered | Status::Cancelled, _) => &[],
        }
    }
}

impl Move {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Move::Confirm => "confirm",
            Move::Reject => "reject",
            Move::Retry => "retry",
            Move::Pay => "pay",
            Move::Ship => "ship",
            Move::Deliver => "deliver",
            Move::Cancel => "cancel",
        }
    }

    pub(crate) fn leads_to(self) -> Status {
        match self {
            Move::Confirm => Status::Confirmed,
            Move::Reject => Status::Rejected,
            Move::Retry => Status::Placed,
            Move::Pay => Status::Paid,
            Move::Ship => Status::Shipped,
            Move::Deliver => Status::Delivered,
            Move::Cancel => Status::Cancelled,
        }
    }

    /// Whether clients make it; the others follow from events.
    pub(crate) fn is_command(self) -> bool {
        !matches!(self, Move::Confirm | Move::Reject)
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
    /// Until when the catalog may answer; nothing for an order that needs nothing from stock.
    pub(crate) reserve_by_ms: Option<i64>,
    /// How often stock was asked for.
    pub(crate) attempt: i64,
    pub(crate) confirmed_at: Option<String>,
    pub(crate) rejected_at: Option<String>,
    pub(crate) paid_at: Option<String>,
    pub(crate) shipped_at: Option<String>,
    pub(crate) delivered_at: Option<String>,
    pub(crate) cancelled_at: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) lines: Vec<Line>,
}

/// One product of an order, at the price of the moment it was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    pub(crate) product_id: String,
    pub(crate) quantity: i64,
    pub(crate) unit_price_cents: i64,
    pub(crate) discount_percent: i64,
    /// Whether the catalog is asked to reserve it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) from_stock: bool,
}

/// One product as it is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineWanted {
    product_id: String,
    quantity: i64,
    /// An agreed price, for what is made to order. Without one, the line is at the catalog's price and from its stock.
    #[serde(default, deserialize_with = "given")]
    unit_price_cents: Option<i64>,
    #[serde(default)]
    discount_percent: i64,
}

/// The body of POST /orders.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placing {
    #[serde(default, deserialize_with = "given")]
    pub(crate) order_id: Option<String>,
    pub(crate) customer_id: String,
    pub(crate) lines: Vec<LineWanted>,
}

/// The body of POST /orders/{id}/cancel.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancelling {
    pub(crate) reason: Option<String>,
}

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

impl LineWanted {
    /// The product whose price is to be taken from the catalog.
    pub(crate) fn product_to_price(&self) -> Option<&str> {
        self.unit_price_cents.is_none().then_some(self.product_id.as_str())
    }

    /// The line at its agreed price, or at the catalog's.
    pub(crate) fn priced(&self, catalog_price: Option<i64>) -> Option<Line> {
        Some(Line {
            product_id: self.product_id.clone(),
            quantity: self.quantity,
            unit_price_cents: self.unit_price_cents.or(catalog_price)?,
            discount_percent: self.discount_percent,
            from_stock: self.unit_price_cents.is_none(),
        })
    }

    fn check(&self, index: usize) -> Result<(), Problem> {
        check_key(&format!("lines[{index}].product_id"), &self.product_id)?;
        if self.quantity < 1 {
            let text = format!("lines[{index}].quantity is {}; it must be at least 1", self.quantity);
            return Err(Problem::invalid(text));
        }
        if let Some(price) = self.unit_price_cents.filter(|price| *price < 0) {
            let text = format!("lines[{index}].unit_price_cents is {price}; it cannot be negative");
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
    /// Whether something of it is reserved in the catalog.
    pub(crate) fn takes_from_stock(&self) -> bool {
        self.reserve_by_ms.is_some()
    }

    /// Whether a move is possible now.
    pub(crate) fn allows(&self, step: Move) -> bool {
        self.status.moves(self.takes_from_stock()).contains(&step)
    }

    /// The order after a move at `time`, or which moves are allowed instead.
    pub(crate) fn moved(&self, step: Move, time: &str, reason: Option<String>) -> Result<Order, Problem> {
        if !self.allows(step) {
            return Err(self.refused(step));
        }
        let mut order = Order { status: step.leads_to(), ..self.clone() };
        let time = Some(time.to_owned());
        match step {
            Move::Confirm => order.confirmed_at = time,
            Move::Reject => (order.rejected_at, order.reason) = (time, reason),
            Move::Retry => {
                order.attempt += 1;
                (order.rejected_at, order.reason) = (None, None);
            }
            Move::Pay => order.paid_at = time,
            Move::Ship => order.shipped_at = time,
            Move::Deliver => order.delivered_at = time,
            Move::Cancel => (order.cancelled_at, order.reason) = (time, reason),
        }
        Ok(order)
    }

    fn refused(&self, step: Move) -> Problem {
        let moves = self.status.moves(self.takes_from_stock());
        let allowed: Vec<&str> =
            moves.iter().filter(|step| step.is_command()).map(|step| step.name()).collect();
        let instead = match allowed.as_slice() {
            [] => "nothing can be done with it any more".to_owned(),
            allowed if moves.contains(&Move::Confirm) => {
                format!("it waits for its stock; allowed now: {}", allowed.join(", "))
            }
            allowed => format!("allowed now: {}", allowed.join(", ")),
        };
        let (order_id, status, step) = (&self.order_id, self.status.name(), step.name());
        Problem::conflict(format!("the order {order_id:?} is {status}, {step} is not possible; {instead}"))
            .with("order_status", status)
            .with("allowed_moves", allowed)
    }

    /// Until when the catalog may answer, as text.
    pub(crate) fn reserve_by(&self) -> Option<String> {
        let moment = jiff::Timestamp::from_millisecond(self.reserve_by_ms?).ok()?;
        Some(moment.to_string())
    }

    pub(crate) fn json(&self) -> OrderJson<'_> {
        OrderJson {
            order_id: &self.order_id,
            customer_id: &self.customer_id,
            status: self.status.name(),
            total_cents: self.total_cents,
            placed_at: &self.placed_at,
            reserve_by: self.reserve_by(),
            attempt: self.takes_from_stock().then_some(self.attempt),
            confirmed_at: self.confirmed_at.as_deref(),
            rejected_at: self.rejected_at.as_deref(),
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
    pub(crate) order_id: &'a str,
    customer_id: &'a str,
    status: &'a str,
    total_cents: i64,
    placed_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserve_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<i64>,
    confirmed_at: Option<&'a str>,
    rejected_at: Option<&'a str>,
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

    fn ways(from_stock: bool) -> Vec<String> {
        let moves = |from: Status| from.moves(from_stock).iter().map(move |step| (from, step));
        let ways = Status::ALL.into_iter().flat_map(moves);
        ways.map(|(from, step)| format!("{} -{}-> {}", from.name(), step.name(), step.leads_to().name()))
            .collect()
    }

    #[test]
    fn an_order_goes_the_allowed_ways_only() {
        let to_order = [
            "placed -pay-> paid",
            "placed -cancel-> cancelled",
            "confirmed -pay-> paid",
            "confirmed -cancel-> cancelled",
            "rejected -retry-> placed",
            "paid -ship-> shipped",
            "paid -cancel-> cancelled",
            "shipped -deliver-> delivered",
        ];
        let from_stock = [
            "placed -confirm-> confirmed",
            "placed -reject-> rejected",
            "placed -cancel-> cancelled",
            "confirmed -pay-> paid",
            "confirmed -cancel-> cancelled",
            "rejected -retry-> placed",
            "paid -ship-> shipped",
            "shipped -deliver-> delivered",
        ];
        assert_eq!(ways(false), to_order);
        assert_eq!(ways(true), from_stock);
    }

    #[test]
    fn names_of_states_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::named(status.name()), Some(status));
        }
        assert_eq!(Status::named("lost"), None);
    }
}
