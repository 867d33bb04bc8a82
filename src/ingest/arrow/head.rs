//! The kinds of Arrow IPC, by their first bytes.

/// What a file begins and ends with.
pub const MAGIC: &[u8] = b"ARROW1";
/// What each message of a stream begins with. No text does.
pub const CONTINUATION: [u8; 4] = [0xff; 4];

/// Tells Arrow IPC by its first bytes.
pub fn is_arrow(head: &[u8]) -> bool {
    is_file(head) || head.starts_with(&CONTINUATION) || is_old(head)
}

pub fn is_file(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Feather version 1, which is no Arrow IPC.
pub fn is_old(head: &[u8]) -> bool {
    head.starts_with(b"FEA1")
}
