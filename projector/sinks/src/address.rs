//! Where a view store is.

use std::fmt;
use std::path::PathBuf;

/// A view store: a file, or a schema of a PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreAddress {
    Sqlite(PathBuf),
    Postgres {
        /// `postgres://user:password@host/database`
        url: String,
        schema: String,
        /// A role that may read the views and the catalog, and nothing else.
        reader_role: Option<String>,
    },
}

/// Without user and password.
impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreAddress::Sqlite(path) => write!(f, "{}", path.display()),
            StoreAddress::Postgres { url, schema, .. } => {
                write!(f, "{}, schema {schema}", without_secrets(url))
            }
        }
    }
}

/// As `Display`: settings are logged.
impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreAddress({self})")
    }
}

/// Scheme, host and database. A password may stand before the host, where it may hold any character, and among the
/// parameters.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (authority, path) = match rest.rfind('@') {
        Some(at) => rest[at + 1..].split_once('/').unwrap_or((&rest[at + 1..], "")),
        None => rest.split_once('/').unwrap_or((rest, "")),
    };
    let without_parameters = |text: &str| text.split('?').next().unwrap_or_default().to_owned();
    format!("{scheme}://{}/{}", without_parameters(authority), without_parameters(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("postgres://app:se/cr@t@db.example:5432/views", "postgres://db.example:5432/views"),
            ("postgres://db/views?password=secret", "postgres://db/views"),
            ("postgresql://app:secret@db?x=y", "postgresql://db/"),
            ("postgres:///views?host=/run/postgresql", "postgres:///views"),
            ("secret@db/views", "postgres://db/views"),
        ] {
            let address = StoreAddress::Postgres {
                url: url.to_owned(),
                schema: "prejoin".to_owned(),
                reader_role: None,
            };
            assert_eq!(address.to_string(), format!("{shown}, schema prejoin"), "{url}");
            assert!(!format!("{address:?}").contains("secret"), "{url}");
        }
    }
}
