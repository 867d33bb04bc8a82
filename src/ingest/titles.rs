//! Item titles, from a file of their own: delimited text, packed or not, or Parquet.
//!
//! Small beside the ratings, so it is read whole by whoever needs it. Delimiter and header are found as for ratings
//! ([`super::dialect`]). Unlike there, a quoted field may span lines. An item listed twice has its first title, and one
//! with an empty title has none; white space within a title counts as one space.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use super::dialect::{self, Key, Kind, Layout, Want};
use super::fields::{is_blank, without_cr};
use super::ids::{Id, MAX_ID_BYTES};
use super::parquet;
use super::source::uri::{self, Named};
use super::source::{Codec, InputFile, Place, failed, list_store};
use crate::error::{Error, Result};
use crate::job::{Encoding, TitlesSpec};

/// The titles by item id.
///
/// Errors: [`Error::File`] for a file that cannot be read, [`Error::Job`] for a key that does not fit it, [`Error::Row`]
/// for a line without id or title column, or that is not in the encoding.
pub fn read(spec: &TitlesSpec) -> Result<HashMap<Id, String>> {
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

/// The titles in a delimited file that holds `bytes`.
pub(crate) fn from_bytes(spec: &TitlesSpec, bytes: &[u8]) -> Result<HashMap<Id, String>> {
    let text = decode(spec, bytes)?;
    let title = Key { name: "title", column: spec.title.clone(), required: true, kind: Kind::Text };
    let want = Want {
        section: "input.items",
        delimiter: spec.delimiter.as_deref(),
        header: spec.header,
        keys: vec![Key::id("id", &spec.id), title],
        partitions: Vec::new(),
    };
    let layout = dialect::layout(&want, &spec.path, text.as_bytes())?;
    let (Some(id), Some(title)) = (layout.found[0], layout.found[1]) else { return Ok(HashMap::new()) };
    let mut titles = Titles { path: &spec.path, id, title, found: HashMap::new() };
    match layout.delimiter[..] {
        [delimiter] => titles.read_csv(&text, delimiter, &layout)?,
        _ => titles.read_lines(&text, &layout)?,
    }
    Ok(titles.found)
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

fn read_parquet(spec: &TitlesSpec, file: &InputFile) -> Result<HashMap<Id, String>> {
    let mut found = HashMap::new();
    parquet::read_texts(file, "input.items", [("id", &spec.id), ("title", &spec.title)], |row, [id, title]| {
        let bad = |problem| {
            let remedy = "fix the row, or input.items.id if it names the wrong column".into();
            Error::Row { file: file.path.clone(), line: row + 1, problem, remedy }
        };
        add(&mut found, &id, &title).map_err(bad)
    })?;
    Ok(found)
}

/// Notes the title of an item, or says what is wrong with its id.
fn add(found: &mut HashMap<Id, String>, id: &str, title: &str) -> std::result::Result<(), String> {
    let id = id.trim_matches([' ', '\t']);
    if id.is_empty() || id.len() > MAX_ID_BYTES {
        return Err(format!("the item id must have 1 to {MAX_ID_BYTES} bytes, not {}", id.len()));
    }
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if !title.is_empty() {
        found.entry(Id::parse(id)).or_insert(title);
    }
    Ok(())
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

struct Titles<'a> {
    path: &'a Path,
    id: usize,
    title: usize,
    found: HashMap<Id, String>,
}

impl Titles<'_> {
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
                Ok(true) => self.add(record.get(self.id), record.get(self.title), line)?,
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
                let column = |index| row.split(delimiter).nth(index);
                self.add(column(self.id), column(self.title), line)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, id: Option<&str>, title: Option<&str>, line: u64) -> Result<()> {
        let (Some(id), Some(title)) = (id, title) else {
            let needed = 1 + self.id.max(self.title);
            return Err(self.bad(line, format!("the row has fewer than the {needed} columns that are needed")));
        };
        add(&mut self.found, id, title).map_err(|problem| self.bad(line, problem))
    }

    fn bad(&self, line: u64, problem: String) -> Error {
        let remedy = "fix the row, or input.items.delimiter if the columns are cut wrongly".into();
        Error::Row { file: self.path.to_path_buf(), line, problem, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Column;

    fn spec(path: &Path) -> TitlesSpec {
        TitlesSpec {
            path: path.to_path_buf(),
            delimiter: None,
            header: None,
            id: Column::Index(0),
            title: Column::Index(1),
            encoding: Encoding::Utf8,
        }
    }

    fn read_text(bytes: &[u8], change: impl FnOnce(&mut TitlesSpec)) -> Result<Vec<(String, String)>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let mut spec = spec(file.path());
        change(&mut spec);
        let mut titles: Vec<_> = read(&spec)?.into_iter().collect();
        titles.sort();
        Ok(titles.into_iter().map(|(id, title)| (id.to_string(), title)).collect())
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
        assert_eq!(read(&spec(Path::new("/nonexistent/titles.csv"))).unwrap_err().exit_code(), 4);
        assert_eq!(read_text(b"", |_| {}), Ok(Vec::new()));
    }

    #[test]
    fn titles_of_movielens_100k() {
        let Some(path) = crate::ingest::movielens_100k("u.item") else { return };
        let titles = read(&TitlesSpec { encoding: Encoding::Latin1, ..spec(&path) }).unwrap();
        assert_eq!(titles.len(), 1682);
        assert_eq!(titles[&Id::Number(1)], "Toy Story (1995)");
        assert_eq!(titles[&Id::Number(543)], "Misérables, Les (1995)");
    }
}
