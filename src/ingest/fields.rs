//! One line of delimited text to its fields.
//!
//! A delimiter of one byte comes with CSV quoting: a field that begins with `"` ends at the closing quote, and `""`
//! inside stands for one quote (RFC 4180, read by the state machine of the `csv` crate). With a longer delimiter, such
//! as `::`, there is no quoting. A record never spans lines, so a quote that is still open at the end of its line is a
//! mistake.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

/// Splits lines that may hold quotes. One serves for many lines.
pub struct QuotedLine {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    n_fields: usize,
}

impl QuotedLine {
    pub fn new(delimiter: u8) -> QuotedLine {
        // A lone carriage return is text, as it is where no quote is near.
        let reader = ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build();
        let mut line = QuotedLine { reader, text: Vec::new(), ends: vec![0; 8], n_fields: 0 };
        line.restart();
        line
    }

    /// Reads a line without its line end. False where a quote stays open.
    pub fn read(&mut self, line: &[u8]) -> bool {
        // Fields are never longer than their line, so the text always has room.
        self.text.resize(self.text.len().max(line.len() + 1), 0);
        let (mut read, mut written, mut n_ends) = (0, 0, 0);
        // The line end is a second piece of input: where it does not end the record, a quote is open.
        while read <= line.len() {
            let input = if read < line.len() { &line[read..] } else { b"\n" };
            let (result, r, w, e) = self.reader.read_record(input, &mut self.text[written..], &mut self.ends[n_ends..]);
            (read, written, n_ends) = (read + r, written + w, n_ends + e);
            match result {
                ReadRecordResult::Record => {
                    self.n_fields = n_ends;
                    return true;
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                _ => {}
            }
        }
        self.restart();
        false
    }

    /// Number of fields of the line last read.
    pub fn len(&self) -> usize {
        self.n_fields
    }

    pub fn is_empty(&self) -> bool {
        self.n_fields == 0
    }

    /// A field of the line last read, without its quotes.
    pub fn field(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    /// Goes back to the start of a record. The dummy record is there because the reader would drop a byte-order mark
    /// from the first record that it reads, which the plain path does not.
    fn restart(&mut self) {
        self.reader.reset();
        let (mut text, mut ends) = ([0; 4], [0; 4]);
        self.reader.read_record(b"x\n", &mut text, &mut ends);
    }
}

/// Cuts lines into all their fields. One serves for many lines.
pub struct Splitter {
    delimiter: Vec<u8>,
    /// Made at the first quote.
    quoted: Option<QuotedLine>,
    /// Where the fields of a line without quotes begin and end.
    cuts: Vec<(usize, usize)>,
}

/// The fields of a line.
pub enum Fields<'a> {
    Pieces { line: &'a [u8], cuts: &'a [(usize, usize)] },
    Quoted(&'a QuotedLine),
}

impl Splitter {
    /// The delimiter is not empty.
    pub fn new(delimiter: &[u8]) -> Splitter {
        Splitter { delimiter: delimiter.to_vec(), quoted: None, cuts: Vec::new() }
    }

    /// The fields of a line without its line end; `None` where a quote stays open.
    pub fn read<'a>(&'a mut self, line: &'a [u8]) -> Option<Fields<'a>> {
        if let (&[byte], true) = (&self.delimiter[..], memchr::memchr(b'"', line).is_some()) {
            let quoted = self.quoted.get_or_insert_with(|| QuotedLine::new(byte));
            return quoted.read(line).then_some(Fields::Quoted(quoted));
        }
        self.cuts.clear();
        let mut start = 0;
        let mut cut = |at: usize| {
            self.cuts.push((start, at));
            start = at + self.delimiter.len();
        };
        match self.delimiter[..] {
            [byte] => memchr::memchr_iter(byte, line).for_each(&mut cut),
            _ => memchr::memmem::find_iter(line, &self.delimiter).for_each(&mut cut),
        }
        cut(line.len());
        Some(Fields::Pieces { line, cuts: &self.cuts })
    }
}

impl<'a> Fields<'a> {
    pub fn len(&self) -> usize {
        match self {
            Fields::Pieces { cuts, .. } => cuts.len(),
            Fields::Quoted(line) => line.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A field without its quotes; `None` where the line has fewer.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        match self {
            Fields::Pieces { line, cuts } => cuts.get(index).map(|&(start, end)| &line[start..end]),
            Fields::Quoted(line) => (index < line.len()).then(|| line.field(index)),
        }
    }
}

/// All fields of a line without its line end; `None` where a quote stays open. Allocates: for the first lines of a
/// file.
pub fn split(line: &[u8], delimiter: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut splitter = Splitter::new(delimiter);
    let fields = splitter.read(line)?;
    Some((0..fields.len()).filter_map(|at| fields.get(at)).map(<[u8]>::to_vec).collect())
}

/// Without the spaces and tabs around it. Ids, ratings, titles and column names are all read this way.
#[inline]
pub fn trim(mut field: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = field {
        field = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = field {
        field = rest;
    }
    field
}

/// A line without the carriage return of a CRLF line end.
#[inline]
pub fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// True for a line that is no row: nothing in it, or only spaces.
#[inline]
pub fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|&b| b == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str, delimiter: &str) -> Option<Vec<String>> {
        let fields = split(line.as_bytes(), delimiter.as_bytes())?;
        Some(fields.into_iter().map(|f| String::from_utf8(f).unwrap()).collect())
    }

    #[test]
    fn quotes_belong_to_delimiters_of_one_byte() {
        assert_eq!(fields("\"a,b\",c\"d,\"e\"\"f\"", ",").unwrap(), ["a,b", "c\"d", "e\"f"]);
        assert_eq!(fields("\"a::b::", "::").unwrap(), ["\"a", "b", ""]);
        assert_eq!(fields("\"\"", ",").unwrap(), [""]);
    }

    #[test]
    fn an_open_quote_is_refused_and_forgotten() {
        let mut line = QuotedLine::new(b',');
        for _ in 0..3 {
            assert!(!line.read(b"1,\"open,2"));
            assert!(line.read(b"\xef\xbb\xbf1,\"2\",3,4,5,6,7,8,9,10,11"));
            assert_eq!((line.len(), line.field(0), line.field(1)), (11, &b"\xef\xbb\xbf1"[..], &b"2"[..]));
        }
    }
}
