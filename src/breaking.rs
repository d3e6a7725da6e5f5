//! What in a set of contracts breaks those who rely on an earlier one: views that read its tables, and events that were
//! published under it.

use std::collections::BTreeSet;

use prejoin_contract::ContractSet;
use prejoin_model::TableSchema;

/// A sentence for each breaking change, in order of services and tables.
pub(crate) fn breaking_changes(old: &ContractSet, new: &ContractSet) -> Vec<String> {
    let mut changes = Vec::new();
    for service in old.services() {
        if !new.services().any(|known| known == service) {
            changes.push(format!("the contract of {service} is gone"));
        } else if old.numbering(service) != new.numbering(service) {
            changes.push(format!("the events of {service} are numbered in another way"));
        }
    }
    for table in old.tables() {
        match new.tables().iter().find(|known| known.name == table.name) {
            None => changes.push(format!("the table {} of {} is gone", table.name, table.service)),
            Some(now) => changes.extend(table_changes(table, now)),
        }
    }
    let kept = rules(new);
    for (event, table, line) in rules(old).difference(&kept) {
        changes.push(match line.split_once(' ') {
            None => format!("the event {event} no longer does {line} on {table}"),
            Some((column, source)) => {
                format!("the event {event} no longer sets {table}.{column} from {source}")
            }
        });
    }
    changes
}

fn table_changes(old: &TableSchema, new: &TableSchema) -> Vec<String> {
    let name = &old.name;
    let mut changes = Vec::new();
    if old.service != new.service {
        changes.push(format!("the table {name} belongs to {} now, not to {}", new.service, old.service));
    }
    if names(old, &old.key) != names(new, &new.key) {
        let (before, now) = (names(old, &old.key).join(", "), names(new, &new.key).join(", "));
        changes.push(format!("the key of {name} is ({now}), it was ({before})"));
    }
    for column in &old.columns {
        match new.columns.iter().find(|known| known.name == column.name) {
            None => changes.push(format!("the column {name}.{} is gone", column.name)),
            Some(now) if now.kind != column.kind => {
                let (column, before, now) = (&column.name, column.kind, now.kind);
                changes.push(format!("the column {name}.{column} is {now}, it was {before}"));
            }
            Some(_) => {}
        }
    }
    let unique: Vec<_> = new.unique.iter().map(|columns| names(new, columns)).collect();
    for columns in old.unique.iter().map(|columns| names(old, columns)) {
        if !unique.contains(&columns) {
            changes.push(format!("({}) of {name} is no longer unique", columns.join(", ")));
        }
    }
    changes
}

fn names<'a>(table: &'a TableSchema, columns: &[usize]) -> Vec<&'a str> {
    columns.iter().map(|&column| table.columns[column].name.as_str()).collect()
}

/// What each event does: event, table, and what (a verb), or a column and where it comes from. Read from the canonical
/// text, where a rule is a line `on EVENT TABLE VERB` and a line for each column.
fn rules(contracts: &ContractSet) -> BTreeSet<(String, String, String)> {
    let mut rules = BTreeSet::new();
    let mut rule: Option<(String, String)> = None;
    for line in contracts.canonical().lines() {
        if let Some(rest) = line.strip_prefix("on ") {
            let mut words = rest.splitn(3, ' ');
            let mut word = || words.next().unwrap_or_default().to_owned();
            let (event, table) = (word(), word());
            let verb = word().replace(' ', "_");
            rules.insert((event.clone(), table.clone(), verb));
            rule = Some((event, table));
        } else if let (Some(assignment), Some((event, table))) = (line.strip_prefix("  "), &rule) {
            rules.insert((event.clone(), table.clone(), assignment.to_owned()));
        } else {
            rule = None;
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use prejoin_contract::ContractFile;

    use super::*;

    const OLD: &str = r#"
service = "users"
[tables.users]
key = ["user_id"]
columns = { user_id = "text", name = "text", age = "bigint" }
[[on]]
event = "users.registered.v1"
table = "users"
set = { user_id = "$.user_id", name = "$.name", age = "$.age" }
[[on]]
event = "users.erased.v1"
table = "users"
delete = { user_id = "$.user_id" }
"#;

    fn changes(edit: impl Fn(&str) -> String) -> Vec<String> {
        let load =
            |text: String| ContractSet::load(&[ContractFile { path: "users.toml".into(), text }]).unwrap();
        breaking_changes(&load(OLD.to_owned()), &load(edit(OLD)))
    }

    #[test]
    fn what_others_rely_on_must_stay() {
        assert_eq!(changes(str::to_owned), [""; 0]);
        // More than before breaks nobody.
        let more = |old: &str| old.replace("age = \"bigint\" }", "age = \"bigint\", city = \"text\" }");
        assert_eq!(changes(more), [""; 0]);
        assert_eq!(
            changes(|old| old.replace("age = \"bigint\"", "age = \"text\"")),
            ["the column users.age is text, it was bigint"]
        );
        assert_eq!(
            changes(|old| old.replace(", age = \"bigint\"", "").replace(", age = \"$.age\"", "")),
            [
                "the column users.age is gone",
                "the event users.registered.v1 no longer sets users.age from $.age"
            ]
        );
        assert_eq!(
            changes(|old| old.replace("$.name", "$.full_name")),
            ["the event users.registered.v1 no longer sets users.name from $.name"]
        );
        assert_eq!(
            changes(|old| old.replace("users.erased.v1", "users.forgotten.v1")),
            [
                "the event users.erased.v1 no longer does delete on users",
                "the event users.erased.v1 no longer sets users.user_id from $.user_id",
            ]
        );
        assert_eq!(
            changes(|old| old
                .replace("tables.users", "tables.people")
                .replace("table = \"users\"", "table = \"people\""))[0],
            "the table users of users is gone"
        );
    }
}
