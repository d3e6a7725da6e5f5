//! Where the view store is that is read.

use std::fmt;
use std::path::{Path, PathBuf};

/// A view store: a file, or a schema of a PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreAddress {
    Sqlite(PathBuf),
    Postgres {
        /// `postgres://user:password@host/database`
        url: String,
        schema: String,
    },
}

impl From<PathBuf> for StoreAddress {
    fn from(path: PathBuf) -> Self {
        StoreAddress::Sqlite(path)
    }
}

impl From<&Path> for StoreAddress {
    fn from(path: &Path) -> Self {
        StoreAddress::Sqlite(path.to_owned())
    }
}

impl From<&PathBuf> for StoreAddress {
    fn from(path: &PathBuf) -> Self {
        StoreAddress::Sqlite(path.clone())
    }
}

/// Without user and password.
impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreAddress::Sqlite(path) => write!(f, "{}", path.display()),
            StoreAddress::Postgres { url, schema } => write!(f, "{}, schema {schema}", without_secrets(url)),
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
    let after_user = rest.rsplit_once('@').map_or(rest, |(_, after)| after);
    let (authority, path) = after_user.split_once('/').unwrap_or((after_user, ""));
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
        ] {
            let address = StoreAddress::Postgres { url: url.to_owned(), schema: "prejoin".to_owned() };
            assert_eq!(address.to_string(), format!("{shown}, schema prejoin"), "{url}");
            assert!(!format!("{address:?}").contains("secret"), "{url}");
        }
    }
}
