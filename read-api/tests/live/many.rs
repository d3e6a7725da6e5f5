//! A thousand clients at once: one reader of the store for all of them.

use std::sync::Arc;
use std::time::Instant;

use prejoin_read_api::ApiSettings;
use serde_json::json;

use crate::follower::{Events, Mirror};
use crate::stage::{Server, VIEW, Writer};
use crate::stores::{Kind, Place};

const CLIENTS: usize = 1_000;
const OWNERS: usize = 20;
const TRANSACTIONS: usize = 3;
const ROWS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clients_are_told_what_each_is_to_see() {
    let place = Arc::new(Place::new(Kind::Sqlite));
    let mut writer = Writer::new(Arc::clone(&place)).await;
    for id in 0..ROWS {
        writer.set(&format!("{id:03}"), json!({ "owner": format!("o{}", id % OWNERS), "size": 0 }));
    }
    writer.commit().await;
    let server = Arc::new(Server::start(&place, ApiSettings::default()).await);
    let (began, resident) = (Instant::now(), resident_mib());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let path = format!("/live/v1/{VIEW}?owner=eq.o{}&select=id,size", number % OWNERS);
                let (mut events, mut mirror) = (Events::open(&server, &path, "").await, Mirror::default());
                while mirror.apply(&events.next().await.unwrap()).is_none() {}
                (events, mirror)
            })
        })
        .collect();
    let mut joined = Vec::new();
    for client in clients {
        joined.push(client.await.unwrap());
    }
    println!(
        "{CLIENTS} snapshots took {:?}; {} MiB more",
        began.elapsed(),
        resident_mib().saturating_sub(resident)
    );
    let began = Instant::now();
    let following: Vec<_> = joined
        .into_iter()
        .map(|(mut events, mut mirror)| {
            tokio::spawn(async move {
                while mirror.rows.values().any(|row| row["size"] != TRANSACTIONS) {
                    mirror.apply(&events.next().await.unwrap());
                }
                mirror
            })
        })
        .collect();
    for size in 1..=TRANSACTIONS {
        for id in 0..ROWS {
            writer.set(&format!("{id:03}"), json!({ "owner": format!("o{}", id % OWNERS), "size": size }));
        }
        writer.commit().await;
    }
    for client in following {
        let mirror = client.await.unwrap();
        assert_eq!((mirror.rows.len(), mirror.begun.len()), (ROWS / OWNERS, 1));
        assert_eq!(mirror.changes, TRANSACTIONS * ROWS / OWNERS);
    }
    println!(
        "{} changes told to {CLIENTS} clients in {:?}; {} MiB more",
        TRANSACTIONS * ROWS / OWNERS * CLIENTS,
        began.elapsed(),
        resident_mib().saturating_sub(resident)
    );
}

/// Of this process: server, writer and clients together.
fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) / 1024
}
