//! How much of a run the page shows. A page has less than [`LIMIT`] bytes: where all would be more, it shows less of what
//! is in the tables beside it, and says so.

use std::cmp::Reverse;

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
    /// Columns of metadata on each card.
    pub columns: usize,
    /// Segments that have a row in tables and a card: the largest.
    pub segments: usize,
}

const ALL: Detail = Detail {
    points: 6_000,
    cells: 20_000,
    users: 150_000,
    items: usize::MAX,
    text: 240,
    columns: usize::MAX,
    segments: usize::MAX,
};

/// As many items, texts of such a length, and so many columns of metadata.
const fn cards(items: usize, text: usize, columns: usize) -> Detail {
    Detail { points: 1_000, cells: 4_000, users: 30_000, items, text, columns, ..ALL }
}

/// The largest segments alone, so many of them.
const fn of_segments(segments: usize) -> Detail {
    Detail { points: 500, cells: 2_000, users: 10_000, segments, ..cards(3, 30, 1) }
}

/// From all there is to the least that is of use.
pub const DETAILS: [Detail; 15] = [
    ALL,
    Detail { points: 3_000, cells: 8_000, users: 80_000, ..ALL },
    Detail { points: 1_500, cells: 5_000, users: 40_000, text: 160, ..ALL },
    cards(20, 120, 6),
    cards(10, 100, 5),
    cards(7, 80, 4),
    cards(5, 60, 3),
    cards(3, 40, 2),
    Detail { points: 600, cells: 3_000, users: 20_000, ..cards(3, 30, 1) },
    of_segments(256),
    of_segments(224),
    of_segments(192),
    of_segments(160),
    of_segments(128),
    of_segments(100),
];

impl Detail {
    /// With fewer users on the map where their ids, of so many bytes each, would take more room than those in the search box.
    pub fn with_ids_of(self, bytes: usize) -> Detail {
        const LEAST: usize = 20;
        Detail { points: self.points.min((self.users / bytes.max(1)).max(LEAST)), ..self }
    }

    /// The segments that are told of, in order.
    pub fn segments(&self, sizes: &[u64]) -> Vec<usize> {
        let mut segments: Vec<usize> = (0..sizes.len()).collect();
        segments.sort_by_key(|&segment| (Reverse(sizes[segment]), segment));
        segments.truncate(self.segments);
        segments.sort_unstable();
        segments
    }

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
        let numbers = |d: &Detail| [d.points, d.cells, d.users, d.items, d.text, d.columns, d.segments];
        for pair in DETAILS.windows(2) {
            let (more, less) = (numbers(&pair[0]), numbers(&pair[1]));
            assert!(more.iter().zip(&less).all(|(more, less)| more >= less) && more != less, "{pair:?}");
        }
    }

    #[test]
    fn the_largest_segments_are_told_of_in_order() {
        let detail = Detail { segments: 3, ..ALL };
        assert_eq!(detail.segments(&[5, 1, 5, 9, 5]), [0, 2, 3]);
        assert_eq!(ALL.segments(&[5, 1, 5]), [0, 1, 2]);
    }

    #[test]
    fn long_ids_leave_fewer_users_on_the_map() {
        let points = |bytes| ALL.with_ids_of(bytes).points;
        assert_eq!([0, 8, 39, 300, 1_000_000].map(points), [6_000, 6_000, 3_846, 500, 20]);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let detail = Detail { text: 3, ..ALL };
        assert_eq!(["", "abc", "äöü", "äö üß", "abcd"].map(|text| detail.cut(text)), ["", "abc", "äöü", "äö…", "abc…"]);
    }
}
