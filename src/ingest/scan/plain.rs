//! The plain path: a line of decimal numbers to a row, in a few instructions a field.
//!
//! A line is plain if its user and its item, and its time if it counts, are numbers in the sense of
//! [`crate::ingest::ids`], its rating is digits with at most one point, nothing stands around them, and no quote is in
//! the line. A plain line is not read byte by byte: a [`Block`] gives the places of the bytes that are not digits, and
//! eight digits become a number at once. Every other line, and every bad one, is left to [`super::line`], which gives
//! the same row for a plain one.

use super::block::{BLOCK, Block};
use super::number::{self, Window};
use crate::ingest::dialect::Dialect;
use crate::job::{Decimal, TimeUnit};

/// A row whose ids are both numbers.
pub struct PlainRow {
    pub user: u64,
    pub item: u64,
    /// 1 where the file has no ratings.
    pub rating: f64,
    /// 0 where the job uses no times.
    pub time: i64,
    /// Bytes of the line, line end included.
    pub length: usize,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    User,
    Item,
    Rating,
    Time(TimeUnit),
    Other,
}

/// Which columns to read. The usual order is a separate type, so that the reading of a line is compiled for it.
pub trait Columns: Copy {
    /// The last column that is not [`Role::Other`].
    fn last(self) -> usize;

    /// Reads all columns up to the last.
    fn read(self, line: &mut Line<'_>) -> Option<()>;
}

/// User, item, rating, and perhaps more.
#[derive(Clone, Copy)]
pub struct UserItemRating;

impl Columns for UserItemRating {
    #[inline(always)]
    fn last(self) -> usize {
        2
    }

    #[inline(always)]
    fn read(self, line: &mut Line<'_>) -> Option<()> {
        line.column(Role::User)?;
        line.delimiter()?;
        line.column(Role::Item)?;
        line.delimiter()?;
        line.column(Role::Rating)
    }
}

impl Columns for &Dialect {
    #[inline(always)]
    fn last(self) -> usize {
        self.last_column()
    }

    #[inline(always)]
    fn read(self, line: &mut Line<'_>) -> Option<()> {
        for column in 0..self.last() {
            line.column(self.role(column))?;
            line.delimiter()?;
        }
        line.column(self.role(self.last()))
    }
}

impl Dialect {
    #[inline(always)]
    fn role(&self, column: usize) -> Role {
        match column {
            _ if column == self.user => Role::User,
            _ if column == self.item => Role::Item,
            _ if Some(column) == self.rating => Role::Rating,
            _ => match self.time {
                Some(time) if time.column == column => Role::Time(time.unit),
                _ => Role::Other,
            },
        }
    }
}

/// Reads plain lines.
#[derive(Clone, Copy)]
pub struct Plain<C> {
    columns: C,
    delimiter: u8,
    /// A row with more columns is not plain.
    most_columns: usize,
}

impl<C: Columns> Plain<C> {
    /// `None` if no line of the dialect is plain: the delimiter has several bytes, or is part of numbers, or
    /// a column that counts is not in the file, or a point would part thousands.
    pub fn new(columns: C, dialect: &Dialect) -> Option<Plain<C>> {
        match dialect.delimiter[..] {
            [b'0'..=b'9' | b'.' | b'\n' | b'\r' | b'"'] => None,
            _ if dialect.needs_partitions() || dialect.reading.numbers.decimal == Decimal::Comma => None,
            [delimiter] => Some(Plain { columns, delimiter, most_columns: dialect.columns }),
            _ => None,
        }
    }

    /// The row of the line at `at`; `None` if the line is not plain, or if `text` ends soon after it.
    #[inline(always)]
    pub fn read(self, text: &[u8], at: usize) -> Option<PlainRow> {
        let mut line = Line::new(text, at, self.delimiter)?;
        self.columns.read(&mut line)?;
        let Line { user, item, rating, time, .. } = line;
        Some(PlainRow { user, item, rating, time, length: self.end_of_line(&line)? - at })
    }

    /// Where the next line starts, from the end of the last column that counts.
    #[inline(always)]
    fn end_of_line(self, line: &Line<'_>) -> Option<usize> {
        let end = line.start + line.at;
        match line.window[line.at] {
            b'\n' => Some(end + 1),
            b'\r' => (line.window[line.at + 1] == b'\n').then_some(end + 2),
            byte if byte == self.delimiter => self.skip_columns(line.text, end + 1),
            _ => None,
        }
    }

    /// Where the next line starts, from the start of the first column after those that count.
    #[inline]
    fn skip_columns(self, text: &[u8], mut start: usize) -> Option<usize> {
        let mut columns = self.columns.last() + 2;
        loop {
            let block = Block::at(text, start)?;
            let (delimiters, ends) = (block.equal(self.delimiter), block.stops());
            let before = if ends == 0 { u32::MAX } else { (1 << ends.trailing_zeros()) - 1 };
            columns += (delimiters & before).count_ones() as usize;
            if ends != 0 {
                let end = start + ends.trailing_zeros() as usize;
                return (text[end] == b'\n' && columns <= self.most_columns).then_some(end + 1);
            }
            start += BLOCK;
        }
    }
}

/// A line being read, a window at a time: the [`BLOCK`] bytes of one block, and 8 more for the last number.
pub struct Line<'t> {
    text: &'t [u8],
    delimiter: u8,
    /// Where the window starts in the text, and how much of it has been read.
    start: usize,
    at: usize,
    window: &'t Window,
    /// The bytes of the block that are not digits and have not been read yet.
    marks: u32,
    user: u64,
    item: u64,
    rating: f64,
    time: i64,
}

impl<'t> Line<'t> {
    #[inline(always)]
    fn new(text: &'t [u8], start: usize, delimiter: u8) -> Option<Line<'t>> {
        let (window, marks) = Self::window(text, start)?;
        Some(Line { text, delimiter, start, at: 0, window, marks, user: 0, item: 0, rating: 1.0, time: 0 })
    }

    #[inline(always)]
    fn window(text: &'t [u8], start: usize) -> Option<(&'t Window, u32)> {
        let window: &Window = text.get(start..)?.first_chunk()?;
        let block = window.first_chunk().expect("a block is shorter");
        Some((window, Block::new(block).non_digits()))
    }

    /// Reads a column to its end.
    #[inline(always)]
    fn column(&mut self, role: Role) -> Option<()> {
        match role {
            Role::User => self.user = self.id()?,
            Role::Item => self.item = self.id()?,
            Role::Rating => self.rating = self.rating()?,
            Role::Time(unit) => self.time = unit.of_number(self.id()? as i64)?,
            Role::Other => self.skip()?,
        }
        Some(())
    }

    #[inline(always)]
    fn delimiter(&mut self) -> Option<()> {
        let found = self.window[self.at] == self.delimiter;
        self.at += 1;
        found.then_some(())
    }

    #[inline(always)]
    fn id(&mut self) -> Option<u64> {
        let start = self.at;
        self.at = self.next_mark()?;
        number::id(self.window, start, self.at)
    }

    #[inline(always)]
    fn rating(&mut self) -> Option<f64> {
        let start = self.at;
        let mark = self.next_mark()?;
        if self.window[mark] == b'.' {
            self.at = self.next_mark()?;
            number::with_point(self.window, start, mark, self.at)
        } else {
            self.at = mark;
            number::whole(self.window, start, self.at)
        }
    }

    #[inline(always)]
    fn next_mark(&mut self) -> Option<usize> {
        if self.marks == 0 {
            return None;
        }
        let mark = self.marks.trailing_zeros() as usize % BLOCK;
        self.marks &= self.marks - 1;
        Some(mark)
    }

    /// Skips a column of any text; `None` if a quote or the line end comes before the delimiter.
    #[inline]
    fn skip(&mut self) -> Option<()> {
        let mut at = self.start + self.at;
        loop {
            let block = Block::at(self.text, at)?;
            let delimiters = block.equal(self.delimiter);
            let found = delimiters | block.stops();
            if found == 0 {
                at += BLOCK;
                continue;
            }
            let end = found.trailing_zeros();
            (self.start, self.at) = (at + end as usize, 0);
            (self.window, self.marks) = Self::window(self.text, self.start)?;
            self.marks &= !1;
            return (delimiters >> end & 1 == 1).then_some(());
        }
    }
}
