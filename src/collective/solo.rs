//! One worker alone.

use super::meet::Collective;

/// The one-worker case.
#[derive(Debug, Default, Clone, Copy)]
pub struct Solo;

impl Collective for Solo {
    fn index(&self) -> usize {
        0
    }

    fn peers(&self) -> usize {
        1
    }

    fn per_process(&self) -> usize {
        1
    }

    fn exchange_with(&mut self, outgoing: Vec<(usize, Vec<u8>)>) -> Vec<(usize, Vec<u8>)> {
        assert!(outgoing.is_empty(), "there is nobody else");
        outgoing
    }
}
