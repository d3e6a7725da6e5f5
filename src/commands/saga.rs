//! `prejoin saga`: where the orders stand that asked for stock, as the services that take part tell it.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;

use crate::output::line;
use crate::settings::Settings;

const ANSWER_WAIT: Duration = Duration::from_secs(5);
const PAGE: usize = 500;

#[derive(Debug, Subcommand)]
pub(crate) enum SagaCommand {
    /// List the orders that asked for stock, one a line
    List(ListFlags),
    /// Show one order with its reservation and its shipment
    Show(OneFlags),
    /// Ask for the stock of a rejected order again
    Retry(OneFlags),
}

#[derive(Debug, Args)]
pub(crate) struct ListFlags {
    /// Only orders in this state: placed, confirmed, rejected, paid, shipped, delivered or cancelled
    #[arg(long, value_name = "STATE")]
    status: Option<String>,
    #[command(flatten)]
    addresses: Addresses,
}

#[derive(Debug, Args)]
pub(crate) struct OneFlags {
    /// The order
    order_id: String,
    #[command(flatten)]
    addresses: Addresses,
}

#[derive(Debug, Args)]
struct Addresses {
    /// Address of the orders service [default: as in prejoin.toml]
    #[arg(long, value_name = "URL")]
    orders_url: Option<String>,
    /// Address of the catalog service [default: as in prejoin.toml]
    #[arg(long, value_name = "URL")]
    catalog_url: Option<String>,
    /// Address of the shipping service [default: as in prejoin.toml]
    #[arg(long, value_name = "URL")]
    shipping_url: Option<String>,
}

pub(crate) async fn run(command: SagaCommand, settings: Settings) -> anyhow::Result<()> {
    match command {
        SagaCommand::List(ListFlags { status, addresses }) => {
            list(&Services::new(addresses, &settings)?, status.as_deref()).await
        }
        SagaCommand::Show(OneFlags { order_id, addresses }) => {
            show(&Services::new(addresses, &settings)?, &order_id).await
        }
        SagaCommand::Retry(OneFlags { order_id, addresses }) => {
            retry(&Services::new(addresses, &settings)?, &order_id).await
        }
    }
}

async fn list(services: &Services, status: Option<&str>) -> anyhow::Result<()> {
    let mut after = String::new();
    loop {
        let path = format!("/v1/sagas?limit={PAGE}{after}");
        let page = services.ask(Method::GET, "orders", &path).await?;
        let page = page.with_context(|| format!("{} does not know {path}", services.orders))?;
        for order in page["items"].as_array().into_iter().flatten() {
            if status.is_none_or(|status| order["status"] == status) {
                line(summary(order))?;
            }
        }
        let Some(next) = page["next"].as_str() else { return Ok(()) };
        after = format!("&after={next}");
    }
}

async fn show(services: &Services, order_id: &str) -> anyhow::Result<()> {
    let key = escaped(order_id);
    let Some(order) = services.ask(Method::GET, "orders", &format!("/v1/orders/{key}")).await? else {
        bail!("there is no order {order_id:?}");
    };
    line(summary(&order))?;
    for moment in ["placed_at", "reserve_by", "confirmed_at", "rejected_at", "paid_at", "cancelled_at"] {
        if let Some(time) = order[moment].as_str() {
            line(format!("  {:<13} {time}", moment.trim_end_matches("_at")))?;
        }
    }
    // A service that is away must not hide what the others say.
    for (service, collection, label) in
        [("catalog", "reservations", "reservation"), ("shipping", "shipments", "shipment")]
    {
        let told = match services.ask(Method::GET, service, &format!("/v1/{collection}/{key}")).await {
            Ok(Some(found)) => reserved_or_shipped(&found),
            Ok(None) => "none".to_owned(),
            Err(error) => format!("unknown: {error:#}"),
        };
        line(format!("  {label:<13} {told}"))?;
    }
    Ok(())
}

async fn retry(services: &Services, order_id: &str) -> anyhow::Result<()> {
    let path = format!("/v1/orders/{}/retry", escaped(order_id));
    match services.ask(Method::POST, "orders", &path).await? {
        Some(order) => line(summary(&order)),
        None => bail!("there is no order {order_id:?}"),
    }
}

fn summary(order: &Value) -> String {
    let text = |field: &str| order[field].as_str().unwrap_or("-").to_owned();
    let reason = order["reason"].as_str().map(|reason| format!("  {reason}")).unwrap_or_default();
    format!("{}  {:<9}  attempt {}{reason}", text("order_id"), text("status"), order["attempt"])
}

fn reserved_or_shipped(found: &Value) -> String {
    let state = found["state"].as_str().or(found["status"].as_str()).unwrap_or("-");
    match found["reason"].as_str() {
        Some(reason) => format!("{state}: {reason}"),
        None => state.to_owned(),
    }
}

/// A key as it stands in a path.
fn escaped(key: &str) -> String {
    prejoin_service::location("", key).rsplit('/').next().unwrap_or_default().to_owned()
}

struct Services {
    client: Client,
    orders: String,
    catalog: String,
    shipping: String,
}

impl Services {
    fn new(addresses: Addresses, settings: &Settings) -> anyhow::Result<Services> {
        let url = |given: Option<String>, service| given.unwrap_or_else(|| settings.service_url(service));
        Ok(Services {
            client: Client::builder().timeout(ANSWER_WAIT).build().context("no HTTP client")?,
            orders: url(addresses.orders_url, "orders"),
            catalog: url(addresses.catalog_url, "catalog"),
            shipping: url(addresses.shipping_url, "shipping"),
        })
    }

    /// What a service answers; nothing if it does not have it.
    async fn ask(&self, method: Method, service: &str, path: &str) -> anyhow::Result<Option<Value>> {
        let base = match service {
            "catalog" => &self.catalog,
            "shipping" => &self.shipping,
            _ => &self.orders,
        };
        let url = format!("{}{path}", base.trim_end_matches('/'));
        let sent = self.client.request(method, &url).send().await;
        let response = sent.with_context(|| format!("the {service} service does not answer at {base}"))?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(response, service).await.map(Some)
    }
}

async fn read(response: Response, service: &str) -> anyhow::Result<Value> {
    let status = response.status();
    let text = response.text().await?;
    let answer: Value = serde_json::from_str(&text)
        .with_context(|| format!("the {service} service answers {status} with something that is not JSON"))?;
    if !status.is_success() {
        bail!("the {service} service refuses: {}", answer["detail"].as_str().unwrap_or(&text));
    }
    Ok(answer)
}
