//! `SEGMILL_SIMD`, which forces a level of vector code, for tests and comparisons.

use crate::error::{Error, Result};
use crate::kernel::simd::{self, Level};

const VARIABLE: &str = "SEGMILL_SIMD";

/// Uses the level of vector code that the environment asks for, if it asks.
pub fn choose_vector_code() -> Result<()> {
    let Some(value) = std::env::var_os(VARIABLE) else { return Ok(()) };
    let name = value.to_string_lossy();
    let refuse = |problem: String| {
        let available = Level::ALL.into_iter().filter(|level| level.is_available()).map(Level::name);
        let names = available.collect::<Vec<_>>().join(", ");
        Err(Error::job(VARIABLE, problem, format!("unset it, or set it to one of: {names}")))
    };
    match Level::ALL.into_iter().find(|level| level.name() == name) {
        None => refuse(format!("{name:?} is no level of vector code")),
        Some(level) if !level.is_available() => refuse(format!("this processor has no {name}")),
        Some(level) => {
            simd::force(level);
            Ok(())
        }
    }
}
