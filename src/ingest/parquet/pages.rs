//! The pages of a column, checked for what the reader of their values assumes.

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

/// Refuses a page that refers to a dictionary where none came before it: the `parquet` crate would panic.
pub struct Pages<P> {
    pages: P,
    has_dictionary: bool,
}

impl<P: PageReader> Pages<P> {
    pub fn new(pages: P) -> Pages<P> {
        Pages { pages, has_dictionary: false }
    }
}

impl<P: PageReader> PageReader for Pages<P> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        if let Some(page) = &page {
            let refers = matches!(page.encoding(), Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
            match page {
                Page::DictionaryPage { .. } => self.has_dictionary = true,
                _ if refers && !self.has_dictionary => {
                    return Err(ParquetError::General("a page refers to a dictionary, and there is none".into()));
                }
                _ => {}
            }
        }
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
