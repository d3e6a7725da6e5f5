//! Clients that read over HTTP as fast as they are answered: connections that stay open, one request after another on each.
//!
//! They cost as little as can be, for they share the machine with the server that is measured.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::orders::{customers, order_id};
use crate::shop::Random;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// One order by its id.
    Key,
    /// The last 50 orders of a status.
    Page,
    /// The best 20 orders for the first digits of a customer's number.
    Search,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Api,
    Bare,
}

impl Asked {
    pub const ALL: [Asked; 3] = [Asked::Key, Asked::Page, Asked::Search];

    pub fn name(self) -> &'static str {
        match self {
            Asked::Key => "key look-up",
            Asked::Page => "page of 50",
            Asked::Search => "search page",
        }
    }

    /// The path of a request for something that exists.
    pub fn path(self, side: Side, orders: u64, random: &mut Random) -> String {
        match (self, side) {
            (Asked::Key, Side::Api) => {
                format!("/rest/v1/orders_with_customers?order_id=eq.{}", random_order(orders, random))
            }
            (Asked::Key, Side::Bare) => format!("/orders/{}", random_order(orders, random)),
            (Asked::Page, side) => {
                let status = ["placed", "paid"][usize::from(random.below(2) == 1)];
                match side {
                    Side::Api => format!(
                        "/rest/v1/orders_with_customers?status=eq.{status}&order=placed_at.desc&limit=50"
                    ),
                    Side::Bare => format!("/orders?status={status}"),
                }
            }
            (Asked::Search, side) => {
                let digits = (customers(orders) / 100).max(1);
                let number = digits + random.below(digits * 9);
                match side {
                    Side::Api => format!("/search/v1/orders_with_customers?q={number}"),
                    Side::Bare => format!("/search?q={number}"),
                }
            }
        }
    }
}

fn random_order(orders: u64, random: &mut Random) -> String {
    order_id(1 + random.below(orders))
}

/// What clients are to do.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub server: SocketAddr,
    pub asked: Asked,
    pub side: Side,
    pub orders: u64,
    pub clients: u64,
    pub duration: Duration,
    pub seed: u64,
}

/// What they saw.
#[derive(Debug, Default)]
pub struct Answers {
    pub seconds: f64,
    pub latencies_us: Vec<u32>,
}

impl Answers {
    pub fn add(&mut self, more: Answers) {
        self.seconds += more.seconds;
        self.latencies_us.extend(more.latencies_us);
    }

    pub fn per_second(&self) -> f64 {
        self.latencies_us.len() as f64 / self.seconds
    }

    /// Sorts.
    pub fn percentile_ms(&mut self, percent: usize) -> f64 {
        self.latencies_us.sort_unstable();
        let place = self.latencies_us.len().saturating_sub(1) * percent / 100;
        self.latencies_us.get(place).map_or(0.0, |us| f64::from(*us) / 1_000.0)
    }
}

/// Runs the clients in a process of their own, this program with these arguments, which calls `read_and_tell`.
pub fn in_own_process(arguments: &[String]) -> anyhow::Result<Answers> {
    let mut clients = Command::new(std::env::current_exe()?);
    let mut clients = clients.args(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
    let mut told = Vec::new();
    clients.stdout.take().context("it was asked for")?.read_to_end(&mut told)?;
    ensure!(clients.wait()?.success(), "the clients failed");
    let (seconds, latencies) = told.split_first_chunk::<8>().context("the clients told nothing")?;
    let latencies = latencies.as_chunks::<4>().0.iter();
    Ok(Answers {
        seconds: f64::from_le_bytes(*seconds),
        latencies_us: latencies.map(|us| u32::from_le_bytes(*us)).collect(),
    })
}

/// Reads, and tells `in_own_process` through standard output.
pub fn read_and_tell(reading: Reading) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(read(reading))?;
    let mut told = answers.seconds.to_le_bytes().to_vec();
    told.extend(answers.latencies_us.iter().flat_map(|us| us.to_le_bytes()));
    std::io::stdout().write_all(&told)?;
    Ok(())
}

async fn read(reading: Reading) -> anyhow::Result<Answers> {
    let begun = Instant::now();
    let ends_at = begun + reading.duration;
    let clients: Vec<_> =
        (0..reading.clients).map(|number| tokio::spawn(client(reading, number, ends_at))).collect();
    let mut latencies_us = Vec::new();
    for client in clients {
        latencies_us.extend(client.await??);
    }
    Ok(Answers { seconds: begun.elapsed().as_secs_f64(), latencies_us })
}

async fn client(reading: Reading, number: u64, ends_at: Instant) -> anyhow::Result<Vec<u32>> {
    let Reading { asked, side, orders, .. } = reading;
    let mut connection = Connection::open(reading.server).await?;
    let mut random = Random(reading.seed * 1_000 + number);
    let mut latencies_us = Vec::new();
    loop {
        let path = asked.path(side, orders, &mut random);
        let begun = Instant::now();
        if begun >= ends_at {
            return Ok(latencies_us);
        }
        let body = connection.get(&path).await?;
        // `[]` and `{"hits":[]}` would be answers about nothing.
        ensure!(body.len() > 20, "{path} found nothing: {}", String::from_utf8_lossy(body));
        latencies_us.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

/// Speaks just enough HTTP/1.1.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

const HEAD_END: &[u8] = b"\r\n\r\n";

impl Connection {
    pub async fn open(server: SocketAddr) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, received: Vec::with_capacity(1 << 16) })
    }

    /// The body of an answer that has a length.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<&[u8]> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        self.received.clear();
        let mut ends = None;
        loop {
            if let Some((body, end)) = ends
                && self.received.len() >= end
            {
                return Ok(&self.received[body..end]);
            }
            ensure!(self.stream.read_buf(&mut self.received).await? > 0, "{path}: cut off");
            if ends.is_none()
                && let Some(head) =
                    self.received.windows(HEAD_END.len()).position(|window| window == HEAD_END)
            {
                let body = head + HEAD_END.len();
                ends = Some((body, body + body_bytes(path, &self.received[..head])?));
            }
        }
    }
}

fn body_bytes(path: &str, head: &[u8]) -> anyhow::Result<usize> {
    let head = std::str::from_utf8(head)?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("{path}: {head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|digits| digits.parse().ok()).with_context(|| format!("{path} has no length: {head}"))
}
