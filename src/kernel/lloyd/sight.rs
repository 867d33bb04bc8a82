//! The inner loop of the screen: a few blocks of users at a time against one panel of centroids after another.
//!
//! A panel has [`PANEL`] centroids, so that its products with as many blocks as the registers hold need few loads: each
//! coordinate of a user meets all centroids of the panel, and each coordinate of a centroid all blocks. What a user has seen
//! is kept in order of distance; nothing here is a result (see [`screen`](super::screen)). AVX-512 has a loop of its own, in
//! [`wide`](super::wide).

use super::super::simd::{self, Level, apply, mul_add, versions};
use super::panels::{PANEL, Panels, Side, Sight};
use super::points::LANES;
#[cfg(target_arch = "x86_64")]
use super::wide;

impl Sight {
    /// Meets the centroid `id`.
    #[inline(always)]
    fn meet<const DEEP: bool>(&mut self, id: u32, new: [f32; LANES]) {
        if DEEP {
            self.second = choose(is_less(new, self.next), [id; LANES], self.second);
            self.second = choose(is_less(new, self.near), self.label, self.second);
            self.third = lesser(self.third, greater(self.next, new));
        }
        self.label = choose(is_less(new, self.near), [id; LANES], self.label);
        self.next = lesser(self.next, greater(self.near, new));
        self.near = lesser(self.near, new);
    }
}

/// Compares blocks of users with all centroids, one sight for each. A deep look tells the second nearest too.
pub fn look<const DEEP: bool>(sides: &[Side], panels: &Panels, out: &mut Vec<Sight>) {
    out.resize(sides.len(), Sight::NOTHING);
    match simd::level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => look_wide::<DEEP>(sides, panels, out),
        Level::Baseline => look_in_turn::<DEEP, false>(sides, panels, out),
        _ => look_in_turn::<DEEP, true>(sides, panels, out),
    }
}

/// Several blocks at a time; fewer than half as many cost less one by one.
#[cfg(target_arch = "x86_64")]
fn look_wide<const DEEP: bool>(sides: &[Side], panels: &Panels, out: &mut [Sight]) {
    for (sides, out) in sides.chunks(wide::BLOCKS).zip(out.chunks_mut(wide::BLOCKS)) {
        if 2 * sides.len() < wide::BLOCKS {
            look_in_turn::<DEEP, true>(sides, panels, out);
        } else {
            let together = std::array::from_fn(|block| sides[block.min(sides.len() - 1)]);
            // SAFETY: the level in use is one that the processor has.
            unsafe { wide::look_together::<DEEP>(together, panels, out) };
        }
    }
}

fn look_in_turn<const DEEP: bool, const FUSED: bool>(sides: &[Side], panels: &Panels, out: &mut [Sight]) {
    for (side, sight) in sides.iter().zip(out) {
        *sight = look_alone::<DEEP, FUSED>(side, panels);
    }
}

#[apply(versions!)]
fn look_alone<const DEEP: bool, const FUSED: bool>(side: Side, panels: &Panels) -> Sight {
    let mut sight = Sight::NOTHING;
    for (panel, (opposites, halves)) in panels.iter().enumerate() {
        let sums = products::<FUSED>(side, opposites, halves);
        for column in 0..PANEL {
            sight.meet::<DEEP>((panel * PANEL + column) as u32, sums[column]);
        }
    }
    sight
}

/// ‖c‖²/2 − x·c of the users x of a block and the centroids c of a panel.
#[inline(always)]
fn products<const FUSED: bool>(side: Side, opposites: &[[f32; PANEL]], halves: &[f32; PANEL]) -> [[f32; LANES]; PANEL] {
    let mut sums = [[0.0; LANES]; PANEL];
    for column in 0..PANEL {
        sums[column] = [halves[column]; LANES];
    }
    for (line, opposites) in side.iter().zip(opposites) {
        for column in 0..PANEL {
            for lane in 0..LANES {
                sums[column][lane] = mul_add::<FUSED>(line[lane], opposites[column], sums[column][lane]);
            }
        }
    }
    sums
}

/// All ones where a < b. The sign of the difference is what a vector has: a comparison would not become one everywhere.
#[inline(always)]
fn is_less(a: [f32; LANES], b: [f32; LANES]) -> [u32; LANES] {
    let mut ones = [0; LANES];
    for lane in 0..LANES {
        ones[lane] = ((a[lane] - b[lane]).to_bits() as i32 >> 31) as u32;
    }
    ones
}

#[inline(always)]
fn choose(ones: [u32; LANES], a: [u32; LANES], b: [u32; LANES]) -> [u32; LANES] {
    let mut chosen = b;
    for lane in 0..LANES {
        chosen[lane] = (a[lane] & ones[lane]) | (b[lane] & !ones[lane]);
    }
    chosen
}

#[inline(always)]
fn lesser(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
    let mut least = a;
    for lane in 0..LANES {
        least[lane] = if b[lane] < a[lane] { b[lane] } else { a[lane] };
    }
    least
}

#[inline(always)]
fn greater(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
    let mut most = a;
    for lane in 0..LANES {
        most[lane] = if b[lane] > a[lane] { b[lane] } else { a[lane] };
    }
    most
}
