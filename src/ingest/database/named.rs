//! The table or query that an address names: `postgres://user@host/db?table=shop.ratings`, or `?query=SELECT …`.

use std::path::Path;

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};
use crate::postgres::{Address, check_built};

/// What an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub address: Address,
    pub rows: Rows,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// As in SQL: perhaps with a schema, perhaps in quotes.
    Table(String),
    Query(String),
}

const FORM: &str = "add ?table=NAME or ?query=SELECT … at its end";

/// Refuses an address that cannot be read. Nothing of it is in the error: it may have a password in it.
pub fn check(key: &str, path: &Path) -> Result<()> {
    check_built(key)?;
    named(key, path).map(drop)
}

/// What an address names; `key` is the key of the job that has it.
pub fn named(key: &str, path: &Path) -> Result<Named> {
    let Some(text) = path.to_str() else { return Err(Error::job(key, "the address is no text in UTF-8", FORM)) };
    let (connection, rows) = split(text).map_err(|problem| Error::job(key, problem, FORM))?;
    Ok(Named { address: Address::parse(key, &connection)?, rows })
}

/// Whether the rows come in an order that the address asks for.
pub fn is_ordered(path: &Path) -> bool {
    let words = |query: &str| query.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let rows = path.to_str().and_then(|text| split(text).ok()).map(|(_, rows)| rows);
    matches!(rows, Some(Rows::Query(query)) if words(&query).contains("order by "))
}

/// The address without its table or query, and these. A query that has a space in it is taken as it stands, up to the end of the address;
/// any other has %-escapes.
fn split(text: &str) -> std::result::Result<(String, Rows), &'static str> {
    let (base, mut rest) = text.split_once('?').unwrap_or((text, ""));
    let (mut kept, mut found) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        if let Some(query) = rest.strip_prefix("query=").filter(|query| query.contains(char::is_whitespace)) {
            found.push(Rows::Query(query.to_string()));
            break;
        }
        let (parameter, others) = rest.split_once('&').unwrap_or((rest, ""));
        match parameter.split_once('=') {
            Some(("query", query)) => found.push(Rows::Query(unescaped(query)?)),
            Some(("table", table)) => found.push(Rows::Table(unescaped(table)?)),
            _ => kept.push(parameter),
        }
        rest = others;
    }
    let [rows] = <[Rows; 1]>::try_from(found).map_err(|found| match found.len() {
        0 => "the address names no table and no query",
        _ => "the address names several tables or queries",
    })?;
    let rows = match rows {
        Rows::Query(query) => Rows::Query(query.trim_end_matches(|c: char| c.is_whitespace() || c == ';').to_string()),
        table => table,
    };
    match &rows {
        Rows::Table(text) | Rows::Query(text) if text.trim().is_empty() => Err("the table or query is empty"),
        _ if kept.is_empty() => Ok((base.to_string(), rows)),
        _ => Ok((format!("{base}?{}", kept.join("&")), rows)),
    }
}

fn unescaped(text: &str) -> std::result::Result<String, &'static str> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(String::from).map_err(|_| "the table or query has %-escapes that are no text in UTF-8")
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (String, Rows) {
        split(text).unwrap()
    }

    #[test]
    fn a_table_or_a_query_is_taken_out_of_the_address() {
        let table = |name: &str| Rows::Table(name.into());
        assert_eq!(parts("postgres://a@h/d?table=shop.ratings"), ("postgres://a@h/d".into(), table("shop.ratings")));
        assert_eq!(
            parts("postgres://a@h/d?sslmode=disable&table=%22My%20Table%22&user=b"),
            ("postgres://a@h/d?sslmode=disable&user=b".into(), table("\"My Table\""))
        );
        let plain = "SELECT a, b & 3 FROM t WHERE c LIKE '%20?=x'";
        assert_eq!(
            parts(&format!("postgres://h/d?sslmode=disable&query={plain};\n")),
            ("postgres://h/d?sslmode=disable".into(), Rows::Query(plain.into()))
        );
        assert_eq!(parts("postgres://h/d?query=TABLE%20t&user=x").1, Rows::Query("TABLE t".into()));
        for wrong in ["postgres://h/d", "postgres://h/d?table=", "postgres://h/d?table=a&query=SELECT 1"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_order_is_one_that_the_query_asks_for() {
        let is_ordered = |text: &str| is_ordered(text.as_ref());
        assert!(is_ordered("postgres://h/d?query=SELECT a FROM t Order\n  By a"));
        assert!(is_ordered("postgres://h/d?query=SELECT%20a%20FROM%20t%20ORDER%20BY%20a"));
        assert!(!is_ordered("postgres://h/d?query=SELECT a FROM t"));
        assert!(!is_ordered("postgres://h/d?table=t"));
    }

    proptest! {
        #[test]
        fn any_query_reads_back_with_escapes(query in "[ -~]{1,60}") {
            let query = query.trim_end_matches(|c: char| c.is_whitespace() || c == ';');
            prop_assume!(!query.trim().is_empty());
            let text = format!("postgres://h/d?query={}&sslmode=disable", utf8_percent_encode(query, NON_ALPHANUMERIC));
            prop_assert_eq!(parts(&text), ("postgres://h/d?sslmode=disable".to_string(), Rows::Query(query.to_string())));
        }
    }
}
