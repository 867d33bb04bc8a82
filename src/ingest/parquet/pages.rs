//! The pages of a column, checked for what the reader of their values would take memory for.

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

/// Refuses a page that claims more values than it can hold: the `parquet` crate would take memory for all of them.
pub struct Pages<P> {
    pages: P,
    /// Definition levels come before the values of a page.
    has_levels: bool,
}

impl<P: PageReader> Pages<P> {
    pub fn new(pages: P, has_levels: bool) -> Pages<P> {
        Pages { pages, has_levels }
    }

    fn check(&self, page: &Page) -> Result<()> {
        let n_values = u64::from(page.num_values());
        let claimed = match page {
            // Each value of a dictionary takes a byte at least.
            Page::DictionaryPage { buf, .. } if n_values > buf.len() as u64 => Some(n_values),
            Page::DictionaryPage { .. } => None,
            _ if !has_lengths(page.encoding()) => None,
            // Lengths come first, and how many there are is the third number of their head. (Lengths of suffixes come
            // second; they are not looked at.)
            _ => self.values(page).and_then(third_number).filter(|&lengths| lengths > n_values),
        };
        match claimed {
            None => Ok(()),
            Some(claimed) => {
                Err(ParquetError::General(format!("a page claims {claimed} values, more than it can hold")))
            }
        }
    }

    /// The values of a data page, after its levels; `None` where it is cut short.
    fn values<'p>(&self, page: &'p Page) -> Option<&'p [u8]> {
        let levels = match page {
            Page::DataPageV2 { def_levels_byte_len, rep_levels_byte_len, .. } => {
                u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len)
            }
            Page::DataPage { def_level_encoding, .. } if self.has_levels && *def_level_encoding != Encoding::RLE => {
                return None;
            }
            _ if self.has_levels => 4 + u64::from(u32::from_le_bytes(*page.buffer().first_chunk()?)),
            _ => 0,
        };
        page.buffer().get(usize::try_from(levels).ok()?..)
    }
}

fn has_lengths(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY)
}

/// The third of the numbers in LEB128 that `bytes` begin with.
fn third_number(bytes: &[u8]) -> Option<u64> {
    let mut numbers = bytes.split_inclusive(|byte| byte & 128 == 0);
    let number = numbers.nth(2)?;
    let digits = number.iter().take(9).enumerate();
    Some(digits.fold(0, |sum, (at, &byte)| sum | u64::from(byte & 127) << (7 * at)))
}

impl<P: PageReader> PageReader for Pages<P> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.as_ref().map_or(Ok(()), |page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

impl<P: PageReader> Iterator for Pages<P> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_number_of_a_head_of_lengths() {
        assert_eq!(third_number(&[0x80, 0x01, 4, 0xac, 0x02, 9]), Some(300));
        assert_eq!(third_number(&[0x80, 0x01, 4]), None);
        assert_eq!(third_number(&[1, 2, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]), Some((1 << 63) - 1));
    }
}
