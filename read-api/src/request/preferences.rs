//! The header `Prefer`: `count=exact, handling=strict`.

/// What the client would like. Of two wishes for one thing, the first counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Preferences {
    pub(crate) count: Option<Count>,
    pub(crate) handling: Option<Handling>,
    /// Whether times in UTC were asked for by name; any other zone is not known.
    pub(crate) utc: bool,
    pub(crate) max_affected: Option<u64>,
    /// How long to wait for a position, in seconds (RFC 7240).
    pub(crate) wait_seconds: Option<u64>,
    /// What was not understood, as written.
    pub(crate) unknown: Vec<String>,
}

/// How to learn the number of all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Exact,
    /// The store's own guess.
    Planned,
    /// The guess, if it is greater than what is counted at once.
    Estimated,
}

/// What to do about preferences that are not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    Strict,
    Lenient,
}

/// What PostgREST understands in requests that write.
const OF_WRITES: [&str; 9] = [
    "resolution=merge-duplicates",
    "resolution=ignore-duplicates",
    "return=representation",
    "return=minimal",
    "return=headers-only",
    "tx=commit",
    "tx=rollback",
    "missing=default",
    "missing=null",
];

impl Preferences {
    /// From the values of all the request's `Prefer` headers, in order.
    pub(crate) fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Preferences {
        let mut preferences = Preferences::default();
        for preference in headers.into_iter().flat_map(|header| header.split(',')) {
            preferences.take(preference.trim());
        }
        preferences
    }

    fn take(&mut self, preference: &str) {
        match preference {
            "count=exact" => drop(self.count.get_or_insert(Count::Exact)),
            "count=planned" => drop(self.count.get_or_insert(Count::Planned)),
            "count=estimated" => drop(self.count.get_or_insert(Count::Estimated)),
            "handling=strict" => drop(self.handling.get_or_insert(Handling::Strict)),
            "handling=lenient" => drop(self.handling.get_or_insert(Handling::Lenient)),
            "timezone=UTC" => self.utc = true,
            _ if OF_WRITES.contains(&preference) => {}
            other => self.number(other),
        }
    }

    fn number(&mut self, preference: &str) {
        if let Some(text) = preference.strip_prefix("max-affected=") {
            // As in PostgREST, one that is no number is passed over.
            self.max_affected = self.max_affected.or(text.parse().ok());
            return;
        }
        match preference.strip_prefix("wait=").and_then(|text| text.parse().ok()) {
            Some(seconds) => drop(self.wait_seconds.get_or_insert(seconds)),
            None => self.unknown.push(preference.to_owned()),
        }
    }

    /// The wishes that `handling=strict` refuses: PGRST122's details.
    pub(crate) fn refused(&self) -> Option<String> {
        let refused = self.handling == Some(Handling::Strict) && !self.unknown.is_empty();
        refused.then(|| format!("Invalid preferences: {}", self.unknown.join(", ")))
    }

    /// The header `Preference-Applied` of an answer with rows.
    pub(crate) fn applied(&self) -> Option<String> {
        let count = self.count.map(|count| match count {
            Count::Exact => "count=exact",
            Count::Planned => "count=planned",
            Count::Estimated => "count=estimated",
        });
        let handling = self.handling.map(|handling| match handling {
            Handling::Strict => "handling=strict",
            Handling::Lenient => "handling=lenient",
        });
        let zone = self.utc.then_some("timezone=UTC");
        let applied: Vec<&str> = [count, handling, zone].into_iter().flatten().collect();
        (!applied.is_empty()).then(|| applied.join(", "))
    }
}
