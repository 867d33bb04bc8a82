//! Item titles and metadata, from a file of their own: delimited text, packed or not, or Parquet.
//!
//! Small beside the ratings, so it is read whole by whoever needs it. Delimiter and header are found as for ratings
//! ([`super::dialect`]). Unlike there, a quoted field may span lines. An item listed twice has its first title and the
//! metadata of its first row, and one with an empty title has none; white space within a title counts as one space.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use super::dialect::{self, Key, Layout, Want};
use super::fields::{is_blank, without_cr};
use super::ids::{Id, MAX_ID_BYTES};
use super::items::Items;
use super::metadata::Collector;
use super::parquet;
use super::source::uri::{self, Named};
use super::source::{Codec, InputFile, Place, failed, list_store};
use crate::error::{Error, Result};
use crate::job::{Column, Encoding, TitlesSpec};

/// What the file says of its items.
#[derive(Debug)]
pub struct Described<'a> {
    /// The row of each item, from 0: those that count.
    rows: HashMap<Id, u32>,
    /// By row.
    titles: Vec<Option<String>>,
    /// The columns of metadata.
    metadata: Vec<Collector<'a>>,
}

impl<'a> Described<'a> {
    fn new(spec: &'a TitlesSpec) -> Described<'a> {
        let metadata = spec.metadata.iter().map(Collector::new).collect();
        Described { rows: HashMap::new(), titles: Vec::new(), metadata }
    }

    /// Items that have a title.
    pub fn n_titles(&self) -> usize {
        self.titles.iter().flatten().count()
    }

    /// The titles by item id.
    pub fn titles(&self) -> impl Iterator<Item = (&Id, &str)> {
        self.rows.iter().filter_map(|(id, &row)| Some((id, self.titles[row as usize].as_deref()?)))
    }

    /// What is known of the items `ids`.
    pub fn of(mut self, ids: Vec<Id>) -> Items {
        let rows: Vec<Option<u32>> = ids.iter().map(|id| self.rows.get(id).copied()).collect();
        let titles = rows.iter().map(|row| self.titles[(*row)? as usize].take()).collect();
        let metadata = self.metadata.into_iter().map(|column| column.finish(&rows)).collect();
        Items { ids, titles, metadata }
    }

    /// Notes a row, or says what is wrong with its id. `cell(c)` is the text in column `c` of those that
    /// [`columns`] lists.
    fn add<'t>(
        &mut self,
        id: &str,
        title: &str,
        cell: impl Fn(usize) -> Option<&'t str>,
    ) -> std::result::Result<(), String> {
        let id = id.trim_matches([' ', '\t']);
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return Err(format!("the item id must have 1 to {MAX_ID_BYTES} bytes, not {}", id.len()));
        }
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let title = Some(title).filter(|title| !title.is_empty());
        let next = self.titles.len() as u32;
        let row = *self.rows.entry(Id::parse(id)).or_insert(next);
        if row < next {
            self.titles[row as usize] = self.titles[row as usize].take().or(title);
            return Ok(());
        }
        self.titles.push(title);
        let mut first = 2;
        for column in &mut self.metadata {
            column.push(|at| cell(first + at));
            first += column.n_columns();
        }
        Ok(())
    }
}

/// The columns that are asked for: id, title, and those of each piece of metadata one after the other.
fn columns(spec: &TitlesSpec) -> Vec<(&'static str, &Column)> {
    let metadata = spec.metadata.iter().flat_map(|metadata| metadata.from.columns()).map(|column| ("metadata", column));
    [("id", &spec.id), ("title", &spec.title)].into_iter().chain(metadata).collect()
}

/// Titles and metadata.
///
/// Errors: [`Error::File`] for a file that cannot be read, [`Error::Job`] for a key that does not fit it, [`Error::Row`]
/// for a line without id or title column, or that is not in the encoding.
pub fn read(spec: &TitlesSpec) -> Result<Described<'_>> {
    let file = find(spec)?;
    let opened = file.open()?;
    let head = opened.read_at(0, MAGIC).map_err(|e| failed(&file.path, &e))?;
    if parquet::is_parquet(&head) {
        return read_parquet(spec, &file);
    }
    let mut bytes = Vec::new();
    file.unpacked(Codec::of(&head))?.read_to_end(&mut bytes).map_err(|e| failed(&file.path, &e))?;
    from_bytes(spec, &bytes)
}

/// What a delimited file that holds `bytes` says.
pub(crate) fn from_bytes<'a>(spec: &'a TitlesSpec, bytes: &[u8]) -> Result<Described<'a>> {
    let text = decode(spec, bytes)?;
    let key = |(name, column): &(&'static str, &Column)| match *name {
        "id" => Key::id(name, column),
        _ => Key::text(name, column),
    };
    let want = Want {
        section: "input.items",
        path: &spec.path,
        delimiter: spec.delimiter.as_deref(),
        header: spec.header,
        keys: columns(spec).iter().map(key).collect(),
        partitions: Vec::new(),
    };
    let layout = dialect::layout(&want, text.as_bytes())?;
    let described = Described::new(spec);
    let Some(columns) = layout.found.iter().copied().collect() else { return Ok(described) };
    let mut reader = Reader { path: &spec.path, columns, described };
    match layout.delimiter[..] {
        [delimiter] => reader.read_csv(&text, delimiter, &layout)?,
        _ => reader.read_lines(&text, &layout)?,
    }
    Ok(reader.described)
}

/// As many bytes as tell one kind of file from another.
const MAGIC: u64 = 8;

/// The file of titles, on a disk or in a store.
fn find(spec: &TitlesSpec) -> Result<InputFile> {
    let remedy = "check input.items.path";
    match uri::named(&spec.path)? {
        Named::Path(path) => {
            let metadata = fs::metadata(&path).map_err(|e| Error::file(&path, "cannot read", &e, remedy))?;
            Ok(InputFile { path, bytes: metadata.len(), place: Place::Disk })
        }
        Named::Store(address) => match &list_store(&address)?[..] {
            [file] => Ok(file.clone()),
            many => {
                let problem = format!("{address} stands for {} objects", many.len());
                Err(Error::job("input.items.path", problem, "name one file"))
            }
        },
    }
}

fn read_parquet<'a>(spec: &'a TitlesSpec, file: &InputFile) -> Result<Described<'a>> {
    let mut described = Described::new(spec);
    parquet::read_texts(file, "input.items", &columns(spec), |row, cells| {
        let bad = |problem| {
            let remedy = "fix the row, or input.items.id if it names the wrong column".into();
            Error::Row { file: file.path.clone(), line: row + 1, problem, remedy }
        };
        described.add(&cells[0], &cells[1], |at| cells.get(at).map(String::as_str)).map_err(bad)
    })?;
    Ok(described)
}

/// The file as UTF-8. Both encodings keep line ends, so line numbers stay.
fn decode<'b>(spec: &TitlesSpec, bytes: &'b [u8]) -> Result<Cow<'b, str>> {
    match spec.encoding {
        Encoding::Latin1 => Ok(Cow::Owned(bytes.iter().map(|&b| b as char).collect())),
        Encoding::Utf8 => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|e| Error::Row {
            file: spec.path.clone(),
            line: 1 + newlines(&bytes[..e.valid_up_to()]),
            problem: "not valid UTF-8".into(),
            remedy: "set input.items.encoding = \"latin1\" or save the file as UTF-8".into(),
        }),
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

struct Reader<'a, 's> {
    path: &'a Path,
    /// Where the columns are that [`columns`] lists.
    columns: Vec<usize>,
    described: Described<'s>,
}

impl Reader<'_, '_> {
    fn read_csv(&mut self, text: &str, delimiter: u8, layout: &Layout) -> Result<()> {
        let (header, body) = text.split_at(layout.data_start as usize);
        let lines_before = newlines(header.as_bytes());
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(body.as_bytes());
        let mut record = csv::StringRecord::new();
        loop {
            let (line, byte) = (reader.position().line(), reader.position().byte() as usize);
            // The reader has yet to skip the blank lines before the record.
            let blank = body.as_bytes()[byte..]
                .iter()
                .take_while(|b| matches!(b, b'\r' | b'\n'))
                .filter(|b| **b == b'\n')
                .count();
            let line = lines_before + line + blank as u64;
            match reader.read_record(&mut record) {
                Ok(true) if record.len() == 1 && is_blank(record[0].as_bytes()) => {}
                Ok(true) => self.add(|column| record.get(column), line)?,
                Ok(false) => return Ok(()),
                Err(error) => return Err(self.bad(line, error.to_string())),
            }
        }
    }

    fn read_lines(&mut self, text: &str, layout: &Layout) -> Result<()> {
        let delimiter = std::str::from_utf8(&layout.delimiter).unwrap_or_default();
        let (header, body) = text.split_at(layout.data_start as usize);
        let first = 1 + newlines(header.as_bytes());
        for (line, row) in (first..).zip(body.split('\n')) {
            if !is_blank(without_cr(row.as_bytes())) {
                let row = row.strip_suffix('\r').unwrap_or(row);
                let cells: Vec<&str> = row.split(delimiter).collect();
                self.add(|column| cells.get(column).copied(), line)?;
            }
        }
        Ok(())
    }

    fn add<'t>(&mut self, cell: impl Fn(usize) -> Option<&'t str>, line: u64) -> Result<()> {
        let [id, title] = [self.columns[0], self.columns[1]];
        let (Some(id), Some(title)) = (cell(id), cell(title)) else {
            let needed = 1 + id.max(title);
            return Err(self.bad(line, format!("the row has fewer than the {needed} columns that are needed")));
        };
        let columns = &self.columns;
        let added = self.described.add(id, title, |at| cell(columns[at]));
        added.map_err(|problem| self.bad(line, problem))
    }

    fn bad(&self, line: u64, problem: String) -> Error {
        let remedy = "fix the row, or input.items.delimiter if the columns are cut wrongly".into();
        Error::Row { file: self.path.to_path_buf(), line, problem, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::metadata::Values;
    use crate::job::{MetadataFrom, MetadataSpec};

    fn spec(path: &Path) -> TitlesSpec {
        TitlesSpec {
            path: path.to_path_buf(),
            delimiter: None,
            header: None,
            id: Column::Index(0),
            title: Column::Index(1),
            encoding: Encoding::Utf8,
            metadata: Vec::new(),
        }
    }

    fn read_text(bytes: &[u8], change: impl FnOnce(&mut TitlesSpec)) -> Result<Vec<(String, String)>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let mut spec = spec(file.path());
        change(&mut spec);
        let described = read(&spec)?;
        let mut titles: Vec<_> = described.titles().collect();
        titles.sort();
        Ok(titles.into_iter().map(|(id, title)| (id.to_string(), title.to_string())).collect())
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(id, title)| (id.to_string(), title.to_string())).collect()
    }

    #[test]
    fn quoted_titles_with_commas_under_a_header() {
        let text = "\u{feff}movieId,title,genres\r\n1,Toy Story (1995),Animation|Comedy\r\n\r\n\
                    11,\"American President, The (1995)\",Drama\r\n4,\"The \"\"Best\"\"\nof\",x\r\n11,again,x\r\n5,,x\r\n";
        let expected =
            pairs(&[("1", "Toy Story (1995)"), ("4", "The \"Best\" of"), ("11", "American President, The (1995)")]);
        assert_eq!(read_text(text.as_bytes(), |_| {}).unwrap(), expected);
        let by_name =
            |s: &mut TitlesSpec| (s.id, s.title) = (Column::Name("movieId".into()), Column::Name("title".into()));
        assert_eq!(read_text(text.as_bytes(), by_name).unwrap(), expected);
    }

    #[test]
    fn latin1_and_delimiters_of_several_bytes() {
        let text = b"1::Caf\xe9 :: au lait::Drama\n\n2::\"Open::x\n";
        let latin1 = |s: &mut TitlesSpec| s.encoding = Encoding::Latin1;
        assert_eq!(read_text(text, latin1).unwrap(), pairs(&[("1", "Café"), ("2", "\"Open")]));
        let error = read_text(b"1|a\n2|caf\xe9\n", |_| {}).unwrap_err();
        assert!(error.to_string().contains(":2: not valid UTF-8; set input.items.encoding = \"latin1\""), "{error}");
        assert_eq!(error.exit_code(), 3);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let error = read_text(b"sku,title\na,b\n\nlonely\n", |_| {}).unwrap_err();
        assert!(error.to_string().contains(":4: the row has fewer than the 2 columns"), "{error}");
        let error = read_text(b"1::a\n::b\n", |_| {}).unwrap_err();
        assert!(error.to_string().contains(":2: the item id must have"), "{error}");
        let error = read_text(b"1,a\n", |s| s.title = Column::Index(5)).unwrap_err();
        assert!(error.to_string().starts_with("input.items.title: "), "{error}");
        let nowhere = spec(Path::new("/nonexistent/titles.csv"));
        assert_eq!(read(&nowhere).unwrap_err().exit_code(), 4);
        assert_eq!(read_text(b"", |_| {}), Ok(Vec::new()));
    }

    /// The metadata of items by name: each item's categories, or its number.
    fn metadata_of(bytes: &[u8], from: MetadataFrom, ids: &[&str]) -> Result<Vec<String>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let metadata = vec![MetadataSpec { name: "kind".into(), from }];
        let spec = TitlesSpec { metadata, ..spec(file.path()) };
        let items = read(&spec)?.of(ids.iter().map(|id| Id::parse(id)).collect());
        assert_eq!(items.metadata[0].name, "kind");
        let text = |item: usize| match &items.metadata[0].values {
            Values::Categories(all) => {
                all.of_item(item).iter().map(|&at| all.names[at as usize].as_str()).collect::<Vec<_>>().join("+")
            }
            Values::Numbers(numbers) => numbers[item].map_or(String::new(), |number| number.to_string()),
        };
        Ok((0..ids.len()).map(text).collect())
    }

    #[test]
    fn metadata_follows_the_items_through_the_file() {
        let text = "id,title,genres\n7,A,War|Drama\n9,\"B, again\",\n7,again,Comedy\n8,short\n";
        let by_name = || MetadataFrom::Column { column: Column::Name("genres".into()), separator: Some("|".into()) };
        let found = metadata_of(text.as_bytes(), by_name(), &["7", "8", "9", "10"]).unwrap();
        assert_eq!(found, ["Drama+War", "", "", ""]);
        let error = metadata_of(b"id,title\n1,a\n", by_name(), &["1"]).unwrap_err();
        assert!(error.to_string().starts_with("input.items.metadata: "), "{error}");
        assert!(error.to_string().contains("no column is called \"genres\""), "{error}");
        let flags = [("b", 3), ("a", 2)].map(|(name, at)| (name.to_string(), Column::Index(at)));
        let found = metadata_of(b"1::x::1::1\n2::y::0::1\n", MetadataFrom::Flags(flags.into()), &["1", "2"]).unwrap();
        assert_eq!(found, ["a+b", "b"]);
    }

    #[test]
    fn titles_of_movielens_100k() {
        let Some(path) = crate::ingest::movielens_100k("u.item") else { return };
        let spec = TitlesSpec { encoding: Encoding::Latin1, ..spec(&path) };
        let described = read(&spec).unwrap();
        assert_eq!(described.n_titles(), 1682);
        let items = described.of(vec![Id::Number(1), Id::Number(543), Id::Number(2000)]);
        assert_eq!(items.titles[0].as_deref(), Some("Toy Story (1995)"));
        assert_eq!(items.titles[1].as_deref(), Some("Misérables, Les (1995)"));
        assert_eq!(items.titles[2], None);
    }
}
