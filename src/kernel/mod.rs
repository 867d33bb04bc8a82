//! Pure numerics on slices and ndarray views: sparse rows, eigenpairs, distances, naive Bayes, TF-IDF, keyed draws.
//!
//! Knows: arrays of numbers. Does not know: any other room of this crate, files, workers, jobs.
//!
//! **Invariant: pure.** No function here does I/O, reads a clock or imports another room, and the same input gives the
//! same bits on any processor. So there is no fused multiply-add (but in estimates whose error is accounted for) and no sum
//! whose order depends on the width of a vector register (vectorise across columns or users instead), `libm` replaces the
//! system's `exp` and `ln`, and nothing of ndarray that multiplies matrices is called (its kernels depend on the
//! processor).

pub mod agreement;
pub mod basis;
pub mod bayes;
pub mod bits;
pub mod block;
pub mod csr;
pub mod eigen;
pub mod fixed;
pub mod gram;
pub mod keyed;
pub mod krylov;
pub mod large;
pub mod likelihood;
pub mod lloyd;
pub mod moments;
pub mod simd;
pub mod sweep;
pub mod tfidf;
