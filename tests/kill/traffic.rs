//! Live commands to the users and orders services, and a ledger of what was answered.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::oracle::Oracle;
use crate::streams::Streams;
use crate::support::http::try_send;

const WORKERS: u64 = 3;
/// Every entity of the traffic begins with this, no other one does.
const OURS: &str = "live-";

/// Where the services are while they run.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    pub(crate) users: String,
    pub(crate) orders: String,
}

/// Names what a command asks for: the event type, the entity, and what tells it from others of that type and entity.
type Wish = (&'static str, String, String);

/// What became of a wish, over all attempts.
#[derive(Debug, Default, Clone)]
struct Fate {
    accepted: bool,
    /// A process was killed before it answered.
    unknown: bool,
    /// The event's sequence, if the answer told it.
    sequence: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    fates: HashMap<Wish, Fate>,
    /// Answers that no service may give.
    problems: Vec<String>,
    pub(crate) accepted: u64,
}

/// Workers that send commands as long as they know where to.
pub(crate) struct Traffic {
    aim: Arc<RwLock<Option<Services>>>,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Ledger>>,
}

impl Traffic {
    /// Between two commands of a worker there are up to this many milliseconds.
    pub(crate) fn start(pause_ms_max: u64, chance: &Chance) -> Traffic {
        let aim = Arc::new(RwLock::new(None));
        let stop = Arc::new(AtomicBool::new(false));
        let worker = |number: u64| {
            let worker = Worker::new(number, chance.part(&format!("worker {number}")));
            let (aim, stop) = (aim.clone(), stop.clone());
            std::thread::spawn(move || worker.run(pause_ms_max, &aim, &stop))
        };
        let workers = (0..WORKERS).map(worker).collect();
        Traffic { aim, stop, workers }
    }

    /// Sends commands there from now on, or nowhere. Returns when the commands under way are answered.
    pub(crate) fn aim(&self, services: Option<Services>) {
        *self.aim.write().expect("no worker panics with the lock") = services;
    }

    pub(crate) fn finish(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Ledger::default();
        for worker in self.workers {
            let ledger = worker.join().expect("a worker of the traffic panicked");
            all.fates.extend(ledger.fates);
            all.problems.extend(ledger.problems);
            all.accepted += ledger.accepted;
        }
        all
    }
}

struct Worker {
    number: u64,
    chance: Chance,
    ledger: Ledger,
    users: Vec<User>,
    orders: Vec<Order>,
    /// Makes names unique.
    wishes: u64,
}

struct User {
    id: String,
    registered: bool,
    erased: bool,
}

struct Order {
    id: String,
    placed: bool,
    /// Moves that were accepted.
    moves: usize,
}

enum Answer {
    Accepted(Option<u64>),
    Refused,
    Unknown,
}

impl Worker {
    fn new(number: u64, chance: Chance) -> Self {
        Worker { number, chance, ledger: Ledger::default(), users: Vec::new(), orders: Vec::new(), wishes: 0 }
    }

    fn run(mut self, pause_ms_max: u64, aim: &RwLock<Option<Services>>, stop: &AtomicBool) -> Ledger {
        while !stop.load(Ordering::Relaxed) {
            if let Some(services) = &*aim.read().expect("no worker panics with the lock") {
                self.command(services);
            }
            let pause = self.chance.milliseconds(pause_ms_max);
            sleep(pause.max(Duration::from_millis(1)));
        }
        self.ledger
    }

    fn command(&mut self, services: &Services) {
        match self.chance.below(100) {
            _ if self.users.is_empty() => self.register(services),
            0..10 => self.register(services),
            10..26 => self.change(services),
            26..28 => self.erase(services),
            28..65 => self.place(services),
            _ => self.advance(services),
        }
    }

    fn register(&mut self, services: &Services) {
        let waiting = self.users.iter().position(|user| !user.registered && !user.erased);
        let place = waiting.filter(|_| self.chance.percent(60)).unwrap_or_else(|| self.new_user());
        let id = self.users[place].id.clone();
        let body = json!({ "user_id": id, "name": self.name(), "city": "Łódź", "contact": null });
        let answer = self.send("POST", &format!("{}/users", services.users), Some(&body), "users");
        self.users[place].registered |= matches!(answer, Answer::Accepted(_));
        self.note("users.registered.v1", &id, "", &answer);
    }

    /// Somebody orders before registering now and then.
    fn new_user(&mut self) -> usize {
        let id = format!("{OURS}{}-u{}", self.number, self.users.len());
        self.users.push(User { id, registered: false, erased: false });
        self.users.len() - 1
    }

    /// The first user has the most orders.
    fn any_user(&mut self) -> usize {
        if self.chance.percent(50) { 0 } else { self.chance.index(self.users.len()) }
    }

    fn change(&mut self, services: &Services) {
        let place = self.any_user();
        let id = self.users[place].id.clone();
        let (mut name, mut city) = (Some(self.name()), Some(self.name()));
        match self.chance.below(10) {
            0..6 => city = None,
            6..9 => name = None,
            _ => {}
        }
        let mut body = json!({});
        for (field, value) in [("name", &name), ("city", &city)] {
            if let Some(value) = value {
                body[field] = json!(value);
            }
        }
        let url = format!("{}/users/{id}", services.users);
        let mut answer = self.send("PATCH", &url, Some(&body), "users");
        if let Some(city) = city {
            self.note("users.changed.v1", &id, &city, &answer);
            if let Answer::Accepted(sequence) = &mut answer {
                // The answer tells the position of the last one.
                *sequence = sequence.map(|last| last - 1);
            }
        }
        if let Some(name) = name {
            self.note("users.renamed.v1", &id, &name, &answer);
        }
    }

    /// Only users of whom it is known that they are registered, so that no repeated registration brings them back.
    fn erase(&mut self, services: &Services) {
        let place = self.any_user();
        if place == 0 || !self.users[place].registered || self.users[place].erased {
            return;
        }
        self.users[place].erased = true;
        let id = self.users[place].id.clone();
        let answer = self.send("DELETE", &format!("{}/users/{id}", services.users), None, "users");
        self.note("users.erased.v1", &id, "", &answer);
    }

    fn place(&mut self, services: &Services) {
        let repeats = self.orders.last().is_some_and(|order| !order.placed) && self.chance.percent(50);
        if !repeats {
            let id = format!("{OURS}{}-o{}", self.number, self.orders.len());
            self.orders.push(Order { id, placed: false, moves: 0 });
        }
        let id = self.orders.last().expect("one was added").id.clone();
        let customer_id = match self.chance.below(10) {
            0..2 => format!("U{:05}", self.chance.between(1, 40)),
            2 => {
                let place = self.new_user();
                self.users[place].id.clone()
            }
            _ => {
                let place = self.any_user();
                self.users[place].id.clone()
            }
        };
        let lines: Vec<Value> = (0..=self.chance.below(4)).map(|_| self.line()).collect();
        let body = json!({ "order_id": id, "customer_id": customer_id, "lines": lines });
        let answer = self.send("POST", &format!("{}/orders", services.orders), Some(&body), "orders");
        self.note("orders.placed.v1", &id, "", &answer);
        self.orders.last_mut().expect("one was added").placed |= matches!(answer, Answer::Accepted(_));
    }

    fn line(&mut self) -> Value {
        let mut line = json!({
            "product_id": self.chance.between(1, 100).to_string(),
            "quantity": self.chance.between(1, 20),
            "unit_price_cents": self.chance.below(10_000),
        });
        if self.chance.percent(50) {
            line["discount_percent"] = json!(self.chance.below(31));
        }
        line
    }

    fn advance(&mut self, services: &Services) {
        if self.orders.is_empty() {
            return;
        }
        let recent = self.orders.len().saturating_sub(30);
        let place = recent + self.chance.index(self.orders.len() - recent);
        let moves = [
            ("pay", "orders.paid.v1"),
            ("ship", "orders.shipped.v1"),
            ("deliver", "orders.delivered.v1"),
            ("cancel", "orders.cancelled.v1"),
        ];
        let step = match self.chance.below(20) {
            0..2 => 3,
            2 => self.chance.index(4),
            _ => self.orders[place].moves.min(2),
        };
        let (name, event) = moves[step];
        let id = self.orders[place].id.clone();
        let url = format!("{}/orders/{id}/{name}", services.orders);
        let body = (step == 3 && self.chance.percent(50)).then(|| json!({ "reason": self.name() }));
        let answer = self.send("POST", &url, body.as_ref(), "orders");
        if matches!(answer, Answer::Accepted(_)) {
            self.orders[place].moves = step + 1;
        }
        self.note(event, &id, "", &answer);
    }

    /// One that nobody else has, with characters that JSON and SQL have to take care of.
    fn name(&mut self) -> String {
        self.wishes += 1;
        format!("{} O'Néill \"{}\" 😀\\", self.number, self.wishes)
    }

    fn send(&mut self, method: &str, url: &str, body: Option<&Value>, service: &str) -> Answer {
        let answer = match try_send(method, url, body) {
            Ok(answer) => answer,
            Err(_) => return Answer::Unknown,
        };
        match answer.status {
            200 | 201 | 204 => {
                self.ledger.accepted += 1;
                let position = answer.headers.get("prejoin-position").and_then(|value| value.to_str().ok());
                let sequence = position.map(|position| {
                    let sequence = position.strip_prefix(service).and_then(|rest| rest.strip_prefix('='));
                    sequence.and_then(|sequence| sequence.parse().ok()).unwrap_or_else(|| {
                        panic!("{position:?} is no position of {service}: {answer:?}");
                    })
                });
                Answer::Accepted(sequence)
            }
            404 | 409 => Answer::Refused,
            _ => {
                self.ledger.problems.push(format!("{answer:?}"));
                Answer::Unknown
            }
        }
    }

    fn note(&mut self, event: &'static str, entity: &str, detail: &str, answer: &Answer) {
        let wish = (event, entity.to_owned(), detail.to_owned());
        let fate = self.ledger.fates.entry(wish).or_default();
        match answer {
            Answer::Accepted(sequence) => {
                fate.accepted = true;
                fate.sequence = *sequence;
            }
            Answer::Refused => {}
            Answer::Unknown => fate.unknown = true,
        }
    }
}

impl Ledger {
    /// Every accepted command is in the log exactly once and in the place that its answer told; one whose process was
    /// killed at most once; and the log holds nothing of ours beside these.
    pub(crate) fn compare_with_log(&self, streams: &Streams) -> Vec<String> {
        let mut problems = self.problems.clone();
        let mut logged: BTreeMap<(String, String, String), Vec<u64>> = BTreeMap::new();
        for payload in streams.0.values().flatten() {
            let event: Value = serde_json::from_str(payload).expect("the log holds JSON");
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (kind, entity) = (word(&event["type"]), word(&event["subject"]));
            if !entity.starts_with(OURS) {
                continue;
            }
            let detail = match kind.as_str() {
                "users.renamed.v1" => word(&event["data"]["name"]),
                "users.changed.v1" => word(&event["data"]["city"]),
                _ => String::new(),
            };
            let sequence = word(&event["sequence"]).parse().expect("services number their events");
            logged.entry((kind, entity, detail)).or_default().push(sequence);
        }
        for (wish, fate) in &self.fates {
            let key = (wish.0.to_owned(), wish.1.clone(), wish.2.clone());
            let found = logged.remove(&key).unwrap_or_default();
            let right = match fate {
                Fate { accepted: true, sequence: Some(sequence), .. } => found == [*sequence],
                Fate { accepted: true, .. } => found.len() == 1,
                Fate { unknown: true, .. } => found.len() <= 1,
                Fate { .. } => found.is_empty(),
            };
            if !right {
                problems.push(format!("{wish:?}: {fate:?}, in the log at the sequences {found:?}"));
            }
        }
        problems.extend(
            logged.into_iter().map(|(key, found)| format!("{key:?} is in the log at {found:?}, unasked")),
        );
        problems
    }

    /// The services' own databases say what the log says of every entity of ours.
    pub(crate) fn compare_with_services(&self, services: &Services, oracle: &Oracle) -> Vec<String> {
        let mut problems = Vec::new();
        let mut entities: Vec<(&str, &str)> = self
            .fates
            .keys()
            .map(|(event, entity, _)| (event.split('.').next().unwrap_or_default(), entity.as_str()))
            .collect();
        entities.sort_unstable();
        entities.dedup();
        for (service, entity) in entities {
            let (base, columns): (_, &[&str]) = match service {
                "users" => (&services.users, &["name", "contact", "city", "country", "phone"]),
                _ => (&services.orders, &["status", "customer_id", "total_cents", "placed_at"]),
            };
            let answer = crate::support::get(&format!("{base}/{service}/{entity}"));
            let (exists, read): (bool, &dyn Fn(&str) -> Value) = match service {
                "users" => (oracle.has_user(entity), &|column| oracle.user(entity, column)),
                _ => (oracle.order(entity, "status").is_string(), &|column| oracle.order(entity, column)),
            };
            if (answer.status, exists) == (404, false) {
                continue;
            }
            let found = serde_json::from_str::<Value>(&answer.text).unwrap_or_default();
            let lines_agree = service == "users"
                || found["lines"].as_array().is_some_and(|lines| lines.len() == oracle.line_count(entity));
            let differs = |column: &&&str| found[**column] != read(column);
            if answer.status != 200 || !exists || !lines_agree || columns.iter().any(|c| differs(&c)) {
                let logged: Vec<_> = columns.iter().map(|column| read(column).to_string()).collect();
                problems.push(format!(
                    "{service} answers {} {} for {entity}; by the log: {}",
                    answer.status,
                    answer.text,
                    logged.join(", ")
                ));
            }
        }
        problems
    }
}
