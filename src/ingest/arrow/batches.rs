//! The record batches of an open file.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::root_as_footer;
use arrow_schema::{ArrowError, Schema};

use super::bytes::FileBytes;
use super::column::ArrayColumn;
use super::failure::{Result, damaged, guarded, unreadable};
use super::index::{Dictionary, Index};
use super::kind::fields;
use super::message;
use crate::error;
use crate::error::Error;
use crate::ingest::source::InputFile;
use crate::ingest::typed::{Field, Groups, Kind};

/// The record batches of an open file.
pub struct Batches {
    file: InputFile,
    bytes: FileBytes,
    index: Index,
    schema: Arc<Schema>,
    decoded: RefCell<Decoded>,
}

/// What has been decoded of a file.
#[derive(Default)]
struct Decoded {
    dictionaries: HashMap<i64, ArrayRef>,
    /// How many of them have been read.
    n_read: usize,
    /// The last record batch, with the columns that were read of it: a large one is read in several pieces.
    last: Option<(usize, Vec<usize>, RecordBatch)>,
}

impl Batches {
    /// # Errors
    /// [`Error::Data`] for a schema that cannot be read.
    pub fn new(file: &InputFile, bytes: FileBytes, index: Index) -> error::Result<Batches> {
        let schema = guarded(|| schema(&bytes, &index)).map_err(|e| unreadable(&file.path, &e))?;
        let (file, schema, decoded) = (file.clone(), Arc::new(schema), RefCell::default());
        Ok(Batches { file, bytes, index, schema, decoded })
    }

    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Lets go of the pages that a record batch was read from.
    pub fn give_back(&self, batch: usize) {
        if let Some(batch) = self.index.batches.get(batch) {
            self.bytes.give_back(&batch.at);
        }
    }

    /// Announces that a record batch will be read soon.
    pub fn prefetch(&self, batch: usize) {
        if let Some(batch) = self.index.batches.get(batch) {
            self.bytes.prefetch(batch.at.start, batch.at.length());
        }
    }

    /// These columns of a record batch.
    fn batch(&self, number: usize, leaves: &[usize]) -> Result<RecordBatch> {
        let mut decoded = self.decoded.borrow_mut();
        if let Some((of, columns, batch)) = &decoded.last
            && (*of, &columns[..]) == (number, leaves)
        {
            return Ok(batch.clone());
        }
        decoded.last = None;
        self.read_dictionaries(number, &mut decoded)?;
        let batch = self.decode(number, leaves, &decoded.dictionaries)?;
        decoded.last = Some((number, leaves.to_vec(), batch.clone()));
        Ok(batch)
    }

    fn decode(&self, number: usize, leaves: &[usize], dictionaries: &HashMap<i64, ArrayRef>) -> Result<RecordBatch> {
        let known = &self.index.batches[number];
        let bytes = self.bytes.block(&known.at)?;
        let message = message::head(&bytes)?;
        let batch = message.header_as_record_batch().ok_or_else(|| damaged("a block holds no record batch"))?;
        let body = message::body(&batch, &bytes, &known.at)?;
        let schema = Arc::clone(&self.schema);
        let batch = read_record_batch(&body, batch, schema, dictionaries, Some(leaves), &message.version())?;
        if batch.num_rows() as u64 == known.rows { Ok(batch) } else { Err(damaged("a record batch has changed")) }
    }

    /// Brings the dictionaries to where they are before a record batch.
    fn read_dictionaries(&self, batch: usize, decoded: &mut Decoded) -> Result<()> {
        let wanted = self.index.dictionaries.partition_point(|dictionary| dictionary.before <= batch);
        if wanted < decoded.n_read {
            *decoded = Decoded::default();
        }
        for dictionary in &self.index.dictionaries[decoded.n_read..wanted] {
            self.read_dictionary(dictionary, &mut decoded.dictionaries)?;
            decoded.n_read += 1;
        }
        Ok(())
    }

    fn read_dictionary(&self, dictionary: &Dictionary, into: &mut HashMap<i64, ArrayRef>) -> Result<()> {
        let bytes = self.bytes.block(&dictionary.at)?;
        let message = message::head(&bytes)?;
        let batch = message.header_as_dictionary_batch().ok_or_else(|| damaged("a block holds no dictionary"))?;
        let data = batch.data().ok_or_else(|| damaged("a dictionary is empty"))?;
        let body = message::body(&data, &bytes, &dictionary.at)?;
        read_dictionary(&body, batch, &self.schema, into, &message.version())
    }
}

fn schema(bytes: &FileBytes, index: &Index) -> Result<Schema> {
    let bytes = bytes.at(index.schema.start, index.schema.length)?;
    let none = || damaged("it has no schema");
    let (footer, message);
    let schema = if index.schema.is_footer {
        footer = root_as_footer(&bytes).map_err(|problem| damaged(format!("its footer is damaged: {problem}")))?;
        footer.schema().ok_or_else(none)?
    } else {
        message = message::head(&bytes)?;
        message.header_as_schema().ok_or_else(none)?
    };
    if !schema.endianness().equals_to_target_endianness() {
        return Err(damaged("it was written by a machine that puts the highest byte first"));
    }
    try_fb_to_schema(schema)
}

impl Groups for Batches {
    type Column = ArrayColumn;

    fn file(&self) -> &InputFile {
        &self.file
    }

    fn fields(&self) -> Vec<Field> {
        fields(&self.schema)
    }

    fn n_groups(&self) -> usize {
        self.index.batches.len()
    }

    fn rows(&self, group: usize) -> Option<u64> {
        self.index.batches.get(group).map(|batch| batch.rows)
    }

    fn open(&self, group: usize, leaves: &[(usize, Kind)]) -> error::Result<Vec<ArrayColumn>> {
        let numbers: Vec<usize> = leaves.iter().map(|(leaf, _)| *leaf).collect();
        let columns = guarded(|| {
            let batch = self.batch(group, &numbers)?;
            let column = |(array, (_, kind)): (&ArrayRef, &(usize, Kind))| ArrayColumn::new(array, *kind);
            batch.columns().iter().zip(leaves).map(column).collect()
        });
        columns.map_err(|e| self.unreadable(&e))
    }

    fn unreadable(&self, error: &ArrowError) -> Error {
        unreadable(&self.file.path, error)
    }
}
