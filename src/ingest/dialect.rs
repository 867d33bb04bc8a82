//! How a text file is laid out: delimiter, header, and which columns hold user, item and rating.
//!
//! What the job file leaves open is found in the first lines of each file, by rules that only look at those lines:
//!
//! - **Delimiter**: of tab, `::`, `|`, `;` and comma the one that cuts the most lines into the same number of columns, with
//!   ids in which none of the others is found.
//! - **Header**: a column given by name needs one. Otherwise the first line is data if one of its ids or its rating
//!   is a number or is missing, or if one of its ids comes again further down; it is a header if a column of ids or ratings
//!   is numbers from there on. Where numbers say nothing (text ids and no rating), it is a header only if it calls its ids
//!   what headers call them (`user`, `customer_id`, `sku` ...): a file of that kind with other names needs
//!   `header = true`.
//! - **Columns**: as many as the header has, otherwise as most of the first lines have; then those that the names of the
//!   folders give ([`super::partitions`]).

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fields::{is_blank, split, trim, without_cr};
use super::partitions;
use crate::error::{Error, Result};
use crate::job::{Column, FilesSpec, RatingColumn, TimeUnit};

/// How many bytes of a file [`detect`] looks at.
pub const HEAD_BYTES: usize = 64 << 10;

/// Most lines looked at.
const HEAD_LINES: usize = 1000;

/// In order of preference where the lines fit several.
pub(crate) const DELIMITERS: [&str; 5] = ["\t", "::", "|", ";", ","];

/// What headers call users, items, ratings and titles; also with `id`, `key`, `name`, `code` or `no` after it.
const HEADER_WORDS: [&str; 48] = [
    "user",
    "usr",
    "u",
    "customer",
    "client",
    "visitor",
    "member",
    "account",
    "person",
    "people",
    "reviewer",
    "session",
    "buyer",
    "shopper",
    "subscriber",
    "profile",
    "reader",
    "item",
    "i",
    "movie",
    "film",
    "product",
    "sku",
    "asin",
    "page",
    "url",
    "article",
    "artist",
    "track",
    "song",
    "album",
    "book",
    "isbn",
    "game",
    "show",
    "video",
    "event",
    "rating",
    "score",
    "stars",
    "value",
    "count",
    "weight",
    "quantity",
    "plays",
    "title",
    "label",
    "",
];

pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// How to read one file of ratings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// Not empty; more than one byte means no quoting.
    pub delimiter: Vec<u8>,
    /// The first line after the header; what comes before it is no row.
    pub data_start: u64,
    /// A row with more columns than this is bad.
    pub columns: usize,
    pub user: usize,
    pub item: usize,
    /// `None`: each row counts 1.
    pub rating: Option<usize>,
    /// Where rows say when they were, if somebody asks.
    pub time: Option<TimeColumn>,
    /// What the names of the file's folders say (`year=2024/`): columns after those of the file.
    pub partitions: Vec<String>,
}

/// The column of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeColumn {
    pub column: usize,
    /// What its numbers count.
    pub unit: TimeUnit,
}

impl Dialect {
    /// User, item and rating in `columns` columns, without a header.
    #[cfg(test)]
    pub fn example(delimiter: &str, columns: usize) -> Dialect {
        let delimiter = delimiter.as_bytes().to_vec();
        let (user, item, rating) = (0, 1, Some(2));
        Dialect { delimiter, data_start: 0, columns, user, item, rating, time: None, partitions: Vec::new() }
    }

    /// The value of a column that the folders' names give.
    #[inline(always)]
    pub fn partition(&self, column: usize) -> Option<&str> {
        self.partitions.get(column.checked_sub(self.columns)?).map(String::as_str)
    }
}

/// The layout of the file at `path`, found in `head`: its first [`HEAD_BYTES`] bytes, or all of them if it has fewer.
/// More may be given and is not looked at. A file without a line has no rows in any layout.
///
/// Errors: [`Error::Job`] for a key that does not fit the file; [`Error::Data`] for a file that is no text.
pub fn detect(spec: &FilesSpec, path: &Path, head: &[u8]) -> Result<Dialect> {
    let (rating, required) = match &spec.rating {
        RatingColumn::Given(column) => (Some(column.clone()), true),
        RatingColumn::Default => (Some(Column::Index(2)), false),
        RatingColumn::None => (None, false),
    };
    let mut keys = vec![Key::id("user", &spec.user), Key::id("item", &spec.item)];
    keys.extend(rating.map(|column| Key { name: "rating", column, required, kind: Kind::Number }));
    keys.extend(spec.time.iter().map(|time| Key {
        name: "time",
        column: time.column.clone(),
        required: true,
        kind: Kind::Text,
    }));
    let partitions = partitions::of(path);
    let names = partitions.iter().map(|(name, _)| name.clone()).collect();
    let want =
        Want { section: "input", delimiter: spec.delimiter.as_deref(), header: spec.header, keys, partitions: names };
    let layout = layout(&want, path, head)?;
    let (user, item) = (layout.found[0].unwrap_or(0), layout.found[1].unwrap_or(1));
    let found = |name: &str| layout.found[want.keys.iter().position(|key| key.name == name)?];
    let rating = found("rating");
    let time = spec.time.as_ref().and_then(|time| Some(TimeColumn { column: found("time")?, unit: time.unit }));
    if user == item {
        return Err(want.misfit("item", path, "user and item are the same column".into(), "name another column"));
    }
    if required && (rating == Some(user) || rating == Some(item)) {
        let problem = "the rating is in the column of an id".into();
        return Err(want.misfit("rating", path, problem, "name another column, or set it to false to count rows"));
    }
    let is_time = |column: usize| time.is_some_and(|time| time.column == column);
    if is_time(user) || is_time(item) || required && rating.is_some_and(is_time) {
        let problem = "the time is in the column of an id or of the rating".into();
        return Err(want.misfit("time", path, problem, "name another column"));
    }
    let rating = rating.filter(|&r| r != user && r != item && !is_time(r));
    Ok(Dialect {
        delimiter: layout.delimiter,
        data_start: layout.data_start,
        columns: layout.columns,
        user,
        item,
        rating,
        time: time.filter(|_| spec.time.as_ref().is_some_and(|time| time.asked)),
        partitions: partitions.into_iter().map(|(_, value)| value).collect(),
    })
}

/// What a section of the job file says about a text file.
pub(super) struct Want<'a> {
    /// The section, for messages: `input` or `input.items`.
    pub section: &'static str,
    pub delimiter: Option<&'a str>,
    pub header: Option<bool>,
    pub keys: Vec<Key>,
    /// The names of the columns that the folders' names give.
    pub partitions: Vec<String>,
}

/// A column that the job needs.
pub(super) struct Key {
    pub name: &'static str,
    pub column: Column,
    /// Otherwise a file without it is no mistake.
    pub required: bool,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Number,
    Text,
}

impl Key {
    pub fn id(name: &'static str, column: &Column) -> Key {
        Key { name, column: column.clone(), required: true, kind: Kind::Id }
    }
}

/// What was found.
pub(super) struct Layout {
    pub delimiter: Vec<u8>,
    pub data_start: u64,
    pub columns: usize,
    /// The column of each key.
    pub found: Vec<Option<usize>>,
}

/// Finds delimiter, header and columns from the head of a file.
pub(super) fn layout(want: &Want<'_>, path: &Path, head: &[u8]) -> Result<Layout> {
    check_delimiter(want)?;
    let head_is_all = head.len() < HEAD_BYTES;
    let head = &head[..head.len().min(HEAD_BYTES)];
    check_is_text(path, head)?;
    let lines = first_lines(head, head_is_all);
    if lines.is_empty() {
        return empty_layout(want, path, head);
    }
    let texts: Vec<&[u8]> = lines.iter().map(|l| l.text).collect();
    let delimiter = match want.delimiter {
        Some(given) => given.as_bytes().to_vec(),
        None => find_delimiter(want, path, &texts)?,
    };
    let rows: Vec<Row> = texts.iter().filter_map(|line| split(line, &delimiter)).collect();
    let (Some(first), true) = (rows.first(), split(texts[0], &delimiter).is_some()) else {
        return Err(Error::data(
            path.display().to_string(),
            "a quote in the first line stays open",
            format!("correct the line or set {}.delimiter", want.section),
        ));
    };
    let header = has_header(want, path, &rows)?;
    let columns = if header { first.len() } else { usual_columns(&rows) };
    let names: Option<Vec<String>> = header.then(|| first.iter().map(|f| text(f)).collect());
    let found = want.keys.iter().map(|k| want.resolve(k, path, names.as_deref(), columns, &delimiter));
    let found = found.collect::<Result<_>>()?;
    let data_start = if header { lines[0].next } else { bom(head) as u64 };
    Ok(Layout { delimiter, data_start, columns, found })
}

type Row = Vec<Vec<u8>>;

struct Line<'a> {
    text: &'a [u8],
    /// Where the next line starts.
    next: u64,
}

/// The complete lines of the head that are not blank.
fn first_lines(head: &[u8], head_is_all: bool) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut at = bom(head);
    while at < head.len() && lines.len() < HEAD_LINES {
        let end = match memchr::memchr(b'\n', &head[at..]) {
            Some(length) => at + length,
            None if head_is_all => head.len(),
            None => break,
        };
        let text = without_cr(&head[at..end]);
        at = (end + 1).min(head.len());
        if !is_blank(text) {
            lines.push(Line { text, next: at as u64 });
        }
    }
    lines
}

fn bom(head: &[u8]) -> usize {
    if head.starts_with(BOM) { BOM.len() } else { 0 }
}

fn check_is_text(path: &Path, head: &[u8]) -> Result<()> {
    let refuse = |problem: &str, remedy: &str| Err(Error::data(path.display().to_string(), problem, remedy));
    match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => refuse("this is UTF-16 text", "save it as UTF-8"),
        _ if head.contains(&0) => refuse("this is not a text file", "name files of delimited text"),
        _ => Ok(()),
    }
}

fn check_delimiter(want: &Want<'_>) -> Result<()> {
    match want.delimiter {
        Some(d) if d.is_empty() || d.contains(['\n', '\r', '"']) => Err(Error::job(
            format!("{}.delimiter", want.section),
            format!("{d:?} cannot delimit columns"),
            "give one or more characters without line ends or quotes",
        )),
        _ => Ok(()),
    }
}

fn empty_layout(want: &Want<'_>, path: &Path, head: &[u8]) -> Result<Layout> {
    if head.len() >= HEAD_BYTES {
        let problem = format!("no line within the first {} KiB", HEAD_BYTES >> 10);
        return Err(Error::data(
            path.display().to_string(),
            problem,
            "check that it is a text file with one row a line",
        ));
    }
    let delimiter = want.delimiter.unwrap_or(",").as_bytes().to_vec();
    Ok(Layout { delimiter, data_start: head.len() as u64, columns: 0, found: vec![None; want.keys.len()] })
}

/// The delimiter under which the most lines have the usual number of columns and clean ids.
fn find_delimiter(want: &Want<'_>, path: &Path, lines: &[&[u8]]) -> Result<Vec<u8>> {
    let mut best: Option<((usize, usize), &str)> = None;
    for delimiter in DELIMITERS {
        let rows: Vec<Row> = lines.iter().filter_map(|line| split(line, delimiter.as_bytes())).collect();
        let columns = usual_columns(&rows);
        if columns < 2 {
            continue;
        }
        let ids = id_columns(want, &rows);
        let usual = rows.iter().filter(|row| row.len() == columns);
        let clean = usual.clone().filter(|row| has_clean_ids(row, &ids, delimiter)).count();
        let score = (clean, usual.count());
        if best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, delimiter));
        }
    }
    best.map(|(_, delimiter)| delimiter.as_bytes().to_vec()).ok_or_else(|| {
        let problem = format!("no delimiter found in the first line {:?}", shorten(lines[0]));
        want.misfit("delimiter", path, problem, "set it to what stands between the columns")
    })
}

/// The columns of the ids under one way to cut the lines; `None` where an id is not there.
fn id_columns(want: &Want<'_>, rows: &[Row]) -> Option<Vec<usize>> {
    let place = |key: &Key| match &key.column {
        Column::Index(index) => Some(*index),
        Column::Name(name) => rows.first()?.iter().position(|f| text(f) == *name),
    };
    want.keys.iter().filter(|k| k.kind == Kind::Id && !want.is_partition(k)).map(place).collect()
}

fn has_clean_ids(row: &Row, ids: &Option<Vec<usize>>, delimiter: &str) -> bool {
    let others = || DELIMITERS.iter().filter(|d| **d != delimiter);
    let clean = |id: &Vec<u8>| !others().any(|d| memchr::memmem::find(id, d.as_bytes()).is_some());
    ids.as_ref().is_some_and(|ids| ids.iter().all(|&i| row.get(i).is_some_and(clean)))
}

/// The most frequent number of columns; the larger of two equally frequent ones.
fn usual_columns(rows: &[Row]) -> usize {
    let mut lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    let runs = lengths.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| run.len()).map_or(0, |run| run[0])
}

fn has_header(want: &Want<'_>, path: &Path, rows: &[Row]) -> Result<bool> {
    let named = want.keys.iter().find(|k| matches!(k.column, Column::Name(_)) && !want.is_partition(k));
    match (named, want.header) {
        (Some(key), Some(false)) => {
            let problem = format!("the column is given by name, but {}.header is false", want.section);
            Err(want.misfit(key.name, path, problem, "give the column's index, counted from 0"))
        }
        (Some(_), _) => Ok(true),
        (None, Some(given)) => Ok(given),
        (None, None) => Ok(looks_like_a_header(&want.keys, rows)),
    }
}

/// The rule in the module's doc. `rows` is not empty, and all columns are given by index.
fn looks_like_a_header(keys: &[Key], rows: &[Row]) -> bool {
    let (first, rest) = (&rows[0], &rows[1..]);
    let mut ids_are_words = true;
    let mut numbers_follow = false;
    for key in keys.iter().filter(|k| k.kind != Kind::Text) {
        let Column::Index(column) = key.column else { continue };
        let Some(field) = first.get(column) else { continue };
        let below = || rest.iter().filter_map(|row| row.get(column));
        if trim(field).is_empty() || is_number(field) {
            return false;
        }
        if key.kind == Kind::Id {
            if below().any(|other| other == field) {
                return false;
            }
            ids_are_words &= is_header_word(field);
        }
        let numbers = below().filter(|f| is_number(f)).count();
        numbers_follow |= numbers > 0 && 10 * numbers >= 9 * below().count();
    }
    numbers_follow || ids_are_words
}

fn is_number(field: &[u8]) -> bool {
    let field = trim(field);
    let starts = matches!(field, [b'0'..=b'9' | b'.' | b'+' | b'-', ..]);
    starts && std::str::from_utf8(field).is_ok_and(|t| t.parse::<f64>().is_ok())
}

fn is_header_word(field: &[u8]) -> bool {
    let letters = text(field).to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
    let stems = ["", "id", "key", "name", "code", "no"].iter().filter_map(|suffix| letters.strip_suffix(suffix));
    !letters.is_empty() && stems.into_iter().any(|stem| HEADER_WORDS.contains(&stem))
}

impl Want<'_> {
    /// Only the name of a folder is known to give the column.
    fn is_partition(&self, key: &Key) -> bool {
        matches!(&key.column, Column::Name(name) if self.partitions.contains(name))
    }

    /// A key that does not fit the file.
    pub fn misfit(&self, key: &str, path: &Path, problem: String, remedy: &str) -> Error {
        Error::job(format!("{}.{key}", self.section), format!("{}: {problem}", path.display()), remedy)
    }

    fn resolve(
        &self,
        key: &Key,
        path: &Path,
        names: Option<&[String]>,
        columns: usize,
        delimiter: &[u8],
    ) -> Result<Option<usize>> {
        let index = match &key.column {
            Column::Index(index) => *index,
            Column::Name(name) => {
                let own = names.unwrap_or_default().iter().cloned();
                let named: Vec<String> = own.chain(self.partitions.iter().cloned()).collect();
                // Without a header the file's own columns have no names.
                let unnamed = if names.is_some() { 0 } else { columns };
                return self.by_name(key, path, name, &named).map(|index| Some(unnamed + index));
            }
        };
        let all = columns + self.partitions.len();
        if index < all || !key.required {
            return Ok((index < columns).then_some(index).or((key.required && index < all).then_some(index)));
        }
        let plural = if columns == 1 { "" } else { "s" };
        let problem = format!(
            "there is no column {index}, counted from 0: delimiter {:?} makes {columns} column{plural}",
            String::from_utf8_lossy(delimiter)
        );
        let remedy = format!("correct {0}.{1} or {0}.delimiter", self.section, key.name);
        Err(self.misfit(key.name, path, problem, &remedy))
    }

    fn by_name(&self, key: &Key, path: &Path, name: &str, names: &[String]) -> Result<usize> {
        let own = names.len() - self.partitions.len();
        let name = name.trim_matches([' ', '\t']);
        // A column of the file comes before one of the same name that its folder gives.
        let in_file = names[..own].iter().any(|n| n == name);
        let mut matching = (0..if in_file { own } else { names.len() }).filter(|&i| names[i] == name);
        match (matching.next(), matching.next()) {
            (Some(index), None) => Ok(index),
            (None, _) => {
                let problem = format!("no column is called {name:?}: the columns are {}", names.join(", "));
                Err(self.misfit(key.name, path, problem, "name one of them, or give its index, counted from 0"))
            }
            (Some(a), Some(b)) => {
                let problem = format!("columns {a} and {b} are both called {name:?}");
                Err(self.misfit(key.name, path, problem, "give the column's index, counted from 0"))
            }
        }
    }
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(trim(field)).into_owned()
}

/// The beginning of some input, for a message of one line.
pub(super) fn shorten(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> FilesSpec {
        FilesSpec::by_position(Vec::new())
    }

    fn found(spec: &FilesSpec, head: &str) -> Dialect {
        detect(spec, Path::new("r.csv"), head.as_bytes()).unwrap()
    }

    fn refused(spec: &FilesSpec, head: &str) -> String {
        detect(spec, Path::new("r.csv"), head.as_bytes()).unwrap_err().to_string()
    }

    fn delimiter(head: &str) -> String {
        String::from_utf8(found(&spec(), head).delimiter).unwrap()
    }

    #[test]
    fn delimiters_are_found() {
        assert_eq!(delimiter("196\t242\t3\t881250949\n186\t302\t3\t891717742\n"), "\t");
        assert_eq!(delimiter("1::1193::5::978300760\r\n1::661::3::978302109\r\n"), "::");
        assert_eq!(delimiter("1|2|3\n"), "|");
        assert_eq!(delimiter("userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n"), ",");
        assert_eq!(delimiter("1;2;3,5\n4;5;2,5\n"), ";", "a decimal comma delimits nothing");
        assert_eq!(delimiter("1,2,3,a|b\n1,3,4,c|d\n"), ",", "a list in a later column delimits nothing");
        assert_eq!(delimiter("\"a;b\",\"x|y\",3\n\"c\",\"z\",4\n\"c\",\"z\",4\n"), ",");
        assert_eq!(delimiter("u,1\nv|2,3\nw,4\n"), ",", "one odd line changes nothing");
        assert!(refused(&spec(), "hello world\n").starts_with("input.delimiter: r.csv: no delimiter found"));
    }

    #[test]
    fn headers_are_told_from_data() {
        for (head, header) in [
            ("user,item,rating\n1,2,3\n", true),
            ("a,b,c\nann,book,3\nbob,pen,4\n", true),
            ("ann,book,3\nbob,pen,4\n", false),
            ("1,2,oops\n3,4,5\n", false),
            ("ann,book,oops\nbob,pen,4\nann,ink,2\n", false),
            ("ann,book,\nbob,pen,4\n", false),
            ("customer_id,SKU\nann,book\nbob,pen\n", true),
            ("ann,book\nbob,pen\n", false),
            ("u,i\n1,2\n", true),
            ("page,url\npage,x\n", false),
            ("user,item,rating\n", true),
            ("user,item\n", true),
            ("ann,12\n3,4\n5,6\n7,8\n", false),
        ] {
            assert_eq!(found(&spec(), head).data_start > 0, header, "{head}");
        }
    }

    #[test]
    fn data_start_after_mark_and_header() {
        assert_eq!(found(&spec(), "\u{feff}1,2,3\n").data_start, 3);
        assert_eq!(found(&spec(), "\u{feff}\r\nuser,item\r\n1,2\r\n").data_start, 16);
        assert_eq!(found(&spec(), "user,item").data_start, 9);
        let given = FilesSpec { header: Some(true), ..spec() };
        assert_eq!(found(&given, "1,2\n3,4\n").data_start, 4);
        assert_eq!(found(&spec(), "").data_start, 0);
        assert_eq!(found(&spec(), "\n\n").data_start, 2);
    }

    #[test]
    fn columns_by_name_and_index() {
        let name = |n: &str| Column::Name(n.into());
        let named = FilesSpec {
            user: name("who"),
            item: name("what"),
            rating: RatingColumn::Given(name("how much")),
            ..spec()
        };
        let dialect = found(&named, "\"when\",what,\"how much\" , who\n1,2,3,4\n");
        assert_eq!((dialect.user, dialect.item, dialect.rating, dialect.columns), (3, 1, Some(2), 4));
        assert_eq!(
            refused(&named, "a,what,c\n1,2,3\n"),
            "input.user: r.csv: no column is called \"who\": the columns are a, what, c; name one of them, or give its \
             index, counted from 0"
        );
        assert!(refused(&named, "who,who,what\n1,2,3\n").contains("columns 0 and 1 are both called"));
        assert!(refused(&FilesSpec { header: Some(false), ..named }, "who,what,a\n").contains("header is false"));
        assert_eq!(found(&spec(), "1,2\n").rating, None);
        assert_eq!(found(&FilesSpec { rating: RatingColumn::None, ..spec() }, "1,2,3\n").rating, None);
        let far = FilesSpec { rating: RatingColumn::Given(Column::Index(2)), ..spec() };
        assert!(refused(&far, "1,2\n").contains("no column 2, counted from 0: delimiter \",\" makes 2 columns"));
        assert!(refused(&FilesSpec { user: Column::Index(1), ..spec() }, "1,2,3\n").contains("same column"));
        let swapped = FilesSpec { user: Column::Index(1), item: Column::Index(2), ..spec() };
        assert_eq!(found(&swapped, "9,1,2\n").rating, None, "the default rating gives way to an id");
    }

    #[test]
    fn the_number_of_columns_is_the_usual_one() {
        assert_eq!(found(&spec(), "1,2\n1,2,3,4\n1,3,3,4\n").columns, 4);
        assert_eq!(found(&spec(), "user,item,rating\n1,2,3,4\n").columns, 3);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for head in [&b"\xff\xfe1\0,\0"[..], b"1,2\0"] {
            let error = detect(&spec(), Path::new("r"), head).unwrap_err();
            assert_eq!(error.exit_code(), 3);
        }
        assert!(detect(&spec(), Path::new("r"), &vec![b'1'; HEAD_BYTES]).is_err());
        let odd = FilesSpec { delimiter: Some("\"".into()), ..spec() };
        assert!(refused(&odd, "1,2\n").starts_with("input.delimiter"));
    }

    #[test]
    fn a_line_cut_by_the_end_of_the_head_is_not_looked_at() {
        let mut head = b"1,2,3\n".repeat(HEAD_BYTES / 6);
        head.resize(HEAD_BYTES, b'x');
        head.extend(b",,,,\n");
        assert_eq!(detect(&spec(), Path::new("r"), &head).unwrap().columns, 3);
    }
}
