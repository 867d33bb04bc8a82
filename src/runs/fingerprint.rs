//! What makes two jobs the same: processes compare it when they meet, and a checkpoint is kept under it.

use std::time::Duration;

use crate::flow::cluster::Fingerprint;
use crate::ingest::files;
use crate::job::{Job, Source};

/// What must be the same in every process: the job, but for where files go, and the files to read.
pub fn fingerprint(job: &Job) -> Fingerprint {
    let mut same = job.clone();
    same.output.clear();
    same.scratch = None;
    same.checkpoint_every = Duration::ZERO;
    let sections = serde_json::to_value(&same).expect("a job serialises");
    let sections = sections.as_object().into_iter().flatten();
    let digest = |text: String| blake3::hash(text.as_bytes()).to_hex()[..16].to_string();
    let inputs = match &job.input.source {
        Source::Files(spec) => files::expand(&spec.ratings).map(|list| digest(format!("{list:?}"))).unwrap_or_default(),
        Source::Generate(_) => String::new(),
    };
    Fingerprint { job: sections.map(|(name, value)| (name.clone(), digest(value.to_string()))).collect(), inputs }
}
