//! The inner loop of the screen in the registers of AVX-512: a register has a block of users.
//!
//! Written in instructions, because loops over so many sums do not stay in registers by themselves: of 32, [`BLOCKS`] ×
//! [`PANEL`] have sums and [`BLOCKS`] coordinates of users. A coordinate of a centroid is loaded along with the multiplication,
//! so a processor that multiplies twice in a cycle does so.

use std::arch::x86_64::*;

use super::panels::{PANEL, Panels, Side, Sight};
use super::points::LANES;

/// Blocks of users at a time.
pub const BLOCKS: usize = 6;

/// What a block has seen so far, as in [`Sight`].
#[derive(Clone, Copy)]
struct State {
    label: __m512i,
    near: __m512,
    second: __m512i,
    next: __m512,
    third: __m512,
}

impl State {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn new() -> State {
        let (none, far) = (_mm512_setzero_si512(), _mm512_set1_ps(f32::INFINITY));
        State { label: none, near: far, second: none, next: far, third: far }
    }

    /// Meets the centroid `id`.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn meet<const DEEP: bool>(&mut self, id: __m512i, new: __m512) {
        let nearer = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(new, self.near);
        if DEEP {
            let next = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(new, self.next);
            self.second = _mm512_mask_mov_epi32(self.second, next, id);
            self.second = _mm512_mask_mov_epi32(self.second, nearer, self.label);
            self.third = _mm512_min_ps(self.third, _mm512_max_ps(self.next, new));
        }
        self.label = _mm512_mask_mov_epi32(self.label, nearer, id);
        self.next = _mm512_min_ps(self.next, _mm512_max_ps(self.near, new));
        self.near = _mm512_min_ps(self.near, new);
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn write<const DEEP: bool>(self, sight: &mut Sight) {
        store_ids(&mut sight.label, self.label);
        store(&mut sight.near, self.near);
        store(&mut sight.next, self.next);
        if DEEP {
            store_ids(&mut sight.second, self.second);
            store(&mut sight.third, self.third);
        }
    }
}

/// Compares blocks of users with all centroids, and writes what was seen of the first of them.
#[target_feature(enable = "avx512f")]
pub fn look_together<const DEEP: bool>(sides: [Side; BLOCKS], panels: &Panels, out: &mut [Sight]) {
    let mut states = [State::new(); BLOCKS];
    let sides = sides.map(|side| &side[..panels.n_dims()]);
    for (panel, (opposites, halves)) in panels.iter().enumerate() {
        let sums = products(&sides, opposites, halves);
        for (state, sums) in states.iter_mut().zip(sums) {
            for (column, sum) in sums.into_iter().enumerate() {
                state.meet::<DEEP>(_mm512_set1_epi32((panel * PANEL + column) as i32), sum);
            }
        }
    }
    for (sight, state) in out.iter_mut().zip(states) {
        state.write::<DEEP>(sight);
    }
}

/// ‖c‖²/2 − x·c of the users x of each block and the centroids c of a panel.
#[target_feature(enable = "avx512f")]
#[inline]
fn products(sides: &[Side; BLOCKS], opposites: &[[f32; PANEL]], halves: &[f32; PANEL]) -> [[__m512; PANEL]; BLOCKS] {
    let mut sums = [[_mm512_setzero_ps(); PANEL]; BLOCKS];
    for sums in &mut sums {
        for (sum, &half) in sums.iter_mut().zip(halves) {
            *sum = _mm512_set1_ps(half);
        }
    }
    for (dim, opposites) in opposites.iter().enumerate() {
        let mut lines = [_mm512_setzero_ps(); BLOCKS];
        for (line, side) in lines.iter_mut().zip(sides) {
            *line = load(&side[dim]);
        }
        for column in 0..PANEL {
            let c = _mm512_set1_ps(opposites[column]);
            for block in 0..BLOCKS {
                sums[block][column] = _mm512_fmadd_ps(lines[block], c, sums[block][column]);
            }
        }
    }
    sums
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(line: &[f32; LANES]) -> __m512 {
    // SAFETY: the line has as many numbers as the register.
    unsafe { _mm512_loadu_ps(line.as_ptr()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(line: &mut [f32; LANES], lanes: __m512) {
    // SAFETY: the line has as many numbers as the register.
    unsafe { _mm512_storeu_ps(line.as_mut_ptr(), lanes) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store_ids(line: &mut [u32; LANES], lanes: __m512i) {
    // SAFETY: the line has as many numbers as the register.
    unsafe { _mm512_storeu_si512(line.as_mut_ptr().cast(), lanes) }
}
