//! What speaks for the segments of a run, where the job asks for it.

use crate::checkpoint::Checkpoint;
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::evidence::{self, Evidence, Question};

/// Share of `memory` for the matrices of second fits.
pub const MATRICES_PERCENT: u64 = 15;

/// Gathers the evidence, or takes it from the checkpoint. Data too few for a second fit make no evidence but a warning: the
/// run itself has been fitted.
pub fn gather<C: Collective>(
    c: &mut C,
    question: &Question,
    checkpoint: &mut Checkpoint,
    warnings: &mut Vec<String>,
) -> Result<Option<Evidence>> {
    if let Some(evidence) = checkpoint.restore("evidence") {
        return Ok(Some(evidence));
    }
    match evidence::fit(c, question) {
        Ok(evidence) => {
            checkpoint.keep("evidence", &evidence);
            Ok(Some(evidence))
        }
        Err(Error::Data { problem, .. }) => {
            warnings.push(format!(
                "no evidence for the segments could be gathered: without a tenth of the ratings, {problem}"
            ));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
