//! Keyed draws.

use crate::kernel::keyed::{Stream, bits};

/// What a draw is for. The upper bits of the round are the month and the purpose; the lower half counts.
#[derive(Clone, Copy)]
pub enum Purpose {
    Rank = 1,
    Quality,
    Title,
    Label,
    Activity,
    Angle,
    Leniency,
    Item,
    Source,
    Repeat,
    Noise,
    Race,
    Mover,
    Target,
}

#[inline(always)]
pub fn draw(seed: u64, purpose: Purpose, count: u64, id: u64) -> u64 {
    bits(seed, Stream::Generate, ((purpose as u64) << 32) | count, id)
}

/// A uniform whole number below `n`, from the upper 32 bits of a draw where `n` fits in them.
#[inline(always)]
pub fn scaled(draw: u64, n: u64) -> u64 {
    ((draw as u128 * n as u128) >> 64) as u64
}

/// A uniform number in [0, 1).
#[inline(always)]
pub fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}
