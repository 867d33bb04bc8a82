//! How much of a run the page shows. A page has less than [`LIMIT`] bytes: where all would be more, it shows less of what
//! is in the tables beside it, and says so.

/// The size of a page in bytes, at most: it is sent by mail, and opened on phones.
pub const LIMIT: usize = 690_000;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detail {
    /// Users drawn on the map.
    pub points: usize,
    /// Cells drawn of each heat map.
    pub cells: usize,
    /// Bytes of the users that the search box knows.
    pub users: usize,
    /// Items on each card.
    pub items: usize,
    /// Characters of a text from the data, such as a title.
    pub text: usize,
    /// Cards, of the largest segments.
    pub cards: usize,
}

const ALL: Detail =
    Detail { points: 6_000, cells: 20_000, users: 150_000, items: usize::MAX, text: 240, cards: usize::MAX };

/// From all there is to the least that is of use.
pub const DETAILS: [Detail; 9] = [
    ALL,
    Detail { points: 3_000, cells: 8_000, users: 80_000, ..ALL },
    Detail { points: 2_000, cells: 5_000, users: 50_000, items: 20, text: 160, ..ALL },
    Detail { points: 2_000, cells: 5_000, users: 50_000, items: 10, text: 120, ..ALL },
    Detail { points: 1_500, cells: 4_000, users: 40_000, items: 7, text: 80, ..ALL },
    Detail { points: 1_500, cells: 4_000, users: 40_000, items: 5, text: 60, ..ALL },
    Detail { points: 1_000, cells: 3_000, users: 30_000, items: 3, text: 40, ..ALL },
    Detail { points: 1_000, cells: 3_000, users: 20_000, items: 3, text: 30, cards: 256, ..ALL },
    Detail { points: 500, cells: 1_000, users: 10_000, items: 3, text: 30, cards: 100, ..ALL },
];

impl Detail {
    /// A text, cut where it is longer than that.
    pub fn cut(&self, text: &str) -> String {
        match text.char_indices().nth(self.text) {
            Some((end, _)) => format!("{}…", text[..end].trim_end()),
            None => text.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_go_from_all_to_less_of_everything() {
        let numbers = |d: &Detail| [d.points, d.cells, d.users, d.items, d.text, d.cards];
        for pair in DETAILS.windows(2) {
            let (more, less) = (numbers(&pair[0]), numbers(&pair[1]));
            assert!(more.iter().zip(&less).all(|(more, less)| more >= less) && more != less, "{pair:?}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let detail = Detail { text: 3, ..ALL };
        assert_eq!(["", "abc", "äöü", "äö üß", "abcd"].map(|text| detail.cut(text)), ["", "abc", "äöü", "äö…", "abc…"]);
    }
}
