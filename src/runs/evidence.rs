//! The evidence for the segments of a run, if the job asks for it.

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::stages::evidence::{self, Evidence, Question};
use crate::stages::resume::Checkpoint;

/// Share of `memory` for the matrices of second fits.
pub const MATRICES_PERCENT: u64 = 15;

/// Gathers the evidence, or takes it from the checkpoint. Data too few for a second fit make no evidence but a warning: the
/// run itself has been fitted. Also tells the bytes of this worker that went to scratch files.
pub fn gather<C: Collective>(
    c: &mut C,
    question: &Question,
    checkpoint: &mut dyn Checkpoint,
    warnings: &mut Vec<String>,
) -> Result<(Option<Evidence>, u64)> {
    if let Some(evidence) = checkpoint.restore("evidence") {
        return Ok((Some(evidence), 0));
    }
    match evidence::fit(c, question) {
        Ok((evidence, spilled)) => {
            checkpoint.keep("evidence", &evidence);
            Ok((Some(evidence), spilled))
        }
        Err(Error::Data { problem, .. }) => {
            warnings.push(format!(
                "no evidence for the segments could be gathered: without a tenth of the ratings, {problem}"
            ));
            Ok((None, 0))
        }
        Err(error) => Err(error),
    }
}
