//! Rows in transit to the worker of their user, and while they wait there to be sealed.
//!
//! A row is a plain record, as small as its ids and its value allow. Batches hold records of one kind; their bytes
//! are sent between processes as they are.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A rating, its ids by their keys ([`super::ids`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    pub user: u64,
    pub item: u64,
    /// Finite; not negative, unless it is a return.
    pub value: f64,
    /// Where the row stands in the whole input ([`place`]); later rows have larger numbers.
    pub order: u64,
}

/// Bits of a place that say where in its file a row is: files of up to 16 TiB.
const BITS_IN_FILE: u32 = 44;
/// A file has fewer bytes, or rows, than this.
pub const MOST_IN_FILE: u64 = 1 << BITS_IN_FILE;

/// Where a row stands in the input: the number of its file, and its byte there, or its number where rows are not lines.
#[inline(always)]
pub fn place(file: u32, byte: u64) -> u64 {
    u64::from(file) << BITS_IN_FILE | byte
}

/// The file and the byte of a place.
pub fn file_and_byte(place: u64) -> (u32, u64) {
    ((place >> BITS_IN_FILE) as u32, place & ((1 << BITS_IN_FILE) - 1))
}

/// A row of number ids below 2³² and a value that `f32` holds exactly.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Narrow {
    pub user: u32,
    pub item: u32,
    pub value: f32,
}

/// Any row, but for its place in the input.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Wide {
    pub user: u64,
    pub item: u64,
    pub value: f64,
}

/// Any row, with its place in the input.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Ordered {
    pub user: u64,
    pub item: u64,
    pub value: f64,
    pub order: u64,
}

/// A kind of record.
pub trait Record: Pod + Send + Sync {
    /// Number of fields.
    const FIELDS: usize;

    fn user(&self) -> u64;
    fn row(&self) -> Row;

    /// The bits of user, item, value and place; of the first [`Record::FIELDS`] of them.
    fn fields(&self) -> [u64; 4];
    fn of_fields(fields: [u64; 4]) -> Self;
}

impl Record for Narrow {
    const FIELDS: usize = 3;

    #[inline(always)]
    fn user(&self) -> u64 {
        u64::from(self.user)
    }

    #[inline(always)]
    fn row(&self) -> Row {
        Row { user: self.user(), item: u64::from(self.item), value: f64::from(self.value), order: 0 }
    }

    #[inline(always)]
    fn fields(&self) -> [u64; 4] {
        [u64::from(self.user), u64::from(self.item), u64::from(self.value.to_bits()), 0]
    }

    #[inline(always)]
    fn of_fields([user, item, value, _]: [u64; 4]) -> Narrow {
        Narrow { user: user as u32, item: item as u32, value: f32::from_bits(value as u32) }
    }
}

impl Record for Wide {
    const FIELDS: usize = 3;

    #[inline(always)]
    fn user(&self) -> u64 {
        self.user
    }

    fn row(&self) -> Row {
        Row { user: self.user, item: self.item, value: self.value, order: 0 }
    }

    #[inline(always)]
    fn fields(&self) -> [u64; 4] {
        [self.user, self.item, self.value.to_bits(), 0]
    }

    #[inline(always)]
    fn of_fields([user, item, value, _]: [u64; 4]) -> Wide {
        Wide { user, item, value: f64::from_bits(value) }
    }
}

impl Record for Ordered {
    const FIELDS: usize = 4;

    #[inline(always)]
    fn user(&self) -> u64 {
        self.user
    }

    fn row(&self) -> Row {
        Row { user: self.user, item: self.item, value: self.value, order: self.order }
    }

    #[inline(always)]
    fn fields(&self) -> [u64; 4] {
        [self.user, self.item, self.value.to_bits(), self.order]
    }

    #[inline(always)]
    fn of_fields([user, item, value, order]: [u64; 4]) -> Ordered {
        Ordered { user, item, value: f64::from_bits(value), order }
    }
}

impl Narrow {
    /// The row as a narrow record, where it is one.
    #[inline(always)]
    pub fn of(row: &Row) -> Option<Narrow> {
        let value = row.value as f32;
        let fits = (row.user | row.item) >> 32 == 0 && f64::from(value) == row.value;
        fits.then_some(Narrow { user: row.user as u32, item: row.item as u32, value })
    }
}

impl From<Row> for Wide {
    fn from(Row { user, item, value, .. }: Row) -> Wide {
        Wide { user, item, value }
    }
}

impl From<Row> for Ordered {
    fn from(Row { user, item, value, order }: Row) -> Ordered {
        Ordered { user, item, value, order }
    }
}

/// Records of one kind.
#[derive(Debug, Clone)]
pub enum Records {
    Narrow(Vec<Narrow>),
    Wide(Vec<Wide>),
    Ordered(Vec<Ordered>),
}

/// Records for one worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Batch {
    pub to: u64,
    pub records: Records,
}

/// A kind in one byte, then the bytes of the records.
impl Serialize for Records {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, bytes): (u8, &[u8]) = match self {
            Records::Narrow(records) => (0, bytemuck::cast_slice(records)),
            Records::Wide(records) => (1, bytemuck::cast_slice(records)),
            Records::Ordered(records) => (2, bytemuck::cast_slice(records)),
        };
        (kind, Bytes(bytes)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Records {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (kind, Bytes(bytes)) = <(u8, Bytes<'de>)>::deserialize(deserializer)?;
        match kind {
            0 => whole(bytes).map(Records::Narrow),
            1 => whole(bytes).map(Records::Wide),
            2 => whole(bytes).map(Records::Ordered),
            _ => Err(de::Error::custom("no such kind of record")),
        }
    }
}

fn whole<R: Record, E: de::Error>(bytes: &[u8]) -> Result<Vec<R>, E> {
    if !bytes.len().is_multiple_of(size_of::<R>()) {
        return Err(E::custom("a record is cut off"));
    }
    Ok(bytemuck::pod_collect_to_vec(bytes))
}

/// Bytes that serde copies as a whole, not one by one.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de [u8]>::deserialize(deserializer).map(Bytes)
    }
}

/// The text that a key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    pub key: u64,
    pub text: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_narrow_only_where_nothing_is_lost() {
        let row = |user, item, value| Row { user, item, value, order: 9 };
        for narrow in [row(0, 7, 3.5), row(u64::from(u32::MAX), 1, 16777216.0)] {
            assert_eq!(Narrow::of(&narrow).unwrap().row(), Row { order: 0, ..narrow });
        }
        for wide in
            [row(1 << 32, 7, 3.0), row(7, 1 << 63, 3.0), row(1, 1, 0.1), row(1, 1, 16777217.0), row(1, 1, 1e-60)]
        {
            assert!(Narrow::of(&wide).is_none(), "{wide:?}");
        }
    }

    #[test]
    fn a_batch_comes_over_the_wire_as_it_was() {
        let row = Row { user: 3, item: 1 << 40, value: 0.1, order: 77 };
        let batch = Batch { to: 5, records: Records::Ordered(vec![row.into(); 3]) };
        let bytes = bincode::serialize(&batch).unwrap();
        assert!(bytes.len() < 3 * 32 + 32);
        let Batch { to: 5, records: Records::Ordered(back) } = bincode::deserialize(&bytes).unwrap() else { panic!() };
        assert!(back.len() == 3 && back.iter().all(|record| record.row() == row));
        let mut cut = bytes;
        cut.truncate(cut.len() - 1);
        cut[9] -= 1;
        assert!(bincode::deserialize::<Batch>(&cut).is_err(), "part of a record is none");
    }
}
