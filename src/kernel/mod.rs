//! Pure numerics on slices and ndarray views. Imports nothing of ours, and knows no files, no workers, no jobs.
//!
//! Every function here gives the same bits on every machine: no fused multiply-add, no sum whose order depends on the
//! width of a vector register (vectorise across columns or users instead), `libm` in place of the system's `exp` and
//! `ln`, and nothing from ndarray that multiplies matrices (its kernels choose by processor).

pub mod agreement;
pub mod basis;
pub mod bayes;
pub mod block;
pub mod csr;
pub mod eigen;
pub mod fixed;
pub mod gram;
pub mod keyed;
pub mod krylov;
pub mod lloyd;
pub mod moments;
pub mod simd;
pub mod sweep;
pub mod tfidf;
