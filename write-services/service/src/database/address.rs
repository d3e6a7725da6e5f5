//! Where a service's database is, and of which kind.

use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};

/// A schema's name stands in statements and in arguments of pg_dump, and with `_before_restore` behind it, PostgreSQL takes
/// 63 bytes.
const SCHEMA_CHARS_MAX: usize = 48;

/// A kind of database that services run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

/// Where a service's database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A file.
    Sqlite(PathBuf),
    Postgres {
        url: String,
        /// Where the service's tables lie; in the schema of its own name if absent.
        schema: Option<String>,
    },
    MySql {
        url: String,
    },
}

impl Kind {
    /// How addresses of this kind are written.
    pub fn form(self) -> &'static str {
        match self {
            Kind::Sqlite => "a file, or sqlite:FILE",
            Kind::Postgres => "postgres://USER:PASSWORD@HOST/DATABASE",
            Kind::MySql => "mysql://USER:PASSWORD@HOST/DATABASE, or mariadb://…",
        }
    }

    fn of_scheme(scheme: &str) -> Option<Kind> {
        match scheme {
            "sqlite" => Some(Kind::Sqlite),
            "postgres" | "postgresql" => Some(Kind::Postgres),
            "mysql" | "mariadb" => Some(Kind::MySql),
            _ => None,
        }
    }
}

impl Address {
    /// Reads an address of one of these kinds; the error says what can be written. What has no scheme is a file.
    pub(crate) fn parse(text: &str, schema: Option<&str>, kinds: &[Kind]) -> Result<Address, String> {
        let scheme = scheme_of(text);
        let kind = scheme.map_or(Some(Kind::Sqlite), Kind::of_scheme);
        let Some(kind) = kind.filter(|kind| kinds.contains(kind)) else {
            let known: Vec<&str> = kinds.iter().map(|kind| kind.form()).collect();
            return Err(format!(
                "it does not run on a database of the kind {:?}. Write {}",
                scheme.unwrap_or_default(),
                known.join("; or ")
            ));
        };
        if schema.is_some() && kind != Kind::Postgres {
            return Err("only a PostgreSQL database has a schema: leave it out".to_owned());
        }
        match kind {
            Kind::Sqlite => {
                let file = scheme.map_or(text, |_| text["sqlite:".len()..].trim_start_matches("//"));
                if file.is_empty() {
                    return Err("the file is missing: write sqlite:FILE".to_owned());
                }
                Ok(Address::Sqlite(PathBuf::from(file)))
            }
            Kind::Postgres => {
                let schema = schema.map(checked_schema).transpose()?;
                Ok(Address::Postgres { url: text.to_owned(), schema })
            }
            Kind::MySql => {
                let rest = text.split_once("://").map_or("", |(_, rest)| rest);
                Ok(Address::MySql { url: format!("mysql://{rest}") })
            }
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Address::Sqlite(_) => Kind::Sqlite,
            Address::Postgres { .. } => Kind::Postgres,
            Address::MySql { .. } => Kind::MySql,
        }
    }

    /// The schema that a service's tables lie in. A plain name: in double quotes, it can stand in a statement.
    pub(crate) fn schema_of(&self, service: &str) -> Result<String, String> {
        match self {
            Address::Postgres { schema: Some(schema), .. } => checked_schema(schema),
            _ => checked_schema(service),
        }
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Address::Sqlite(path.to_owned())
    }
}

/// Without user, password and parameters, which must not be in a log.
impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        let url = match self {
            Address::Sqlite(path) => return write!(formatter, "{}", path.display()),
            Address::Postgres { url, .. } | Address::MySql { url } => url,
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        write!(formatter, "{scheme}://{rest}")?;
        match self {
            Address::Postgres { schema: Some(schema), .. } => write!(formatter, " (schema {schema})"),
            _ => Ok(()),
        }
    }
}

/// `mongodb` of `mongodb://host`, `sqlite` of `sqlite:file`; nothing for a path.
fn scheme_of(text: &str) -> Option<&str> {
    if text.starts_with("sqlite:") {
        return Some("sqlite");
    }
    let (scheme, _) = text.split_once("://")?;
    scheme.chars().all(|character| character.is_ascii_alphanumeric() || character == '+').then_some(scheme)
}

fn checked_schema(schema: &str) -> Result<String, String> {
    let plain = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '_');
    let starts_well = schema.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    match starts_well && schema.len() <= SCHEMA_CHARS_MAX && schema.chars().all(plain) {
        true => Ok(schema.to_owned()),
        false => Err(format!(
            "the schema {schema:?} is not a plain name: small letters, digits and _, {SCHEMA_CHARS_MAX} at most"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 3] = [Kind::Sqlite, Kind::Postgres, Kind::MySql];

    #[test]
    fn addresses_are_told_apart_and_shown_without_secrets() {
        for (text, kind, shown) in [
            ("data/users.sqlite", Kind::Sqlite, "data/users.sqlite"),
            ("sqlite:data/users.sqlite", Kind::Sqlite, "data/users.sqlite"),
            ("sqlite:///var/users.sqlite", Kind::Sqlite, "/var/users.sqlite"),
            ("postgres://u:p@ss@host:5432/shop?password=p", Kind::Postgres, "postgres://host:5432/shop"),
            ("postgresql://host/shop", Kind::Postgres, "postgresql://host/shop"),
            ("mariadb://u:p@host/shop", Kind::MySql, "mysql://host/shop"),
            ("mysql://u@host/shop?socket=/s", Kind::MySql, "mysql://host/shop"),
        ] {
            let address = Address::parse(text, None, &ALL).unwrap();
            assert_eq!((address.kind(), address.to_string().as_str()), (kind, shown), "{text}");
        }
    }

    #[test]
    fn what_a_service_does_not_run_on_is_refused_with_what_it_does() {
        for (text, schema, says) in [
            ("mongodb://host/shop", None, "kind \"mongodb\". Write a file, or sqlite:FILE; or postgres://"),
            ("mysql://host/shop", None, "kind \"mysql\". Write a file"),
            ("sqlite:", None, "the file is missing"),
            ("users.sqlite", Some("users"), "only a PostgreSQL database"),
            ("postgres://host/shop", Some("Users; DROP"), "not a plain name"),
            ("postgres://host/shop", Some(""), "not a plain name"),
        ] {
            let refused = Address::parse(text, schema, &ALL[..2]).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
