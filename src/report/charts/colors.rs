//! The colour and the symbol of a segment: `page.css` has a class for each.

/// Colours for segments in `page.css`; the segments after that begin again, with another symbol.
pub const N_COLORS: usize = 25;

pub const N_SYMBOLS: usize = 4;

/// The classes that give an element the colour of a segment (as `--c`) and its symbol: 0 a circle, 1 a diamond, 2 a square,
/// 3 a triangle. No two of the first hundred have both alike.
pub fn segment_class(segment: usize) -> String {
    format!("c{} s{}", segment % N_COLORS, segment % N_SYMBOLS)
}
