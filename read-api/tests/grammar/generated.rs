//! Requests that nobody wrote: never a failure of the server, and the same answer from both stores.
//!
//! `PREJOIN_GENERATED` says how many, and draws other ones each time; `PREJOIN_SEED` repeats such a run.

use crate::case::{Case, request};
use crate::rows::Stores;
use crate::served::Served;

const REQUESTS: usize = 400;

const COLUMNS: [&str; 18] = [
    "id",
    "b",
    "i",
    "n",
    "d",
    "f",
    "t",
    "u",
    "day",
    "at",
    "j",
    "tags",
    "amounts",
    "numbers",
    "j->k",
    "j->>n",
    "j->list->0",
    "zzz",
];
const OPERATORS: [&str; 24] = [
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "like",
    "ilike",
    "match",
    "imatch",
    "in",
    "is",
    "isdistinct",
    "cs",
    "cd",
    "ov",
    "eq(any)",
    "lt(all)",
    "like(any)",
    "sl",
    "adj",
    "fts",
    "plfts(english)",
    "nonsense",
];
const VALUES: [&str; 30] = [
    "",
    "1",
    "-1",
    "2147483648",
    "9223372036854775807",
    "1.10",
    "NaN",
    "infinity",
    "true",
    "null",
    "unknown",
    "apple",
    "*pp*",
    "a%",
    "\\",
    "2024-02-29",
    "1996-07-04T09:00:00+02:00",
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "{1,2}",
    "{apple,\"a\"}",
    "{}",
    "(1,2)",
    "(apple,\"x,y\")",
    "()",
    "{\"k\":\"v\"}",
    "[1]",
    "'; DROP TABLE things; --",
    "größe 日本 😀",
    "(((",
    "$1 ? :x @y",
];
const SELECTIONS: [&str; 16] = [
    "*",
    "id",
    "id,t",
    "x:i::text",
    "j->k,j->>n",
    "count()",
    "d.sum()",
    "i.avg()",
    "b,count()",
    "at.date_trunc(month),count()",
    "f::numeric.sum()",
    "t.max()",
    "tags",
    "id,i::numeric,f::text",
    "u::int",
    "id,users(x)",
];
const ORDERS: [&str; 10] = [
    "id",
    "d.desc,id",
    "j->n.nullsfirst,id",
    "t.desc.nullslast",
    "amounts,id",
    "count().desc",
    "i.sum()",
    "zzz",
    "id.up",
    "f,id",
];

struct Chance(u64);

impl Chance {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn filter(&mut self, assign: char) -> String {
        let not = if self.one_in(5) { "not." } else { "" };
        format!("{}{assign}{not}{}.{}", self.of(&COLUMNS), self.of(&OPERATORS), encoded(self.of(&VALUES)))
    }

    fn logic(&mut self, depth: usize) -> String {
        let members: Vec<String> = (0..1 + self.below(3))
            .map(|_| if depth > 0 && self.one_in(3) { self.logic(depth - 1) } else { self.filter('.') })
            .collect();
        format!("{}({})", self.of(&["and", "or", "not.and", "not.or"]), members.join(","))
    }

    fn target(&mut self) -> String {
        let mut parameters = Vec::new();
        if !self.one_in(3) {
            parameters.push(format!("select={}", self.of(&SELECTIONS)));
        }
        for _ in 0..self.below(3) {
            parameters.push(self.filter('='));
        }
        if self.one_in(4) {
            let logic = self.logic(2);
            let (operator, members) = logic.split_once('(').unwrap();
            parameters.push(format!("{operator}=({members}"));
        }
        if self.one_in(2) {
            parameters.push(format!("order={}", self.of(&ORDERS)));
        }
        if self.one_in(4) {
            parameters
                .push(format!("limit={}", self.of(&["0", "1", "3", "-2", "x", "99999999999999999999"])));
        }
        if self.one_in(5) {
            parameters.push(format!("offset={}", self.of(&["0", "2", "100", "-1", "18446744073709551616"])));
        }
        if self.one_in(12) {
            parameters.push(format!(
                "having=({})",
                self.of(&["count().gt.1", "d.sum().lt.5", "id.eq.a", "count()"])
            ));
        }
        let view = if self.one_in(10) { self.of(&["nothing", "odd", "zzz"]) } else { "things" };
        format!("{view}?{}", parameters.join("&"))
    }

    fn case(&mut self) -> Case {
        let mut case = request("generated", 0, if self.one_in(10) { "HEAD" } else { "GET" }, &self.target());
        if self.one_in(3) {
            case.headers.push((
                "Prefer".to_owned(),
                self.of(&["count=exact", "handling=strict, x", "count=exact, handling=lenient"]).to_owned(),
            ));
        }
        if self.one_in(4) {
            let forms = [
                "text/csv",
                "application/vnd.pgrst.object+json",
                "application/vnd.pgrst.array+json;nulls=stripped",
                "application/x-ndjson",
                "image/png",
            ];
            case.headers.push(("Accept".to_owned(), self.of(&forms).to_owned()));
        }
        if self.one_in(8) {
            case.headers.push(("Range".to_owned(), self.of(&["0-1", "5-1", "3-", "x"]).to_owned()));
        }
        case
    }
}

fn encoded(value: &str) -> String {
    value.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('#', "%23")
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_nobody_wrote_are_answered_alike_and_never_by_a_failure() {
    let requests = setting("PREJOIN_GENERATED");
    let seed = setting("PREJOIN_SEED").unwrap_or_else(|| match requests {
        None => 1,
        Some(_) => {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            u64::from(since.subsec_nanos())
        }
    });
    let requests = requests.map_or(REQUESTS, |requests| usize::try_from(requests).unwrap());
    println!("PREJOIN_SEED={seed}");
    let stores = Stores::write().await;
    let served = Served::start(&stores).await;
    let mut chance = Chance(seed);
    let (mut answered, mut problems) = (0, Vec::new());
    for _ in 0..requests {
        let case = chance.case();
        let (sqlite, postgres) = served.ask(&case).await;
        answered += usize::from(sqlite.status < 300);
        let same = (sqlite.status, &sqlite.body, sqlite.header("content-range"))
            == (postgres.status, &postgres.body, postgres.header("content-range"));
        if !same || sqlite.status >= 500 || postgres.status >= 500 {
            problems.push(format!(
                "{} {:?}\n  SQLite:     {} {}\n  PostgreSQL: {} {}",
                case.title(),
                case.headers,
                sqlite.status,
                sqlite.body,
                postgres.status,
                postgres.body
            ));
        }
    }
    let count = problems.len();
    problems.truncate(20);
    assert!(count == 0, "PREJOIN_SEED={seed}: {count} of {requests} requests:\n{}", problems.join("\n"));
    assert!(answered * 10 >= requests, "only {answered} of {requests} requests were answered with rows");
}
