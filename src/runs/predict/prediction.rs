//! The stages of a job, each with its time, its traffic and its memory, and their sum.

use super::memory::{self, Held};
use super::question::Question;
use super::{time, traffic};
use crate::results::forecast::{Prediction, Rates, Sizes, Stage};

/// What to expect of a job.
pub fn predict(question: &Question, rates: &Rates) -> Prediction {
    let held = memory::Held::new(question);
    let blocks_spilled = held.blocks_spilled();
    let stages: Vec<Stage> =
        question.stages().map(|name| stage(name, question, rates, (&held, blocks_spilled))).collect();
    let most = |of: fn(&Stage) -> f64| stages.iter().map(of).fold(0.0, f64::max);
    let (coordinator_memory, memory) = (most(|stage| stage.coordinator_memory), most(|stage| stage.memory));
    Prediction {
        seconds: stages.iter().map(|stage| stage.seconds).sum(),
        coordinator_memory,
        memory: if question.cluster.processes == 1 { coordinator_memory } else { memory },
        largest: largest(&stages, &held),
        bytes_sent: stages.iter().map(|stage| stage.bytes_sent).sum(),
        spilled: held.spilled(),
        output_bytes: output_bytes(question),
        user_files: question.user_files(),
        stages,
    }
}

fn stage(name: &str, question: &Question, rates: &Rates, (held, blocks_spilled): (&Held, f64)) -> Stage {
    let traffic = traffic::of(name, question);
    let (work, alone) = time::of(name, question, rates, blocks_spilled);
    let work = work * question.cluster.crowding;
    let (network, waiting) = traffic.seconds(&question.cluster, rates);
    let bytes = |coordinator| held.during(name, coordinator).iter().map(|(_, bytes)| bytes).sum();
    Stage {
        stage: name.into(),
        seconds: work + alone + network + waiting,
        work,
        network,
        waiting,
        alone,
        bytes_sent: traffic.sent,
        coordinator_memory: bytes(true),
        memory: bytes(false),
    }
}

/// What takes most of the memory of the coordinator's process at its peak.
fn largest(stages: &[Stage], held: &Held) -> String {
    let peak = stages.iter().max_by(|a, b| a.coordinator_memory.total_cmp(&b.coordinator_memory));
    let parts = peak.map(|stage| held.during(&stage.stage, true)).unwrap_or_default();
    parts.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or("", |part| part.0).into()
}

/// `segments.parquet` with 40 bytes a user, which are mostly distances, the model's tensors, the items, and a report of
/// about 3 MB.
fn output_bytes(q: &Question) -> f64 {
    let Sizes { users, items, user_text, item_text, .. } = q.sizes;
    users * (34.0 + user_text) + time::model_bytes(q) + items * (12.0 + item_text) + 6e6
}
