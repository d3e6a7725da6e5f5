//! What a client asks of `/search/v1/`: its own parameters, and those of `/rest/v1/` for the rows.

use super::text_query::{self, TextQuery};
use super::tolerance::{TYPOS_MAX, Typos};
use crate::Error;
use crate::request::{self, ReadRequest, SearchGrammar, Selected};

/// A parsed search of one view.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SearchRequest {
    /// Nothing if no word was typed.
    pub(crate) query: Option<TextQuery>,
    pub(crate) typos: Typos,
    /// Nothing for all that can be searched.
    pub(crate) columns: Option<Vec<String>>,
    /// Columns of which fragments are shown; nothing for all that are searched.
    pub(crate) highlighted: Option<Vec<String>>,
    /// Columns of which the values are counted.
    pub(crate) facets: Vec<String>,
    pub(crate) facet_values_max: u64,
    pub(crate) limit: u64,
    pub(crate) offset_rows: u64,
    /// What is shown of which rows.
    pub(crate) rows: ReadRequest,
}

impl SearchRequest {
    /// How many of the best rows its page needs.
    pub(crate) fn wanted(&self) -> usize {
        usize::try_from(self.offset_rows + self.limit).unwrap_or(usize::MAX)
    }
}

const LIMIT_DEFAULT: u64 = 20;
pub(crate) const LIMIT_MAX: u64 = 1_000;
/// Further results are asked for by other words.
pub(crate) const OFFSET_MAX: u64 = 10_000;
const FACET_VALUES_DEFAULT: u64 = 10;
const FACET_VALUES_MAX: u64 = 1_000;
const FACETS_MAX: usize = 20;

const OWN: [&str; 7] = ["q", "columns", "typos", "prefix", "highlight", "facets", "facet_limit"];

pub(crate) fn parse(query_string: &str) -> Result<SearchRequest, Error> {
    let parameters = request::decode(query_string)?;
    let own = |name: &str| {
        debug_assert!(OWN.contains(&name), "{name} would reach the rows' grammar, too");
        parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    };
    let is_own = |pair: &&str| {
        let key = pair.split_once('=').map_or(*pair, |(key, _)| key);
        OWN.contains(&key)
    };
    let others: Vec<&str> = query_string.split('&').filter(|pair| !is_own(pair)).collect();
    let mut rows = request::parse(&others.join("&"), None)?;
    refuse_beyond_rows(&rows)?;
    let Some(text) = own("q") else {
        return Err(wrong("q", "is missing", "Add q=WORDS: what is to be found."));
    };
    let is_prefix = match own("prefix") {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(wrong("prefix", "is neither true nor false", "Leave it out for true.")),
    };
    let query = text_query::parse(SearchGrammar::Web, text)?;
    // A word that something follows is a whole one.
    let is_prefix = is_prefix && !text.ends_with(|last: char| last.is_whitespace() || last == '"');
    let query = query.map(|query| if is_prefix { query.with_last_as_prefix() } else { query });
    let facets = own("facets").map(names).unwrap_or_default();
    if facets.len() > FACETS_MAX {
        return Err(Error::does_not_fit(
            "54000",
            format!("{} facets are more than the {FACETS_MAX} allowed", facets.len()),
        ));
    }
    let limit = bounded("limit", rows.limit.take(), LIMIT_DEFAULT, LIMIT_MAX)?;
    let offset_rows = bounded("offset", Some(std::mem::take(&mut rows.offset_rows)), 0, OFFSET_MAX)?;
    let facet_limit = own("facet_limit").map(|text| {
        text.parse().map_err(|_| wrong("facet_limit", "is not a number", "Leave it out for 10."))
    });
    let facet_values_max =
        bounded("facet_limit", facet_limit.transpose()?, FACET_VALUES_DEFAULT, FACET_VALUES_MAX)?;
    Ok(SearchRequest {
        query,
        typos: typos(own("typos"))?,
        columns: own("columns").map(names),
        highlighted: own("highlight").map(names),
        facets,
        facet_values_max,
        limit,
        offset_rows,
        rows,
    })
}

fn typos(text: Option<&str>) -> Result<Typos, Error> {
    match text {
        None | Some("auto") => Ok(Typos::ByLength),
        Some(digits) => match digits.parse() {
            Ok(typos) if typos <= TYPOS_MAX => Ok(Typos::AtMost(typos)),
            _ => Err(wrong("typos", "is none of auto, 0, 1 and 2", "Leave it out for auto.")),
        },
    }
}

/// `a,b`; empty for none.
fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn bounded(name: &str, given: Option<u64>, default: u64, most: u64) -> Result<u64, Error> {
    match given.unwrap_or(default) {
        number if number <= most => Ok(number),
        number => {
            Err(Error::does_not_fit("54000", format!("{name}={number} is more than the {most} allowed")))
        }
    }
}

/// The rank is the order.
fn refuse_beyond_rows(rows: &ReadRequest) -> Result<(), Error> {
    let refused = [
        ("order", !rows.order.is_empty()),
        ("cursor", rows.cursor.is_some()),
        ("groupby", !rows.group_by.is_empty()),
        ("having", !rows.having.is_empty()),
        ("aggregate", rows.select.iter().any(is_aggregate)),
    ];
    match refused.iter().find(|(_, is_present)| *is_present) {
        None => Ok(()),
        Some((name, _)) => {
            let reason = format!(
                "A search has no {name}: the best rows come first, and 'facets' counts values. Filter by fts under /rest/v1/ for more."
            );
            Err(Error::NotImplemented { reason })
        }
    }
}

fn is_aggregate(selected: &Selected) -> bool {
    matches!(selected, Selected::Item { item, .. } if item.aggregate.is_some())
}

fn wrong(parameter: &str, what: &str, details: &str) -> Error {
    Error::Syntax { message: format!("the parameter {parameter} {what}"), details: details.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_has_its_own_parameters_beside_those_of_rows() {
        let search =
            parse("q=fat+rat&select=a&b=eq.1&facets=c,d&typos=1&highlight=&limit=5&offset=10").unwrap();
        assert_eq!(search.typos, Typos::AtMost(1));
        assert_eq!((search.columns, search.highlighted), (None, Some(vec![])));
        assert_eq!(search.facets, ["c", "d"]);
        assert_eq!((search.limit, search.offset_rows, search.facet_values_max), (5, 10, 10));
        assert_eq!((search.rows.select.len(), search.rows.filters.len()), (1, 1));
        assert_eq!((search.rows.limit, search.rows.offset_rows), (None, 0));
        let filtered = parse("q=x&and=(q.eq.y)").unwrap();
        assert_eq!(filtered.rows.filters.len(), 1);
        assert_eq!(parse("q=+").unwrap().query, None);
    }

    #[test]
    fn the_last_word_is_a_beginning_until_something_follows_it() {
        let is_prefix = |query: &str| match parse(query).unwrap().query.unwrap() {
            TextQuery::Text { is_prefix, .. } => is_prefix,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            ["q=fat", "q=fat+", "q=%22fat%22", "q=fat&prefix=false"].map(is_prefix),
            [true, false, false, false]
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (query, code) in [
            ("", "PGRST100"),
            ("q=x&typos=3", "PGRST100"),
            ("q=x&typos=many", "PGRST100"),
            ("q=x&prefix=maybe", "PGRST100"),
            ("q=x&facet_limit=x", "PGRST100"),
            ("q=x&facet_limit=1001", "54000"),
            ("q=x&limit=1001", "54000"),
            ("q=x&offset=10001", "54000"),
            ("q=x&order=a", "PGRST127"),
            ("q=x&cursor=", "PGRST127"),
            ("q=x&facets=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u", "54000"),
        ] {
            assert_eq!(parse(query).unwrap_err().code(), code, "{query}");
        }
    }
}
