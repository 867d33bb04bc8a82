//! Writes rows of users with numbers and times, a row group at a time.

use std::fs::File;
use std::io::{BufWriter, Error as IoError};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result as Written};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::failure::cannot;
use crate::error::Result;
use crate::results::Id;
use crate::results::table::ROW_GROUP;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    /// A number or nothing.
    Optional,
    /// Microseconds since 1970 in UTC.
    Time,
}

/// A file of rows.
pub struct Writer {
    path: PathBuf,
    file: SerializedFileWriter<BufWriter<File>>,
    numeric: bool,
    kinds: &'static [(&'static str, Kind)],
    users: Vec<Id>,
    numbers: Vec<Vec<Option<i64>>>,
}

impl Writer {
    /// With a column `user`, of numbers or text, and these.
    pub fn create(path: &Path, numeric: bool, kinds: &'static [(&'static str, Kind)]) -> Result<Writer> {
        let failed = |e: ParquetError| cannot("write", path, &IoError::other(e));
        let user = if numeric { "int64 user" } else { "binary user (STRING)" };
        let columns = kinds.iter().map(|(name, kind)| match kind {
            Kind::Number => format!("required int64 {name};"),
            Kind::Optional => format!("optional int64 {name};"),
            Kind::Time => format!("required int64 {name} (TIMESTAMP(MICROS,true));"),
        });
        let schema = format!("message rows {{ required {user}; {} }}", columns.collect::<String>());
        let schema = Arc::new(parse_message_type(&schema).map_err(failed)?);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = File::create(path).map_err(|e| cannot("create", path, &e))?;
        let file = SerializedFileWriter::new(BufWriter::new(file), schema, Arc::new(properties)).map_err(failed)?;
        Ok(Writer {
            path: path.into(),
            file,
            numeric,
            kinds,
            users: Vec::new(),
            numbers: vec![Vec::new(); kinds.len()],
        })
    }

    pub fn push(&mut self, user: &Id, numbers: &[Option<i64>]) -> Result<()> {
        self.users.push(user.clone());
        self.numbers.iter_mut().zip(numbers).for_each(|(column, &number)| column.push(number));
        if self.users.len() < ROW_GROUP { Ok(()) } else { self.end_group() }
    }

    fn end_group(&mut self) -> Result<()> {
        let written = self.write_group();
        written.map_err(|e| cannot("write", &self.path, &IoError::other(e)))
    }

    fn write_group(&mut self) -> Written<()> {
        let users = mem::take(&mut self.users);
        let mut group = self.file.next_row_group()?;
        let missing = || ParquetError::General("a column is missing".into());
        let mut column = group.next_column()?.ok_or_else(missing)?;
        match column.untyped() {
            ColumnWriter::Int64ColumnWriter(writer) => writer.write_batch(&numbers(&users)?, None, None)?,
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let texts: Vec<ByteArray> = users.iter().map(|id| ByteArray::from(id.to_string().as_str())).collect();
                writer.write_batch(&texts, None, None)?
            }
            _ => return Err(missing()),
        };
        column.close()?;
        for ((_, kind), values) in self.kinds.iter().zip(&mut self.numbers) {
            let values = mem::take(values);
            let present: Vec<i64> = values.iter().flatten().copied().collect();
            let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
            let mut column = group.next_column()?.ok_or_else(missing)?;
            let ColumnWriter::Int64ColumnWriter(writer) = column.untyped() else { return Err(missing()) };
            writer.write_batch(&present, (*kind == Kind::Optional).then_some(&levels[..]), None)?;
            column.close()?;
        }
        group.close().map(drop)
    }

    pub fn finish(mut self) -> Result<()> {
        debug_assert!(self.numeric || self.numbers.len() == self.kinds.len());
        if !self.users.is_empty() {
            self.end_group()?;
        }
        let Writer { path, file, .. } = self;
        let ended = file.into_inner().and_then(|buffer| Ok(buffer.into_inner().map_err(|e| e.into_error())?));
        ended.map(drop).map_err(|e| cannot("write", &path, &IoError::other(e)))
    }
}

fn numbers(users: &[Id]) -> Written<Vec<i64>> {
    let number = |id: &Id| match id {
        Id::Number(number) => Ok(*number as i64),
        Id::Text(text) => Err(ParquetError::General(format!("{text:?} in a column of numbers"))),
    };
    users.iter().map(number).collect()
}
