//! A shipment, its states and its moves.

use prejoin_service::{Problem, check_text};
use serde::{Deserialize, Serialize};

/// Where a shipment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Created,
    Dispatched,
    Delivered,
    Cancelled,
}

/// A shipment as stored and as answered. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shipment {
    pub(crate) order_id: String,
    pub(crate) shipment_id: String,
    pub(crate) status: Status,
    /// Whether the order is paid.
    pub(crate) paid: bool,
    pub(crate) carrier: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) freight_cents: Option<i64>,
    pub(crate) created_at: String,
    pub(crate) dispatched_at: Option<String>,
    pub(crate) delivered_at: Option<String>,
    pub(crate) cancelled_at: Option<String>,
}

/// The body of POST /shipments/{order_id}/dispatch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dispatch {
    carrier: String,
    city: Option<String>,
    country: Option<String>,
    freight_cents: Option<i64>,
}

impl Status {
    pub(crate) const ALL: [Status; 4] =
        [Status::Created, Status::Dispatched, Status::Delivered, Status::Cancelled];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::Dispatched => "dispatched",
            Status::Delivered => "delivered",
            Status::Cancelled => "cancelled",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl Shipment {
    /// The shipment of an order that was confirmed. An order has one at most, so its id follows from the order's.
    pub(crate) fn of(order_id: &str, time: &str) -> Shipment {
        Shipment {
            order_id: order_id.to_owned(),
            shipment_id: format!("S{order_id}"),
            status: Status::Created,
            paid: false,
            carrier: None,
            city: None,
            country: None,
            freight_cents: None,
            created_at: time.to_owned(),
            dispatched_at: None,
            delivered_at: None,
            cancelled_at: None,
        }
    }

    /// The shipment on its way.
    pub(crate) fn dispatched(&self, dispatch: Dispatch, time: &str) -> Result<Shipment, Problem> {
        let Dispatch { carrier, city, country, freight_cents } = dispatch;
        for (field, text) in
            [("carrier", Some(&carrier)), ("city", city.as_ref()), ("country", country.as_ref())]
        {
            check_text(field, text.map(String::as_str).unwrap_or_default())?;
        }
        if let Some(freight) = freight_cents.filter(|freight| *freight < 0) {
            return Err(Problem::invalid(format!("freight_cents is {freight}; it cannot be negative")));
        }
        self.must_be(Status::Created, "dispatch")?;
        if !self.paid {
            return Err(Problem::conflict(format!("the order {:?} is not paid yet", self.order_id)));
        }
        Ok(Shipment {
            status: Status::Dispatched,
            carrier: Some(carrier),
            city,
            country,
            freight_cents,
            dispatched_at: Some(time.to_owned()),
            ..self.clone()
        })
    }

    /// The shipment at its destination.
    pub(crate) fn delivered(&self, time: &str) -> Result<Shipment, Problem> {
        self.must_be(Status::Dispatched, "deliver")?;
        Ok(Shipment { status: Status::Delivered, delivered_at: Some(time.to_owned()), ..self.clone() })
    }

    /// The shipment of an order that was cancelled, unless it is gone already.
    pub(crate) fn cancelled(&self, time: &str) -> Option<Shipment> {
        let cancelled = Some(time.to_owned());
        (self.status == Status::Created).then(|| Shipment {
            status: Status::Cancelled,
            cancelled_at: cancelled,
            ..self.clone()
        })
    }

    fn must_be(&self, status: Status, step: &str) -> Result<(), Problem> {
        match self.status == status {
            true => Ok(()),
            false => Err(Problem::conflict(format!(
                "the shipment of {:?} is {}, {step} is not possible",
                self.order_id,
                self.status.name()
            ))
            .with("shipment_status", self.status.name())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shipment_leaves_when_it_is_paid_and_is_cancelled_before_only() {
        let dispatch = || Dispatch { carrier: "C".into(), city: None, country: None, freight_cents: Some(1) };
        let created = Shipment::of("1", "t");
        assert!(created.dispatched(dispatch(), "t").is_err());
        assert!(created.delivered("t").is_err());
        let paid = Shipment { paid: true, ..created.clone() };
        let gone = paid.dispatched(dispatch(), "t").unwrap();
        assert_eq!((gone.status, gone.cancelled("t")), (Status::Dispatched, None));
        assert_eq!(gone.delivered("t").unwrap().status, Status::Delivered);
        let cancelled = created.cancelled("t").unwrap();
        assert!(Shipment { paid: true, ..cancelled }.dispatched(dispatch(), "t").is_err());
    }
}
