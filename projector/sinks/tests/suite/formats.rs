//! Stores as earlier versions left them are taken over in place.

use prejoin_sinks::GenerationState::Current;
use serde_json::json;

use crate::bench::{Bench, LABELS, assert_equal, build_and_show, follow, generations, take_up};
use crate::stores::{Place, on_every_store};

on_every_store!(a_store_of_format_2_is_taken_over_in_place);

/// What stores of format 2 held: their schemas, and a generation that readers see.
const FORMAT_2_SQLITE: &str = include_str!("format_2.sql");
const FORMAT_2_POSTGRES: &str = include_str!("format_2_postgres.sql");

async fn a_store_of_format_2_is_taken_over_in_place(at: Place) {
    let mut bench = Bench::new();
    let fingerprint = crate::bench::view(&bench.committed(), LABELS).fingerprint.clone();
    let script = match &at {
        Place::File(_) => {
            at.create_file().await;
            FORMAT_2_SQLITE.to_owned()
        }
        Place::Schema(_, schema) => {
            format!("CREATE SCHEMA \"{schema}\"; SET search_path = \"{schema}\"; {FORMAT_2_POSTGRES}")
        }
    };
    at.execute(&script.replace("LABELS_FINGERPRINT", &fingerprint)).await;
    bench.set("a", json!({ "label": "one" }));
    bench.set("b", json!({ "label": "two" }));

    let mut store = at.open().await;
    assert_eq!(generations(&mut store).await, [(LABELS.to_owned(), 3, Current, 2)]);
    assert_eq!(at.query("SELECT format, epoch, state_directory FROM _prejoin_store").await, ["3|8|state.2"]);
    assert_eq!(at.query("SELECT search_index FROM _prejoin_generations").await, ["search/labels"]);
    let mut built = take_up(&mut store, &bench.committed(), LABELS).await;
    bench.set("c", json!({ "label": "three" }));
    follow(&mut store, &bench.committed(), &mut [&mut built]).await.unwrap();
    assert_eq!(at.query("SELECT id, label FROM labels ORDER BY id").await, ["a|one", "b|two", "c|three"]);
    assert_eq!(at.query("SELECT view, generation, rows FROM _prejoin_changes").await, ["labels|3|1"]);
    let next = build_and_show(&mut store, &bench.committed(), LABELS).await;
    assert_equal(&store, &bench.committed(), &next).await;
    store.close().await.unwrap();
    assert_eq!(generations(&mut at.open().await).await.len(), 2, "it is taken over once");
}
