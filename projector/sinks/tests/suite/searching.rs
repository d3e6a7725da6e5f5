//! Search indexes against an oracle that scans the rows and takes their words with the same analyzer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use prejoin_engine::{
    Committed, Follower, RowOutcome, SinkAttachment, StaleKeys, attach_sink, build_slice, recompute,
    stale_keys,
};
use prejoin_model::{Row, Value, to_text};
use prejoin_sinks::search::{
    IndexDefinition, IndexPlace, IndexRows, SearchError, SearchIndex, analyzer, found_directories, inspect,
};
use serde_json::json;
use tantivy::collector::DocSetCollector;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::TermQuery;
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::{Index, IndexWriter, TantivyDocument, Term};
use tempfile::TempDir;

use crate::bench::{Bench, computed, place, view};

const VIEW: &str = "searched";
const VIEWS: &str = "
CREATE MATERIALIZED VIEW searched AS
SELECT id, label, amount, extra, 100 / divisor AS share, ARRAY[label, id] AS names FROM things;
CREATE INDEX ON searched USING fulltext (label, names) WITH (language = 'english');
CREATE INDEX ON searched USING fulltext (amount, extra);
";
const HEAP_BYTES: usize = 16 << 20;

/// Key of a row by field and word.
type Words = BTreeMap<(usize, String), BTreeSet<Vec<u8>>>;

fn definition(committed: &Committed) -> IndexDefinition {
    IndexDefinition::of(view(committed, VIEW)).unwrap()
}

fn first_place() -> IndexPlace {
    IndexPlace { view: VIEW.to_owned(), generation: 1, number: 1 }
}

fn texts_of_json(json: &serde_json::Value, texts: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) => texts.push(text.clone()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| texts_of_json(value, texts)),
        serde_json::Value::Object(map) => map.values().for_each(|value| texts_of_json(value, texts)),
        _ => {}
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Jsonb(_) => {
            let mut texts = Vec::new();
            texts_of_json(&serde_json::from_str(&to_text(value).unwrap()).unwrap(), &mut texts);
            texts
        }
        Value::Array(array) => array.values().iter().filter_map(to_text).collect(),
        other => to_text(other).into_iter().collect(),
    }
}

/// What the index should have for these rows.
fn expected<'a>(definition: &IndexDefinition, rows: impl Iterator<Item = (&'a Bytes, &'a Row)>) -> Words {
    let places = [1, 5, 2, 3];
    let mut words = Words::new();
    for (key, row) in rows {
        for (number, column) in definition.columns.iter().enumerate() {
            for text in texts(&row[places[number]]) {
                analyzer(column.language).unwrap().token_stream(&text).process(&mut |token| {
                    words.entry((number, token.text.clone())).or_default().insert(key.to_vec());
                });
            }
        }
    }
    words
}

fn good(rows: &[(Bytes, RowOutcome)]) -> impl Iterator<Item = (&Bytes, &Row)> {
    rows.iter().filter_map(|(key, outcome)| match outcome {
        RowOutcome::Row(row) => Some((key, row)),
        RowOutcome::Absent | RowOutcome::Failed(_) => None,
    })
}

/// Every word of the index, as whoever searches finds it. Panics if a key is found twice.
fn found(directory: &Path) -> Words {
    let index = Index::open_in_dir(directory).unwrap();
    let searcher = index.reader().unwrap().searcher();
    let key_field = index.schema().get_field("_key").unwrap();
    let mut words = Words::new();
    for number in 0..4 {
        let field = index.schema().get_field(&format!("f{number}")).unwrap();
        let mut known: BTreeSet<Vec<u8>> = BTreeSet::new();
        for segment in searcher.segment_readers() {
            let inverted = segment.inverted_index(field).unwrap();
            let mut terms = inverted.terms().stream().unwrap();
            while terms.advance() {
                known.insert(terms.key().to_vec());
            }
        }
        for word in known {
            let word = String::from_utf8(word).unwrap();
            let query = TermQuery::new(Term::from_field_text(field, &word), IndexRecordOption::Basic);
            let mut keys = BTreeSet::new();
            for address in searcher.search(&query, &DocSetCollector).unwrap() {
                let document: TantivyDocument = searcher.doc(address).unwrap();
                let key = document.get_first(key_field).unwrap().as_bytes().unwrap().to_vec();
                assert!(keys.insert(key), "{word} is found twice in one row");
            }
            if !keys.is_empty() {
                words.insert((number, word), keys);
            }
        }
    }
    words
}

fn assert_is(directory: &Path, committed: &Committed) {
    let rows = computed(committed, VIEW);
    assert_eq!(found(directory), expected(&definition(committed), good(&rows)));
}

struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Home {
        Home { folder: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    fn directory(&self) -> PathBuf {
        first_place().path(self.data())
    }

    fn create(&self, committed: &Committed) -> SearchIndex {
        let base = committed.position();
        SearchIndex::create(self.data(), first_place(), &definition(committed), base, HEAP_BYTES).unwrap()
    }

    fn open(&self, committed: &Committed) -> Result<SearchIndex, SearchError> {
        SearchIndex::open(self.data(), first_place(), &definition(committed), HEAP_BYTES)
    }

    fn build(&self, committed: &Committed) -> (SearchIndex, Follower) {
        let mut index = self.create(committed);
        index.add_rows(&computed(committed, VIEW)).unwrap();
        index.commit_build(None).unwrap();
        (index, Follower::built_at(committed))
    }
}

/// Takes an index to the commit; returns where it stands then.
fn follow(
    index: &mut SearchIndex,
    committed: &Committed,
    follower: &Follower,
    slice_rows: usize,
) -> Follower {
    let place = place(committed, VIEW);
    let StaleKeys { keys, follower } = stale_keys(committed, place, follower, slice_rows).unwrap().unwrap();
    index.replace_rows(&recompute(committed, place, keys.into_iter()).unwrap()).unwrap();
    index.commit_following(&follower).unwrap();
    follower
}

fn attach(committed: &Committed, index: &SearchIndex) -> Follower {
    let stand = index.stand();
    let fingerprint = &view(committed, VIEW).fingerprint;
    let place = place(committed, VIEW);
    let attached =
        attach_sink(committed, place, fingerprint, &stand.followed, stand.pending.clone()).unwrap();
    let SinkAttachment::Follow(follower) = attached else { panic!("{attached:?}") };
    follower
}

fn some_things() -> Bench {
    let mut bench = Bench::with_views(VIEWS);
    bench.set("1", json!({ "label": "Running shoes, Größe 42", "amount": "10.50", "extra": { "tags": ["red", "Red wine"] } }));
    bench.set("2", json!({ "label": "He runs", "extra": "wine" }));
    bench.set("3", json!({ "amount": 10 }));
    bench.set(&"long ".repeat(200), json!({ "label": "long key" }));
    bench.set(&("long ".repeat(200) + "er"), json!({ "label": "longer key" }));
    bench
}

#[test]
fn an_index_follows_the_journal_over_restarts() {
    let (mut bench, home) = (some_things(), Home::new());
    let (mut index, mut follower) = home.build(&bench.committed());
    assert_is(&home.directory(), &bench.committed());
    let words = found(&home.directory());
    assert_eq!(words[&(0, "run".to_owned())].len(), 2, "{words:?}");
    assert_eq!(words[&(0, "gross".to_owned())].len(), 1, "{words:?}");
    assert_eq!(words[&(3, "wine".to_owned())].len(), 2, "{words:?}");

    for turn in 0..6 {
        bench.set("2", json!({ "label": format!("turn {turn}"), "amount": turn }));
        bench.set("1", json!({ "label": "first of the turn" }));
        bench.set("1", json!({ "label": "last of the turn" }));
        bench.set(&format!("n{turn}"), json!({ "label": "new" }));
        bench.set(&"long ".repeat(200), json!({ "label": format!("long key {turn}") }));
        if turn == 3 {
            bench.remove("n1");
            bench.remove("3");
        }
        follower = follow(&mut index, &bench.committed(), &follower, 100);
        assert_is(&home.directory(), &bench.committed());
        if turn % 2 == 0 {
            drop(index);
            index = home.open(&bench.committed()).unwrap();
            follower = attach(&bench.committed(), &index);
        }
    }
    let inspected = inspect(home.data(), &first_place().name()).unwrap();
    assert_eq!(inspected.position, *bench.committed().position());
    assert_eq!((inspected.is_complete, inspected.documents), (true, 9));
    assert_eq!(inspected.columns[0], ("label".to_owned(), "english".to_owned()));
    assert!(inspected.bytes > 0);
}

#[test]
fn what_was_not_committed_was_never_there() {
    let (mut bench, home) = (some_things(), Home::new());
    let (mut index, follower) = home.build(&bench.committed());
    let built = bench.committed();
    bench.set("2", json!({ "label": "other" }));
    bench.remove("1");
    let place = place(&built, VIEW);
    let stale = stale_keys(&bench.committed(), place, &follower, 100).unwrap().unwrap();
    index.replace_rows(&recompute(&bench.committed(), place, stale.keys.into_iter()).unwrap()).unwrap();
    drop(index);
    assert_is(&home.directory(), &built);
    let mut index = home.open(&built).unwrap();
    let follower = attach(&bench.committed(), &index);
    follow(&mut index, &bench.committed(), &follower, 100);
    assert_is(&home.directory(), &bench.committed());
}

/// Killed between the files of a commit and the one that makes it a commit, the same is committed again.
#[test]
fn a_commit_that_was_killed_is_repeated() {
    let (mut bench, home) = (some_things(), Home::new());
    let (index, follower) = home.build(&bench.committed());
    drop(index);
    let before = fs::read(home.directory().join("meta.json")).unwrap();
    bench.set("2", json!({ "label": "other" }));
    let mut index = home.open(&bench.committed()).unwrap();
    follow(&mut index, &bench.committed(), &follower, 100);
    drop(index);
    fs::write(home.directory().join("meta.json"), before).unwrap();
    let mut index = home.open(&bench.committed()).unwrap();
    let again = attach(&bench.committed(), &index);
    assert_eq!(again.followed, follower.followed);
    follow(&mut index, &bench.committed(), &again, 100);
    assert_is(&home.directory(), &bench.committed());
}

/// Killed before it could merge what it had committed, it leaves that to the next writer, which begins with it while it
/// makes its first commit.
#[test]
fn a_merge_that_a_kill_left_over_takes_back_nothing() {
    let (mut bench, home) = (some_things(), Home::new());
    let (mut index, follower) = home.build(&bench.committed());
    bench.set("a", json!({ "label": "old" }));
    bench.set("b", json!({ "label": "old" }));
    bench.set("c", json!({ "label": "old" }));
    let follower = follow(&mut index, &bench.committed(), &follower, 100);
    drop(index);
    let keys = |bench: &Bench| -> BTreeSet<Bytes> {
        computed(&bench.committed(), VIEW).into_iter().map(|(key, _)| key).collect()
    };
    let before = keys(&bench);
    bench.remove("b");
    remove_without_merging(&home.directory(), before.difference(&keys(&bench)).next().unwrap());

    let mut index = home.open(&bench.committed()).unwrap();
    bench.set("a", json!({ "label": "new" }));
    follow(&mut index, &bench.committed(), &follower, 100);
    // Its merges come to their end.
    drop(index);
    assert_is(&home.directory(), &bench.committed());
}

/// What a writer leaves that commits the removal of a row and is killed then.
fn remove_without_merging(directory: &Path, key: &[u8]) {
    let index = Index::open_in_dir(directory).unwrap();
    let payload = index.load_metas().unwrap().payload.unwrap();
    let mut writer: IndexWriter = index.writer_with_num_threads(1, HEAP_BYTES).unwrap();
    writer.set_merge_policy(Box::new(NoMergePolicy));
    writer.delete_term(Term::from_field_bytes(index.schema().get_field("_id").unwrap(), key));
    let mut commit = writer.prepare_commit().unwrap();
    commit.set_payload(&payload);
    commit.commit().unwrap();
}

#[test]
fn an_interrupted_build_goes_on_where_it_was() {
    let (mut bench, home) = (some_things(), Home::new());
    for number in 0..10 {
        bench.set(&format!("m{number}"), json!({ "label": format!("old {number}") }));
    }
    let base = bench.committed();
    let place = place(&base, VIEW);
    let mut index = home.create(&base);
    drop(home.open(&base).err().expect("a directory without a commit is no index"));
    let slice = build_slice(&base, place, None, 6).unwrap();
    index.add_rows(&slice.rows).unwrap();
    index.commit_build(slice.next).unwrap();
    // Not committed: done again.
    index.add_rows(&build_slice(&base, place, None, 3).unwrap().rows).unwrap();
    drop(index);

    for number in 0..10 {
        bench.set(&format!("m{number}"), json!({ "label": format!("new {number}") }));
    }
    bench.remove("m3");
    let mut index = home.open(&base).unwrap();
    let follower = attach(&bench.committed(), &index);
    let IndexRows::Building { cursor: Some(cursor) } = index.stand().rows.clone() else {
        panic!("{:?}", index.stand())
    };
    let slice = build_slice(&bench.committed(), place, Some(&cursor), usize::MAX).unwrap();
    assert!(slice.rows.len() < 15);
    index.add_rows(&slice.rows).unwrap();
    index.commit_build(None).unwrap();
    assert_eq!(index.stand().followed, *base.position());
    follow(&mut index, &bench.committed(), &follower, 100);
    assert_is(&home.directory(), &bench.committed());
}

#[test]
fn a_row_that_fails_keeps_its_last_good_words() {
    let (mut bench, home) = (some_things(), Home::new());
    let (mut index, follower) = home.build(&bench.committed());
    let before = found(&home.directory());
    bench.set("1", json!({ "label": "fails now", "divisor": 0 }));
    let follower = follow(&mut index, &bench.committed(), &follower, 100);
    assert_eq!(found(&home.directory()), before);
    bench.set("1", json!({ "label": "is good again" }));
    follow(&mut index, &bench.committed(), &follower, 100);
    assert_is(&home.directory(), &bench.committed());
}

#[test]
fn another_meaning_is_not_gone_on_with() {
    let (bench, home) = (some_things(), Home::new());
    drop(home.build(&bench.committed()));
    let fingerprint = |views: &str| {
        let committed = Bench::with_views(views).committed();
        (definition(&committed).fingerprint, view(&committed, VIEW).fingerprint.clone())
    };
    let (index, table) = fingerprint(VIEWS);
    for changed in [
        VIEWS.replace("'english'", "'german'"),
        VIEWS.replace("(amount, extra)", "(extra, amount)"),
        VIEWS.replace("(amount, extra)", "(extra)"),
    ] {
        let (other_index, other_table) = fingerprint(&changed);
        assert_ne!(other_index, index, "{changed}");
        assert_eq!(other_table, table, "{changed}");
        let committed = Bench::with_views(&changed).committed();
        assert!(matches!(home.open(&committed), Err(SearchError::Unusable { .. })));
    }
    let (other_index, other_table) = fingerprint(&VIEWS.replace("100 /", "200 /"));
    assert!(other_index != index && other_table != table);
    drop(home.open(&bench.committed()).unwrap());
}

#[test]
fn two_do_not_write_one_index() {
    let (bench, home) = (some_things(), Home::new());
    let (index, _) = home.build(&bench.committed());
    assert!(matches!(home.open(&bench.committed()), Err(SearchError::Busy { .. })));
    drop(index);
    drop(home.open(&bench.committed()).unwrap());
}

/// Every file in turn is cut, emptied, changed, or removed: it is found out, or does not matter.
#[test]
fn damage_is_found_before_it_is_searched() {
    let mut bench = some_things();
    let home = Home::new();
    let (mut index, follower) = home.build(&bench.committed());
    bench.set("2", json!({ "label": "a second segment" }));
    bench.remove("3");
    follow(&mut index, &bench.committed(), &follower, 100);
    drop(index);
    let (original, damaged) = (Home::new(), Home::new());
    copy(&home.directory(), &original.directory());
    let entries = fs::read_dir(original.directory()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let mut noticed = 0;
    for name in names {
        for damage in 0..4 {
            fs::remove_dir_all(damaged.data().join("search")).unwrap_or_default();
            copy(&original.directory(), &damaged.directory());
            let path = damaged.directory().join(&name);
            let mut bytes = fs::read(&path).unwrap();
            match damage {
                0 => bytes.truncate(bytes.len() / 2),
                1 => bytes.clear(),
                2 => {
                    let middle = bytes.len() / 2;
                    bytes.get_mut(middle).into_iter().for_each(|byte| *byte ^= 1);
                }
                _ => {}
            }
            if damage == 3 {
                fs::remove_file(&path).unwrap();
            } else {
                fs::write(&path, bytes).unwrap();
            }
            let opened = catch_unwind(AssertUnwindSafe(|| damaged.open(&bench.committed())));
            match opened {
                Ok(Ok(index)) => {
                    drop(index);
                    assert_is(&damaged.directory(), &bench.committed());
                }
                Ok(Err(_)) | Err(_) => noticed += 1,
            }
        }
    }
    assert!(noticed >= 20, "only {noticed} of the damages were noticed");
    fs::remove_dir_all(damaged.directory()).unwrap();
    assert!(damaged.open(&bench.committed()).is_err());
    assert!(found_directories(damaged.data()).unwrap().is_empty());
    assert_eq!(found_directories(original.data()).unwrap().len(), 1);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A history of small numbers, so that keys and words collide; a restart after some commits.
#[test]
fn any_history_leaves_what_the_rows_say() {
    for seed in [1, 2, 3] {
        let mut chance = seed;
        let mut pick = |below: u64| {
            chance = u64::wrapping_add(chance, 0x9e37_79b9_7f4a_7c15);
            let mixed = (chance ^ (chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed ^ (mixed >> 27)) % below
        };
        let (mut bench, home) = (Bench::with_views(VIEWS), Home::new());
        bench.set("0", json!({}));
        let (mut index, mut follower) = home.build(&bench.committed());
        for turn in 0..40 {
            for _ in 0..pick(5) {
                let id = pick(6).to_string();
                if pick(4) == 0 {
                    bench.remove(&id);
                } else {
                    let words = ["run", "Running", "naïve", "wine", "42", ""];
                    let mut word = || words[usize::try_from(pick(6)).unwrap()];
                    let (label, extra) = (format!("{} {}", word(), word()), json!([word(), { "a": word() }]));
                    bench.set(&id, json!({ "label": label, "extra": extra, "amount": pick(3) }));
                }
            }
            follower = follow(&mut index, &bench.committed(), &follower, 100);
            if pick(3) == 0 {
                drop(index);
                index = home.open(&bench.committed()).unwrap();
                follower = attach(&bench.committed(), &index);
            }
            let rows = computed(&bench.committed(), VIEW);
            let wanted = expected(&definition(&bench.committed()), good(&rows));
            assert_eq!(found(&home.directory()), wanted, "seed {seed}, turn {turn}");
        }
    }
}
