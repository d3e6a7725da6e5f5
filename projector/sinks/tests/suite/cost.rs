//! What recent changes cost a live transaction: measured, not judged. Run with `--ignored --nocapture`, better in release.

use std::time::{Duration, Instant};

use prejoin_sinks::ChangeBounds;
use serde_json::json;

use crate::bench::{ALL, Bench, build_and_show, follow};
use crate::stores::{Kind, Place};

const ROWS: usize = 5_000;
const TRANSACTIONS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn changes_beside_none() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        for rows in [1, 20, 500] {
            let at = Place::new(kind);
            let mut bench = Bench::new();
            for id in 0..ROWS {
                bench.set(&format!("{id:05}"), json!({ "label": "first", "amount": "1.5" }));
            }
            let mut store = at.open().await;
            let mut built = build_and_show(&mut store, &bench.committed(), ALL).await;
            let mut spent = [Duration::ZERO; 2];
            let mut next = 0;
            // Turn by turn, so that whatever else the machine does disturbs both alike.
            for turn in 0..2 * TRANSACTIONS {
                let transaction_rows_max = if turn % 2 == 0 { 10_000 } else { 0 };
                store.bound_changes(ChangeBounds { transaction_rows_max, ..ChangeBounds::default() });
                for _ in 0..rows {
                    next = (next + 7) % ROWS;
                    let label = format!("label {turn}");
                    bench.set(
                        &format!("{next:05}"),
                        json!({ "label": label, "amount": "2.5", "extra": { "a": [1, 2] } }),
                    );
                }
                let committed = bench.committed();
                let began = Instant::now();
                follow(&mut store, &committed, &mut [&mut built]).await.unwrap();
                spent[turn % 2] += began.elapsed();
            }
            let each = spent.map(|spent| spent.as_secs_f64() * 1e6 / TRANSACTIONS as f64);
            println!(
                "{kind:?}, {rows} rows: {:.0} µs with changes, {:.0} µs without, ratio {:.2}",
                each[0],
                each[1],
                each[0] / each[1]
            );
        }
    }
}
