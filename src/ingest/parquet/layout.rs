//! What a Parquet file holds, and which of its columns count.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit as StoredUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use serde::{Deserialize, Serialize};

use super::unreadable;
use crate::error::{Error, Result};
use crate::ingest::partitions;
use crate::ingest::rows::MOST_IN_FILE;
use crate::ingest::source::{InputFile, Opened, failed};
use crate::job::{Column, FilesSpec, RatingColumn, Time, TimeUnit};

/// Read from the end of a file in the first go: more than most footers have.
const TAIL: u64 = 64 << 10;

/// How to read one Parquet file, and the places of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The number of rows of each row group.
    pub row_groups: Vec<u64>,
    /// Bytes of the columns that count, as they are stored, of each row group.
    pub bytes: Vec<u64>,
    pub user: Place,
    pub item: Place,
    /// `None`: each row counts 1.
    pub rating: Option<Place>,
    /// Where rows say when they were, if somebody asks.
    pub time: Option<TimePlace>,
}

/// Where a time comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimePlace {
    pub place: Place,
    /// What numbers count: what the column says, or else the job.
    pub unit: TimeUnit,
    /// Numbers count days.
    pub in_days: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// A leaf column of the file, from 0.
    Leaf { leaf: usize, column: usize, kind: Kind },
    /// The name of a folder ([`crate::ingest::partitions`]).
    Folder { value: String, column: usize },
}

/// What a column's values are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Signed,
    Unsigned,
    Float,
    Boolean,
    /// Digits after the point.
    Decimal {
        scale: u32,
    },
    /// A date or a point in time: an integer.
    Time,
    Text,
    Uuid,
}

/// The footer of a file.
pub fn metadata(opened: &Opened, file: &InputFile) -> Result<ParquetMetaData> {
    let mut tail = TAIL.min(file.bytes);
    loop {
        let start = file.bytes - tail;
        let bytes = opened.read_at(start, tail).map_err(|e| failed(&file.path, &e))?;
        let mut reader = ParquetMetaDataReader::new();
        match reader.try_parse_sized(&bytes, file.bytes) {
            Ok(()) => return reader.finish().map_err(|e| unreadable(&file.path, &e)),
            Err(ParquetError::NeedMoreData(needed)) if needed as u64 > tail && needed as u64 <= file.bytes => {
                tail = needed as u64;
            }
            Err(error) => return Err(unreadable(&file.path, &error)),
        }
    }
}

/// The layout of a file.
///
/// Errors: [`Error::Job`] for a key that does not fit the file, [`Error::Data`] for a file that cannot be read.
pub fn layout(spec: &FilesSpec, file: &InputFile) -> Result<Layout> {
    let opened = file.open()?;
    let metadata = metadata(&opened, file)?;
    let columns = Columns::of("input", &file.path, metadata.file_metadata().schema_descr());
    let user = columns.place("user", &spec.user)?;
    let item = columns.place("item", &spec.item)?;
    let rating = columns.rating(&spec.rating, [&user, &item])?;
    if user.column() == item.column() {
        return Err(columns.misfit("item", "user and item are the same column".into(), "name another column"));
    }
    let time = spec.time.as_ref().map(|time| columns.time(time)).transpose()?;
    let mut layout = Layout { row_groups: Vec::new(), bytes: Vec::new(), user, item, rating, time };
    layout.refuse_time_elsewhere(&columns, &spec.rating)?;
    layout.time = layout.time.filter(|_| spec.time.as_ref().is_some_and(|time| time.asked));
    let leaves: Vec<usize> = layout.places().filter_map(Place::leaf).collect();
    for group in metadata.row_groups() {
        let size = |leaf: usize| u64::try_from(group.column(leaf).compressed_size()).ok();
        let bytes = leaves.iter().try_fold(0u64, |bytes, &leaf| bytes.checked_add(size(leaf)?));
        let bytes = bytes.filter(|&bytes| bytes <= file.bytes);
        let (Some(bytes), Ok(rows)) = (bytes, u64::try_from(group.num_rows())) else { return Err(damaged(file)) };
        layout.row_groups.push(rows);
        layout.bytes.push(bytes);
    }
    let rows = layout.row_groups.iter().try_fold(0u64, |rows, &of_group| rows.checked_add(of_group));
    if rows.is_none_or(|rows| rows >= MOST_IN_FILE) { Err(damaged(file)) } else { Ok(layout) }
}

/// The footer cannot be true.
fn damaged(file: &InputFile) -> Error {
    let problem = "this Parquet file is damaged: its footer tells of more rows or bytes than a file has";
    Error::data(file.path.display().to_string(), problem, "write the file again")
}

impl Layout {
    pub fn n_rows(&self) -> u64 {
        self.row_groups.iter().sum()
    }

    /// The places of all columns that count.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        let time = self.time.as_ref().map(|time| &time.place);
        [Some(&self.user), Some(&self.item), self.rating.as_ref(), time].into_iter().flatten()
    }

    /// The time has a column of its own; ratings that are only looked for by default give way to it.
    fn refuse_time_elsewhere(&mut self, columns: &Columns<'_>, rating: &RatingColumn) -> Result<()> {
        let Some(time) = &self.time else { return Ok(()) };
        let is_time = |place: &Place| place.column() == time.place.column();
        if *rating == RatingColumn::Default && self.rating.as_ref().is_some_and(is_time) {
            self.rating = None;
        }
        if [Some(&self.user), Some(&self.item), self.rating.as_ref()].into_iter().flatten().any(is_time) {
            let problem = "the time is in the column of an id or of the rating".into();
            return Err(columns.misfit("time", problem, "name another column"));
        }
        Ok(())
    }

    /// The number in the file of the first row of a row group.
    pub fn first_row(&self, group: usize) -> u64 {
        self.row_groups[..group].iter().sum()
    }
}

impl Place {
    pub fn leaf(&self) -> Option<usize> {
        match self {
            Place::Leaf { leaf, .. } => Some(*leaf),
            Place::Folder { .. } => None,
        }
    }

    /// The index of the column, as the job file counts, from 0.
    pub fn column(&self) -> usize {
        match self {
            Place::Leaf { column, .. } | Place::Folder { column, .. } => *column,
        }
    }
}

/// A leaf column's index and what is known of it.
type Leaf = (usize, Arc<ColumnDescriptor>);

/// The columns of a file and of its folders.
pub struct Columns<'a> {
    /// The section of the job file that names them, for messages.
    section: &'static str,
    path: &'a Path,
    /// Name of each top-level column, and its only leaf, if it is no list and no group.
    own: Vec<(String, Option<Leaf>)>,
    folders: Vec<(String, String)>,
}

impl<'a> Columns<'a> {
    pub fn of(section: &'static str, path: &'a Path, schema: &SchemaDescriptor) -> Columns<'a> {
        let mut own: Vec<(String, Option<Leaf>)> =
            schema.root_schema().get_fields().iter().map(|field| (field.name().to_string(), None)).collect();
        for (leaf, column) in schema.columns().iter().enumerate() {
            let plain = column.path().parts().len() == 1 && column.max_rep_level() == 0;
            if plain {
                own[schema.get_column_root_idx(leaf)].1 = Some((leaf, Arc::clone(column)));
            }
        }
        Columns { section, path, own, folders: partitions::of(path) }
    }

    fn misfit(&self, key: &str, problem: String, remedy: &str) -> Error {
        Error::job(format!("{}.{key}", self.section), format!("{}: {problem}", self.path.display()), remedy)
    }

    fn len(&self) -> usize {
        self.own.len() + self.folders.len()
    }

    fn names(&self) -> Vec<&str> {
        self.own
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(self.folders.iter().map(|(name, _)| name.as_str()))
            .collect()
    }

    /// Where the column of a key is.
    pub fn place(&self, key: &str, column: &Column) -> Result<Place> {
        let names = self.names();
        let remedy = "name one of them, or give its index, counted from 0";
        let index = match column {
            Column::Index(index) if *index < self.len() => *index,
            Column::Index(index) => {
                let problem =
                    format!("there is no column {index}, counted from 0: the columns are {}", names.join(", "));
                return Err(self.misfit(key, problem, remedy));
            }
            Column::Name(name) => names.iter().position(|known| known == name).ok_or_else(|| {
                let problem = format!("no column is called {name:?}: the columns are {}", names.join(", "));
                self.misfit(key, problem, remedy)
            })?,
        };
        let Some((name, leaf)) = self.own.get(index) else {
            let value = self.folders[index - self.own.len()].1.clone();
            return Ok(Place::Folder { value, column: index });
        };
        let Some((leaf, descriptor)) = leaf else {
            let problem = format!("column {name:?} holds lists or groups, not one value a row");
            return Err(self.misfit(key, problem, "name a plain column"));
        };
        match kind(descriptor) {
            Some(kind) => Ok(Place::Leaf { leaf: *leaf, column: index, kind }),
            None => {
                let kind = format!("{:?}", descriptor.physical_type());
                let problem = format!("column {name:?} is of a kind that is neither id nor number ({kind})");
                Err(self.misfit(key, problem, "name a column of integers, floats or text"))
            }
        }
    }

    fn time(&self, spec: &Time) -> Result<TimePlace> {
        let place = self.place("time", &spec.column)?;
        let own = self.own.get(place.column()).and_then(|(_, leaf)| leaf.as_ref());
        let (unit, in_days) = match own.map(|(_, column)| clock(column)) {
            None | Some(Clock::OfJob) => (spec.unit, false),
            Some(Clock::Counts(unit)) => (unit, false),
            Some(Clock::Days) => (spec.unit, true),
            Some(Clock::OfDay) => {
                let problem = "it holds times of the day, without a date".into();
                return Err(self.misfit("time", problem, "name a column of dates or points in time"));
            }
        };
        Ok(TimePlace { place, unit, in_days })
    }

    fn rating(&self, spec: &RatingColumn, ids: [&Place; 2]) -> Result<Option<Place>> {
        let is_id = |place: &Place| ids.iter().any(|id| id.column() == place.column());
        match spec {
            RatingColumn::None => Ok(None),
            RatingColumn::Default if self.own.len() < 3 => Ok(None),
            RatingColumn::Default => {
                let place = self.place("rating", &Column::Index(2))?;
                if matches!(place, Place::Leaf { kind: Kind::Time | Kind::Uuid, .. }) && !is_id(&place) {
                    let problem =
                        format!("column 2 ({:?}), where ratings are by default, holds no numbers", self.own[2].0);
                    return Err(self.misfit(
                        "rating",
                        problem,
                        "name the column of ratings, or set it to false to count rows",
                    ));
                }
                Ok(Some(place).filter(|place| !is_id(place)))
            }
            RatingColumn::Given(column) => {
                let place = self.place("rating", column)?;
                if is_id(&place) {
                    let remedy = "name another column, or set it to false to count rows";
                    return Err(self.misfit("rating", "the rating is in the column of an id".into(), remedy));
                }
                Ok(Some(place))
            }
        }
    }
}

fn kind(column: &ColumnDescriptor) -> Option<Kind> {
    let decimal = || Some(Kind::Decimal { scale: u32::try_from(column.type_scale()).ok()? });
    match (column.physical_type(), column.logical_type_ref(), column.converted_type()) {
        (Physical::BOOLEAN, ..) => Some(Kind::Boolean),
        (Physical::FLOAT | Physical::DOUBLE, ..) => Some(Kind::Float),
        (Physical::INT96, ..) => None,
        (_, Some(LogicalType::Decimal(_)), _) | (_, None, ConvertedType::DECIMAL) => decimal(),
        (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid), _) => Some(Kind::Uuid),
        (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Float16), _) => None,
        (Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY, ..) => Some(Kind::Text),
        (_, Some(LogicalType::Integer(int)), _) => Some(if int.is_signed { Kind::Signed } else { Kind::Unsigned }),
        (_, Some(LogicalType::Date | LogicalType::Time(_) | LogicalType::Timestamp(_)), _) => Some(Kind::Time),
        (_, _, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64) => {
            Some(Kind::Unsigned)
        }
        (
            _,
            _,
            ConvertedType::DATE
            | ConvertedType::TIME_MILLIS
            | ConvertedType::TIME_MICROS
            | ConvertedType::TIMESTAMP_MILLIS
            | ConvertedType::TIMESTAMP_MICROS,
        ) => Some(Kind::Time),
        _ => Some(Kind::Signed),
    }
}

/// What the numbers of a column of times count.
enum Clock {
    Counts(TimeUnit),
    Days,
    /// Since midnight.
    OfDay,
    /// The column does not say.
    OfJob,
}

fn clock(column: &ColumnDescriptor) -> Clock {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(timestamp)), _) => Clock::Counts(match timestamp.unit {
            StoredUnit::MILLIS => TimeUnit::Ms,
            StoredUnit::MICROS => TimeUnit::Us,
            StoredUnit::NANOS => TimeUnit::Ns,
        }),
        (_, ConvertedType::TIMESTAMP_MILLIS) => Clock::Counts(TimeUnit::Ms),
        (_, ConvertedType::TIMESTAMP_MICROS) => Clock::Counts(TimeUnit::Us),
        (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => Clock::Days,
        (Some(LogicalType::Time(_)), _) | (_, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => Clock::OfDay,
        _ => Clock::OfJob,
    }
}
