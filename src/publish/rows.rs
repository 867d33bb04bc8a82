//! Users and numbers of theirs in files of segmill's own, a row group at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::basic::Type as Physical;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArrayType, DataType, Int64Type};
use parquet::errors::{ParquetError, Result as Read};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::error::{Error, Result};
use crate::results::Id;

const USER: &str = "user";

/// The rows of a row group.
#[derive(Debug, Default, PartialEq)]
pub struct Group {
    /// Rising.
    pub users: Vec<Id>,
    /// A vector for each column that was asked for.
    pub numbers: Vec<Vec<Option<i64>>>,
}

/// Files with rows of users.
pub struct Rows {
    /// The next one last.
    files: Vec<PathBuf>,
    columns: &'static [&'static str],
    /// Each user is there once, by rising id from file to file.
    once: bool,
    open: Option<Open>,
    last: Option<Id>,
}

struct Open {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    group: usize,
}

impl Rows {
    /// Of `user` and these columns of whole numbers, each user once and by rising id from file to file.
    pub fn once(files: Vec<PathBuf>, columns: &'static [&'static str]) -> Rows {
        Rows { once: true, ..Rows::any(files, columns) }
    }

    /// The same in any order.
    pub fn any(mut files: Vec<PathBuf>, columns: &'static [&'static str]) -> Rows {
        files.reverse();
        Rows { files, columns, once: false, open: None, last: None }
    }

    /// Whether all users are numbers, as the first file says by the type of its column.
    pub fn is_numeric(&self) -> Result<bool> {
        let Some(path) = self.files.last() else { return Ok(true) };
        let reader = open(path)?.reader;
        let schema = reader.metadata().file_metadata().schema_descr();
        let user = schema.columns().iter().find(|column| column.name() == USER);
        Ok(user.is_none_or(|column| column.physical_type() == Physical::INT64))
    }

    /// The next rows; nothing at the end.
    ///
    /// # Errors
    /// Also where users do not rise.
    pub fn next_group(&mut self) -> Result<Option<Group>> {
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                none => match self.files.pop() {
                    Some(path) => none.insert(open(&path)?),
                    None => return Ok(None),
                },
            };
            if open.group == open.reader.num_row_groups() {
                self.open = None;
                continue;
            }
            let group = read(&open.reader, open.group, self.columns).map_err(|e| damaged(&open.path, &e))?;
            open.group += 1;
            let first = group.users.first();
            let rises = first.is_none_or(|first| self.last.as_ref().is_none_or(|last| last < first));
            if self.once && !(rises && group.users.array_windows().all(|[a, b]| a < b)) {
                return Err(damaged(&open.path, &ParquetError::General("its users are not in order".into())));
            }
            self.last = group.users.last().cloned();
            return Ok(Some(group));
        }
    }
}

fn open(path: &Path) -> Result<Open> {
    let remedy = "name the output folder of a finished run";
    let file = File::open(path).map_err(|e| Error::file(path, "cannot read", &e, remedy))?;
    let reader = SerializedFileReader::new(file).map_err(|e| damaged(path, &e))?;
    Ok(Open { path: path.into(), reader, group: 0 })
}

fn damaged(path: &Path, error: &ParquetError) -> Error {
    let problem = format!("this is not a table of users of segmill: {error}");
    Error::data(
        path.display().to_string(),
        problem,
        "it is damaged or of another version of segmill: run the job again",
    )
}

fn read(reader: &SerializedFileReader<File>, group: usize, columns: &[&str]) -> Read<Group> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let place = |name: &str| {
        let found = schema.columns().iter().position(|column| column.name() == name);
        found.ok_or_else(|| ParquetError::General(format!("it has no column {name}")))
    };
    let group = reader.get_row_group(group)?;
    let n_rows = group.metadata().num_rows() as usize;
    let users = match group.get_column_reader(place(USER)?)? {
        ColumnReader::Int64ColumnReader(column) => {
            let users = all::<Int64Type>(column, n_rows)?;
            let user = |id: Option<i64>| id.and_then(|id| u64::try_from(id).ok()).map(Id::Number).ok_or_else(no_id);
            users.into_iter().map(user).collect::<Read<Vec<Id>>>()?
        }
        ColumnReader::ByteArrayColumnReader(column) => {
            let texts = all::<ByteArrayType>(column, n_rows)?;
            texts
                .iter()
                .map(|text| Ok(Id::parse(text.as_ref().ok_or_else(no_id)?.as_utf8()?)))
                .collect::<Read<Vec<Id>>>()?
        }
        _ => return Err(ParquetError::General("its users are neither numbers nor text".into())),
    };
    let number = |name: &&str| match group.get_column_reader(place(name)?)? {
        ColumnReader::Int64ColumnReader(column) => all(column, n_rows),
        _ => Err(ParquetError::General(format!("{name} is no column of whole numbers"))),
    };
    Ok(Group { users, numbers: columns.iter().map(number).collect::<Read<_>>()? })
}

fn no_id() -> ParquetError {
    ParquetError::General("a user has no id".into())
}

/// The values of a row group, with what is missing.
fn all<T: DataType>(mut column: ColumnReaderImpl<T>, n_rows: usize) -> Read<Vec<Option<T::T>>> {
    let (mut values, mut levels) = (Vec::with_capacity(n_rows), Vec::new());
    let mut rows = 0;
    while rows < n_rows {
        let (more, ..) = column.read_records(n_rows - rows, Some(&mut levels), None, &mut values)?;
        if more == 0 {
            return Err(ParquetError::General("a column ends early".into()));
        }
        rows += more;
    }
    if levels.is_empty() {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
}
