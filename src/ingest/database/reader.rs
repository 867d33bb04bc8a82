//! Reads what one worker has to.

use std::rc::Rc;

use super::batch::{Asked, Batch, Fetched};
use super::copy::Copy;
use super::describe::{Described, describe};
use super::model::{Pages, Place, Source, Table};
use super::session::Session;
use crate::error::{Error, Result};
use crate::ingest::scan::{BadRow, RawRow, RowSink};
use crate::ingest::source::InputFile;
use crate::ingest::typed::{self, Columns, Layout, Place as Column};
use crate::job::{Column as Named, FilesSpec};

/// A connection that sees the state which the plan is for.
pub struct Reader {
    file: InputFile,
    source: Source,
    session: Session,
}

/// How a table or query is laid out.
///
/// # Errors
/// [`Error::Job`] for a key that does not fit it, or what the server says of it.
pub fn layout(spec: &FilesSpec, file: &InputFile) -> Result<(Layout, Source)> {
    let Described { source, fields, rows, bytes } = describe(&Session::open(file)?)?;
    let mut layout = typed::layout(spec, &Columns::of_table("input", &file.path, fields))?;
    layout.groups.push(rows);
    layout.bytes.push(bytes);
    Ok((layout, source))
}

/// The names of the columns that hold one value a row, and the first `n_rows` rows, as texts.
pub fn first_rows(file: &InputFile, n_rows: usize) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let session = Session::open(file)?;
    let Described { source, fields, .. } = describe(&session)?;
    let (names, places): (Vec<String>, Vec<Column>) =
        Columns::of_table("input", &file.path, fields).plain().into_iter().unzip();
    let mut rows = Vec::new();
    if n_rows > 0 {
        let reader = Reader { file: file.clone(), source, session };
        reader.read_texts(&places, Some(n_rows as u64), |_, texts| {
            rows.push(texts.to_vec());
            Ok(())
        })?;
    }
    Ok((names, rows))
}

/// Hands the columns that a section of the job file names to `each`, as texts, with the number of the row. A missing
/// value is an empty text.
pub fn read_texts(
    file: &InputFile,
    section: &'static str,
    keys: &[(&'static str, &Named)],
    each: impl FnMut(u64, &[String]) -> Result<()>,
) -> Result<()> {
    let session = Session::open(file)?;
    let Described { source, fields, .. } = describe(&session)?;
    let columns = Columns::of_table(section, &file.path, fields);
    let places = keys.iter().map(|(key, column)| columns.place(key, column)).collect::<Result<Vec<_>>>()?;
    Reader { file: file.clone(), source, session }.read_texts(&places, None, each)
}

impl Reader {
    pub fn open(file: &InputFile, source: &Source) -> Result<Reader> {
        Ok(Reader { file: file.clone(), source: source.clone(), session: Session::open(file)? })
    }

    /// Hands the rows in some pages to `sink`, in their order.
    pub fn scan_pages(&self, pages: Pages, layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
        for (table, before, Pages { start, end }) in self.source.rows.tables_of(pages) {
            // The last page of a table may be the last that there can be.
            let below = if end < u64::from(u32::MAX) { format!(" AND t.ctid < '({end},0)'") } else { String::new() };
            let rows = format!("t.ctid >= '({start},0)'{below}");
            self.scan_table(table, before, &rows, layout, sink)?;
        }
        Ok(())
    }

    /// Hands some rows of tables to `sink`, by their numbers, which rise.
    pub fn scan_rows(&self, numbers: &[u64], layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
        let all = Pages { start: 0, end: self.source.rows.pages() };
        let places: Vec<Place> = numbers.iter().map(|&number| Place::of(number)).collect();
        for (table, before, pages) in self.source.rows.tables_of(all) {
            let here = places.iter().filter(|place| (before..before + pages.end).contains(&place.page));
            let here: Vec<String> = here.map(|place| format!("\"({},{})\"", place.page - before, place.item)).collect();
            if !here.is_empty() {
                let rows = format!("t.ctid = ANY ('{{{}}}'::tid[])", here.join(","));
                self.scan_table(table, before, &rows, layout, sink)?;
            }
        }
        Ok(())
    }

    fn scan_table(
        &self,
        table: &Table,
        before: u64,
        rows: &str,
        layout: &Layout,
        sink: &mut impl RowSink,
    ) -> Result<()> {
        let asked = self.asked(layout.places(), true);
        let selected = self.source.selected(&asked.columns.iter().map(|(leaf, _)| *leaf).collect::<Vec<_>>());
        let sql = format!("SELECT t.ctid, {selected} FROM ONLY {} AS t WHERE {rows}", table.name);
        self.fetch(&sql, asked, |fetched, _| {
            let batch = Rc::clone(&fetched.batch);
            let mut placed = Placed { sink, batch: &batch, before, table };
            typed::scan_group(fetched, 0, layout, &mut placed)
        })
    }

    /// Hands the rows of a query to `sink`, as they come: `most` of them, or all.
    pub fn scan_query(&self, most: Option<u64>, layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
        let asked = self.asked(layout.places(), false);
        let sql = self.query(&asked, most);
        self.fetch(&sql, asked, |fetched, first| typed::scan_group(fetched, first, layout, sink))
    }

    fn read_texts(
        &self,
        places: &[Column],
        most: Option<u64>,
        mut each: impl FnMut(u64, &[String]) -> Result<()>,
    ) -> Result<()> {
        let asked = self.asked(places.iter(), false);
        let sql = self.query(&asked, most);
        self.fetch(&sql, asked, |fetched, first| {
            let mut number = first;
            typed::read_group(fetched, 0, places, u64::MAX, |texts| {
                number += 1;
                each(number - 1, texts)
            })
        })
    }

    /// The rows of everything that is read.
    fn query(&self, asked: &Asked, most: Option<u64>) -> String {
        let selected = self.source.selected(&asked.columns.iter().map(|(leaf, _)| *leaf).collect::<Vec<_>>());
        let limit = most.map_or(String::new(), |most| format!(" LIMIT {most}"));
        format!("SELECT {selected} FROM {}{limit}", self.source.from())
    }

    /// The columns of these places, each once.
    fn asked<'p>(&self, places: impl Iterator<Item = &'p Column>, with_place: bool) -> Asked {
        let mut leaves: Vec<usize> = places.filter_map(Column::leaf).map(|(leaf, _)| leaf).collect();
        leaves.sort_unstable();
        leaves.dedup();
        let wire = |leaf: usize| (leaf, self.source.columns[leaf].wire);
        Asked { columns: leaves.into_iter().map(wire).collect(), with_place }
    }

    /// Hands what a query has to `each`, some rows at a time, with the number of the first.
    fn fetch(&self, sql: &str, asked: Asked, mut each: impl FnMut(&Fetched<'_>, u64) -> Result<()>) -> Result<()> {
        let ended = |e: std::io::Error| self.session.failed("cannot read on", e);
        self.session.copy(&format!("COPY ({sql}) TO STDOUT (FORMAT binary)"), |sent| {
            let (mut copy, mut first) = (Copy::new(sent), 0);
            let mut fetched = Fetched { file: &self.file, batch: Rc::new(Batch::new(asked.clone())) };
            loop {
                // The columns of the last rows are gone, and so the batch is this one's own.
                let batch = Rc::get_mut(&mut fetched.batch).ok_or_else(|| self.held())?;
                copy.next(asked.n_fields(), &mut batch.sent).map_err(ended)?;
                if batch.n_rows() == 0 {
                    return Ok(());
                }
                batch.settle().map_err(|problem| ended(std::io::Error::other(problem)))?;
                each(&fetched, first)?;
                first += fetched.batch.n_rows() as u64;
            }
        })
    }

    fn held(&self) -> Error {
        Error::Bug { place: self.session.named.address.to_string(), problem: "rows are still in use".into() }
    }
}

/// Passes rows on by their places in a table.
struct Placed<'s, S> {
    sink: &'s mut S,
    batch: &'s Batch,
    /// Pages of the tables before this one.
    before: u64,
    table: &'s Table,
}

impl<S> Placed<'_, S> {
    #[inline(always)]
    fn number(&self, row: u64) -> u64 {
        let place = self.batch.place(row as usize);
        Place { page: place.page + self.before, ..place }.number()
    }
}

impl<S: RowSink> RowSink for Placed<'_, S> {
    #[inline(always)]
    fn row(&mut self, row: RawRow<'_>) {
        let number = self.number(row.byte);
        self.sink.row(RawRow { byte: number, line: number, ..row });
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        let (number, Place { page, item }) = (self.number(bad.byte), self.batch.place(bad.byte as usize));
        let problem = format!("{}, in the row of {} at ctid ({page},{item})", bad.problem, self.table.name);
        self.sink.bad(BadRow { byte: number, line: number, problem, ..bad });
    }
}
