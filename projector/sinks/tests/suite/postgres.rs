//! What only a store in PostgreSQL does: native types and indexes, other sessions in the way, values that it refuses.

use std::time::Duration;

use prejoin_sinks::{StoreAddress, StoreError, StoreSnapshot, ViewStore};
use serde_json::json;
use sqlx::{Executor as _, PgConnection};

use crate::bench::{
    ALL, Bench, Built, LABELS, assert_equal, build, build_and_show, follow, generations, take_up,
};
use crate::stores::{Kind, Place};

#[tokio::test(flavor = "multi_thread")]
async fn columns_and_indexes_are_native() {
    let at = Place::new(Kind::Postgres);
    let bench = Bench::new();
    let mut store = at.open().await;
    build_and_show(&mut store, &bench.committed(), ALL).await;
    let columns = at
        .query(
            "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod)
                    || coalesce((SELECT ' ' || collname FROM pg_collation c WHERE c.oid = attcollation AND collname <> 'default'), ''),
                    E'\\n' ORDER BY attnum)
               FROM pg_attribute WHERE attrelid = '_g1_all_things'::regclass AND attnum > 0",
        )
        .await;
    assert_eq!(
        columns,
        [
            "_key bytea",
            "id text C",
            "flag boolean",
            "amount numeric",
            "ratio double precision",
            "label text C",
            "token uuid",
            "day date",
            "at timestamp with time zone",
            "extra jsonb",
            "share bigint",
            "small integer",
            "amounts numeric[]",
            "labels text[] C",
            "flags boolean[]",
            "times timestamp with time zone[]",
            "ratios double precision[]",
            "extras jsonb[]",
            "tokens uuid[]",
        ]
    );
    let indexes = at
        .query(
            "SELECT regexp_replace(indexdef, '.* USING ', '') FROM pg_indexes
              WHERE schemaname = current_schema() AND tablename = '_g1_all_things' ORDER BY indexname",
        )
        .await;
    assert_eq!(
        indexes,
        ["btree (amount DESC, label)", "btree (at, extra, amounts)", "gin (extra, labels)", "btree (_key)"]
    );
    assert_eq!(at.query("SELECT obj_description('all_things'::regclass)").await, ["All of it."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_readers_may_read_views_and_catalog_and_nothing_else() {
    let at = Place::new(Kind::Postgres);
    at.execute("CREATE ROLE \"a reader\"").await;
    let StoreAddress::Postgres { url, schema, .. } = at.address() else { panic!() };
    let address =
        StoreAddress::Postgres { url, schema: schema.clone(), reader_role: Some("a reader".to_owned()) };
    let mut bench = Bench::new();
    bench.set("x", json!({}));
    // A view that readers saw before the role was named.
    build_and_show(&mut at.open().await, &bench.committed(), LABELS).await;
    let mut store = ViewStore::open(&address).await.unwrap();
    build_and_show(&mut store, &bench.committed(), ALL).await;
    let changed = Bench::with_views("CREATE MATERIALIZED VIEW all_things AS SELECT label, id FROM things");
    build_and_show(&mut store, &changed.committed(), ALL).await;
    let mut reader = at.session().await;
    reader.execute("SET ROLE \"a reader\"").await.unwrap();
    for allowed in [
        "all_things",
        "labels",
        "_prejoin_store",
        "_prejoin_generations",
        "_prejoin_row_errors",
        "_prejoin_status",
    ] {
        let select = sqlx::AssertSqlSafe(format!("SELECT * FROM {allowed}"));
        assert!(reader.execute(select).await.is_ok(), "{allowed}");
    }
    for denied in [
        "SELECT * FROM _g2_all_things",
        "SELECT * FROM _prejoin_pending",
        "DELETE FROM labels",
        "UPDATE _prejoin_store SET epoch = 0",
        "CREATE TABLE mine (a int)",
    ] {
        let error = reader.execute(denied).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42501", "{denied}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_no_longer_the_readers_may_read_no_more() {
    let at = Place::new(Kind::Postgres);
    at.execute("CREATE ROLE first_reader; CREATE ROLE second_reader; CREATE ROLE other").await;
    let StoreAddress::Postgres { url, schema, .. } = at.address() else { panic!() };
    let address = |reader_role: Option<&str>| StoreAddress::Postgres {
        url: url.clone(),
        schema: schema.clone(),
        reader_role: reader_role.map(str::to_owned),
    };
    let may_read = async |role: &str| {
        let mut reader = at.session().await;
        reader.execute(sqlx::AssertSqlSafe(format!("SET ROLE {role}"))).await.unwrap();
        let view = reader.execute("SELECT * FROM labels").await.is_ok();
        (view, reader.execute("SELECT * FROM _prejoin_generations").await.is_ok())
    };
    let bench = Bench::new();
    build_and_show(&mut at.open().await, &bench.committed(), LABELS).await;
    // What others grant is theirs to take back.
    at.execute(&format!("GRANT USAGE ON SCHEMA \"{schema}\" TO other; GRANT SELECT ON labels TO other"))
        .await;
    for readers in [Some("first_reader"), Some("second_reader"), Some("second_reader"), None] {
        drop(ViewStore::open(&address(readers)).await.unwrap());
        for role in ["first_reader", "second_reader"] {
            let is_it = readers == Some(role);
            assert_eq!(may_read(role).await, (is_it, is_it), "{role} where {readers:?} reads");
        }
        assert_eq!(may_read("other").await, (true, false));
    }
    // A role that is gone is no reason to fail.
    drop(ViewStore::open(&address(Some("first_reader"))).await.unwrap());
    at.execute("DROP OWNED BY first_reader; DROP ROLE first_reader").await;
    assert!(ViewStore::open(&address(None)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_does_not_wait_for_a_reader_without_end_nor_make_others_wait() {
    let at = Place::new(Kind::Postgres);
    let mut bench = Bench::new();
    let mut store = at.open().await;
    build_and_show(&mut store, &bench.committed(), ALL).await;
    build_and_show(&mut store, &bench.committed(), LABELS).await;
    bench.set("x", json!({}));
    let all = build(&mut store, &bench.committed(), ALL).await;
    let mut labels = build(&mut store, &bench.committed(), LABELS).await;
    let before = generations(&mut store).await;

    let mut reader = at.reader().await;
    assert_eq!(reader.count("SELECT count(*) FROM labels").await, 0);
    let refused = store.make_current(&[all.named(), labels.named()], 1).await;
    assert!(matches!(refused, Err(StoreError::Held { .. })), "{refused:?}");
    assert_eq!(generations(&mut store).await, before);
    assert_eq!(
        at.query("SELECT (SELECT count(*) FROM labels), (SELECT count(*) FROM all_things)").await,
        ["0|0"]
    );
    // The store goes on.
    bench.set("y", json!({}));
    follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
    assert!(matches!(store.remove_view(LABELS).await, Err(StoreError::Held { .. })));
    reader.end().await;
    store.make_current(&[all.named(), labels.named()], 1).await.unwrap();
    assert_eq!(
        at.query("SELECT (SELECT count(*) FROM labels), (SELECT count(*) FROM all_things)").await,
        ["2|1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_built_on_a_view_goes_along() {
    let at = Place::new(Kind::Postgres);
    let mut bench = Bench::new();
    let mut store = at.open().await;
    build_and_show(&mut store, &bench.committed(), LABELS).await;
    at.execute("CREATE VIEW mine AS SELECT count(*) AS things FROM labels").await;
    bench.set("x", json!({}));
    build_and_show(&mut store, &bench.committed(), LABELS).await;
    assert_eq!(store.drop_retired(i64::MAX).await.unwrap().len(), 1);
    assert_eq!(at.query("SELECT things FROM mine").await, ["1"]);
    // What was built on a table itself keeps it.
    at.execute("CREATE VIEW hidden AS SELECT id FROM _g2_labels").await;
    build_and_show(&mut store, &bench.committed(), LABELS).await;
    assert!(store.drop_retired(i64::MAX).await.unwrap().is_empty());
    at.execute("DROP VIEW hidden").await;
    assert_eq!(store.drop_retired(i64::MAX).await.unwrap().len(), 1);
    // A view with other columns is in the way of what was built on it, and says so.
    let changed = Bench::with_views("CREATE MATERIALIZED VIEW labels AS SELECT label FROM things");
    let built = build(&mut store, &changed.committed(), LABELS).await;
    let refused = store.make_current(&[built.named()], 1).await.unwrap_err();
    assert!(refused.to_string().contains("other objects depend on it"), "{refused}");
    at.execute("DROP VIEW mine").await;
    store.make_current(&[built.named()], 1).await.unwrap();
}

/// Makes the next live write wait in the middle of its transaction until the returned session ends its own.
async fn hold_live_writes(at: &Place) -> PgConnection {
    let mut holder = at.session().await;
    holder.execute("BEGIN; SELECT * FROM _prejoin_generations FOR UPDATE").await.unwrap();
    holder
}

/// The process id of the session that waits for a lock in this schema.
async fn wait_for_waiting(at: &Place) -> String {
    for _ in 0..2_000 {
        let waiting = at
            .query(
                "SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.granted
                  WHERE a.application_name = 'prejoin projector' AND a.wait_event_type = 'Lock'
                    AND l.relation = '_prejoin_generations'::regclass LIMIT 1",
            )
            .await;
        if let Some(pid) = waiting.into_iter().next() {
            return pid;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_in_mid_transaction_leaves_nothing_of_it() {
    let at = Place::new(Kind::Postgres);
    let mut bench = Bench::new();
    let mut store = at.open().await;
    let mut built = build_and_show(&mut store, &bench.committed(), ALL).await;
    bench.set("x", json!({}));
    let committed = bench.committed();
    let mut holder = hold_live_writes(&at).await;
    let (lost, mut store) = tokio::join!(
        async {
            let lost = follow(&mut store, &committed, &mut [&mut built]).await;
            (lost, store)
        },
        async {
            let pid = wait_for_waiting(&at).await;
            at.query(&format!("SELECT pg_terminate_backend({pid})")).await;
        }
    )
    .0;
    assert!(matches!(lost, Err(StoreError::Database { .. })), "{lost:?}");
    assert!(matches!(store.write_status(1, "{}").await, Err(StoreError::Database { .. })));
    holder.execute("ROLLBACK").await.unwrap();

    let mut store = at.open().await;
    assert!(at.query("SELECT id FROM all_things").await.is_empty());
    let mut built = take_up(&mut store, &committed, ALL).await;
    follow(&mut store, &committed, &mut [&mut built]).await.unwrap();
    assert_eq!(at.query("SELECT id FROM all_things").await, ["x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_stuck_in_mid_transaction_is_ended_by_the_next_one() {
    let at = Place::new(Kind::Postgres);
    let mut bench = Bench::new();
    let mut store = at.open().await;
    let mut built = build_and_show(&mut store, &bench.committed(), ALL).await;
    // As a writer that stopped in the middle of a transaction, and holds what tells it that it is the writer.
    let mut stuck = at.session().await;
    stuck
        .execute(
            "SET application_name = 'prejoin projector'; BEGIN; SELECT epoch FROM _prejoin_store FOR SHARE",
        )
        .await
        .unwrap();
    let mut next = at.open().await;
    assert!(stuck.execute("COMMIT").await.is_err(), "its session is over");
    bench.set("x", json!({}));
    let refused = follow(&mut store, &bench.committed(), &mut [&mut built]).await;
    assert!(matches!(refused, Err(StoreError::Superseded { .. })), "{refused:?}");
    next.write_status(1, "{}").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_was_made_anew_is_not_written_to() {
    let at = Place::new(Kind::Postgres);
    let StoreAddress::Postgres { schema, .. } = at.address() else { panic!() };
    let mut old = at.open().await;
    old.write_status(1, "{}").await.unwrap();
    at.execute(&format!("DROP SCHEMA \"{schema}\" CASCADE")).await;
    let gone = old.write_status(1, "{}").await;
    assert!(matches!(gone, Err(StoreError::Database { .. })), "{gone:?}");
    let mut new = at.open().await;
    let replaced = old.write_status(1, "{}").await;
    assert!(matches!(replaced, Err(StoreError::Replaced { .. })), "{replaced:?}");
    new.write_status(1, "{}").await.unwrap();
    assert_eq!(at.query("SELECT epoch FROM _prejoin_store").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_an_error_to_try_again_after() {
    let folder = tempfile::tempdir().unwrap();
    let address = StoreAddress::Postgres {
        url: format!("postgres://me:secret@localhost/db?host={}", folder.path().display()),
        schema: "prejoin".to_owned(),
        reader_role: None,
    };
    let Err(error) = ViewStore::open(&address).await else { panic!() };
    assert!(matches!(error, StoreError::Database { .. }));
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(StoreSnapshot::open(&address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let at = Place::new(Kind::Postgres);
    at.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0").await;
    let StoreAddress::Postgres { url, schema, .. } = at.address() else { panic!() };
    let url = url.replace("/postgres?", "/latin?");
    let Err(refused) = ViewStore::open(&StoreAddress::Postgres { url, schema, reader_role: None }).await
    else {
        panic!()
    };
    assert!(refused.to_string().contains("the database's encoding is LATIN1"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_database_change_nothing() {
    let at = Place::new(Kind::Postgres);
    at.execute(
        "CREATE ROLE odd LOGIN;
         ALTER ROLE odd SET timezone = 'Asia/Tokyo';
         ALTER ROLE odd SET datestyle = 'German';
         ALTER ROLE odd SET extra_float_digits = -5;
         ALTER ROLE odd SET bytea_output = 'escape';
         ALTER ROLE odd SET standard_conforming_strings = off;
         ALTER ROLE odd SET synchronous_commit = off;
         ALTER ROLE odd SET default_transaction_isolation = 'serializable';
         ALTER ROLE odd SET default_transaction_read_only = on;
         ALTER ROLE odd SET statement_timeout = '1ms';
         GRANT CREATE ON DATABASE postgres TO odd;",
    )
    .await;
    let StoreAddress::Postgres { url, schema, .. } = at.address() else { panic!() };
    let url = url.replace("postgres://postgres@", "postgres://odd@");
    let mut bench = Bench::new();
    bench.set(
        "\\x\n'",
        json!({ "label": "a\\b'c", "ratio": 0.1, "day": "1996-07-04", "at": "1996-07-04 09:00:00.5Z" }),
    );
    let address = StoreAddress::Postgres { url, schema, reader_role: None };
    let mut store = ViewStore::open(&address).await.unwrap();
    let mut built = build_and_show(&mut store, &bench.committed(), ALL).await;
    bench.set("y", json!({ "label": "a\\b'c", "ratio": 1e-7, "at": "0044-03-15 12:00:00Z BC" }));
    follow(&mut store, &bench.committed(), &mut [&mut built]).await.unwrap();
    assert_eq!(assert_equal(&store, &bench.committed(), &built).await, 2);
}

/// Text that does not get shorter when it is compressed.
fn dense(length: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    };
    (0..length).map(|_| next()).collect()
}

/// Live and in bulk, a row that a declared index refuses fails alone.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_an_index_refuses_fail_alone() {
    let at = Place::new(Kind::Postgres);
    let mut bench = Bench::new();
    let mut store = at.open().await;
    let mut live = build_and_show(&mut store, &bench.committed(), LABELS).await;
    for id in 0..20 {
        bench.set(&format!("{id:02}"), json!({ "label": "short" }));
    }
    follow(&mut store, &bench.committed(), &mut [&mut live]).await.unwrap();
    bench.set("05", json!({ "label": dense(4_000) }));
    bench.set("06", json!({ "label": "changed" }));
    bench.set("07", json!({ "label": dense(2_500) }));
    bench.set("08", json!({ "label": "compressible ".repeat(1_000) }));
    bench.set("new", json!({ "label": dense(5_000) }));
    bench.remove("09");
    // So many that they go another way.
    for id in 0..1_100 {
        bench.set(&format!("z{id}"), json!({ "label": "short" }));
    }
    let committed = bench.committed();
    follow(&mut store, &committed, &mut [&mut live]).await.unwrap();
    assert_eq!(store.counts(LABELS, live.generation), Some((1_119, 2)));
    let stored = "SELECT id, CASE WHEN length(label) < 20 THEN label ELSE length(label)::text END FROM labels
                   WHERE id BETWEEN '04' AND '10' ORDER BY id";
    assert_eq!(
        at.query(stored).await,
        ["04|short", "05|short", "06|changed", "07|2500", "08|13000", "10|short"]
    );
    let errors = "SELECT count(*), min(error) LIKE '%the view store refuses it: index row size%' FROM _prejoin_row_errors WHERE generation = ";
    assert_eq!(at.query(&format!("{errors}1")).await, ["2|t"]);

    let mut built = build_and_show(&mut store, &committed, LABELS).await;
    assert_eq!(store.counts(LABELS, built.generation), Some((1_118, 2)), "05 had no good values before");
    assert_eq!(at.query(&format!("{errors}2")).await, ["2|t"]);
    assert_eq!(at.query(stored).await, ["04|short", "06|changed", "07|2500", "08|13000", "10|short"]);
    assert_eq!(at.tables().await, ["_g1_labels", "_g2_labels"]);
    assert_eq!(at.query("SELECT to_regclass('_prejoin_aside')").await, ["-"]);
    assert_eq!(at.query("SELECT rows FROM _prejoin_generations WHERE generation = 2").await, ["1118"]);

    // Good again.
    for id in ["05", "new"] {
        bench.set(id, json!({ "label": "short again" }));
    }
    follow(&mut store, &bench.committed(), &mut [&mut built]).await.unwrap();
    assert_eq!(store.counts(LABELS, built.generation), Some((1_120, 0)));
    assert_eq!(assert_equal(&store, &bench.committed(), &built).await, 1_120);
    assert_eq!(at.query(&format!("{errors}2")).await, ["0|-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_keys_are_too_long_fail_alone() {
    let at = Place::new(Kind::Postgres);
    let mut bench = Bench::with_views(
        "CREATE MATERIALIZED VIEW labels AS SELECT left(second, 5) AS second, label FROM wide",
    );
    let mut store = at.open().await;
    let mut live = build_and_show(&mut store, &bench.committed(), LABELS).await;
    let long = dense(1_000);
    for (key, label) in [("a", "first"), (&long, "too long"), ("b", "third")] {
        bench.set_wide([key, key, key], label);
    }
    follow(&mut store, &bench.committed(), &mut [&mut live]).await.unwrap();
    assert_eq!(store.counts(LABELS, live.generation), Some((2, 1)));
    let built = build_and_show(&mut store, &bench.committed(), LABELS).await;
    assert_eq!(store.counts(LABELS, built.generation), Some((2, 1)));
    for generation in [1, 2] {
        let rows = at.query(&format!("SELECT label FROM _g{generation}_labels ORDER BY label")).await;
        assert_eq!(rows, ["first", "third"]);
        let errors = format!("SELECT count(*) FROM _prejoin_row_errors WHERE generation = {generation}");
        assert_eq!(at.query(&errors).await, ["1"]);
    }
    bench.set_wide([&long, &long, &long], "still too long");
    let mut built = built;
    follow(&mut store, &bench.committed(), &mut [&mut built]).await.unwrap();
    assert_eq!(store.counts(LABELS, built.generation), Some((2, 1)));
}

/// Names as long as PostgreSQL keeps them, which tables of generations have to be told apart by.
#[tokio::test(flavor = "multi_thread")]
async fn long_names_are_kept_apart() {
    let at = Place::new(Kind::Postgres);
    let names = ["a", "b"].map(|end| format!("{}{end}", "v".repeat(62)));
    let views = names.clone().map(|name| {
        format!("CREATE MATERIALIZED VIEW {name} AS SELECT id, label FROM things; CREATE INDEX ON {name} (label); CREATE INDEX ON {name} (id);")
    });
    let mut bench = Bench::with_views(&views.join("\n"));
    bench.set("x", json!({ "label": "a" }));
    let mut store = at.open().await;
    let mut shown: Vec<Built> = Vec::new();
    for name in names {
        let name: &'static str = Box::leak(name.into_boxed_str());
        shown.push(build_and_show(&mut store, &bench.committed(), name).await);
    }
    for built in shown {
        assert_equal(&store, &bench.committed(), &built).await;
        assert_eq!(at.query(&format!("SELECT id FROM {}", built.view)).await, ["x"]);
    }
}
