//! What all workers learn from the coordinator at the start of a session.

use serde::{Deserialize, Serialize};

use super::header::Header;

/// What the coordinator sends to all workers at the start.
#[derive(Serialize, Deserialize)]
pub struct Terms {
    pub header: Header,
    /// There is a snapshot to go on from.
    pub is_resumed: bool,
    /// `model.json` and `model.safetensors`.
    pub model: [Vec<u8>; 2],
    /// Of the fit.
    pub inertia: f64,
}
