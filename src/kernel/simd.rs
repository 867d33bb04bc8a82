//! Vector code, chosen at run time.
//!
//! A function under [`versions!`](versions) is compiled once for each [`Level`], and a call goes to the version of the
//! level in use: the best that the processor has, unless [`force`] said otherwise. Its body is ordinary Rust whose loops the
//! compiler turns into vector code, so every version does the same operations on the same numbers and gives the same bits.
//! All but the first level let the compiler use fused multiply-add, but Rust never contracts a multiplication and an
//! addition by itself: only [`mul_add`] fuses them, for numbers that are no results.
//!
//! ```ignore
//! use super::simd::{apply, versions};
//!
//! /// y += a·x
//! #[apply(versions!)]
//! pub fn add_scaled<const N: usize>(y: &mut [[f64; N]], a: f64, x: &[[f64; N]]) {
//!     ...
//! }
//! ```
//!
//! Such a function is free of `self`, generic over constants only (lifetimes are elided), and its parameters are plain
//! names. What it calls is compiled along only where it is inlined: mark it `#[inline(always)]`.

use std::sync::atomic::{AtomicU8, Ordering};

pub use macro_rules_attribute::apply;

/// Which instructions vector code may use, each level beyond the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// What every processor of the architecture has: SSE2 on x86-64.
    Baseline,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
}

impl Level {
    pub const ALL: [Level; 3] = [Level::Baseline, Level::Avx2, Level::Avx512];

    pub fn name(self) -> &'static str {
        match self {
            Level::Baseline => "baseline",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// True if this processor has it.
    pub fn is_available(self) -> bool {
        self <= best()
    }
}

#[cfg(target_arch = "x86_64")]
fn best() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (false, _) => Level::Baseline,
        (true, false) => Level::Avx2,
        (true, true) => Level::Avx512,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn best() -> Level {
    Level::Baseline
}

const NOT_CHOSEN: u8 = u8::MAX;

static IN_USE: AtomicU8 = AtomicU8::new(NOT_CHOSEN);

/// The level in use.
#[inline(always)]
pub fn level() -> Level {
    match IN_USE.load(Ordering::Relaxed) {
        0 => Level::Baseline,
        1 => Level::Avx2,
        2 => Level::Avx512,
        _ => choose(),
    }
}

#[cold]
fn choose() -> Level {
    let best = best();
    IN_USE.store(best as u8, Ordering::Relaxed);
    best
}

/// Uses `level` from now on, in this process. Panics if the processor lacks it.
pub fn force(level: Level) {
    assert!(level.is_available(), "this processor has no {}", level.name());
    IN_USE.store(level as u8, Ordering::Relaxed);
}

/// a·b + c: where `FUSED` rounded once, for which the level must have an instruction (all but the baseline do), and else
/// twice. For estimates whose error is accounted for, never for results.
#[inline(always)]
pub fn mul_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Compiles a function for every [`Level`] and calls the version of the level in use.
macro_rules! versions {
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident $(<$(const $generic:ident: $kind:ty),+ $(,)?>)? (
            $($argument:ident: $type:ty),* $(,)?
        ) $(-> $result:ty)? $body:block
    ) => {
        $(#[$meta])*
        $vis fn $name $(<$(const $generic: $kind),+>)? ($($argument: $type),*) $(-> $result)? {
            #[allow(clippy::too_many_arguments)]
            #[inline(always)]
            fn baseline $(<$(const $generic: $kind),+>)? ($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx2,fma")]
            fn avx2 $(<$(const $generic: $kind),+>)? ($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512 $(<$(const $generic: $kind),+>)? ($($argument: $type),*) $(-> $result)? $body

            match $crate::kernel::simd::level() {
                // SAFETY: a level is in use only where the processor has it.
                #[cfg(target_arch = "x86_64")]
                $crate::kernel::simd::Level::Avx512 => unsafe { avx512 $(::<$($generic),+>)? ($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::kernel::simd::Level::Avx2 => unsafe { avx2 $(::<$($generic),+>)? ($($argument),*) },
                _ => baseline $(::<$($generic),+>)? ($($argument),*),
            }
        }
    };
}

pub(crate) use versions;

#[cfg(test)]
pub mod tests {
    use std::sync::Mutex;

    use super::*;

    /// The level in use is the process's: tests that force it take turns.
    static TURN: Mutex<()> = Mutex::new(());

    #[apply(versions!)]
    fn called_version() -> &'static str {
        let here = || ();
        std::any::type_name_of_val(&here)
    }

    /// y ← a·x + y
    #[apply(versions!)]
    fn add_scaled<const N: usize>(y: &mut [[f64; N]], a: f64, x: &[[f64; N]]) {
        for (y, x) in y.iter_mut().zip(x) {
            for i in 0..N {
                y[i] += a * x[i];
            }
        }
    }

    pub fn at_every_level<T>(work: impl Fn(Level) -> T) -> Vec<T> {
        let _turn = TURN.lock().unwrap();
        let results = Level::ALL.into_iter().filter(|level| level.is_available()).map(|level| {
            force(level);
            work(level)
        });
        results.collect()
    }

    #[test]
    fn a_call_goes_to_the_version_of_the_level_in_use() {
        at_every_level(|level| {
            assert_eq!(super::level(), level);
            let called = called_version();
            assert!(called.contains(&format!("called_version::{}::", level.name())), "{called}");
        });
        assert!(Level::Baseline.is_available());
    }

    /// Invariant: pure.
    #[test]
    fn nothing_is_fused_at_any_level() {
        // Rounded before the sum, the product is 1 + 2⁻²⁹; fused, its last bit 2⁻⁶⁰ would remain.
        let factor = 1.0 + (-30f64).exp2();
        for sum in at_every_level(|_| {
            let mut y = vec![[-(1.0 + (-29f64).exp2()); 8]; 9];
            add_scaled(&mut y, factor, &vec![[factor; 8]; 9]);
            y
        }) {
            assert_eq!(sum, [[0.0; 8]; 9]);
        }
    }
}
