//! Everything that `segmill plan` answers.

use serde::{Deserialize, Serialize};

use crate::ingest::estimate::Estimate;
use crate::stages::pca::Approach;

/// The answer; `--format json` writes it as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// What the input is like.
    pub input: Estimate,
    /// What the prediction is for: the input's sizes, or those that were stated.
    pub sizes: Sizes,
    /// What was not stated and was scaled, in sentences.
    pub scaled: Vec<String>,
    pub cluster: Cluster,
    /// The solver, why, and the sweeps that it usually takes.
    pub solver: Approach,
    /// The job's `memory`, in bytes.
    pub memory: u64,
    pub prediction: Prediction,
    pub free: Free,
    pub fits: bool,
    pub problems: Vec<Problem>,
    /// The nearest first.
    pub bottlenecks: Vec<Bottleneck>,
    /// Processes past which twice as many save less than a tenth of the time.
    pub worthwhile_processes: usize,
    /// Seconds for a unit of work, most of them measured.
    pub rates: Rates,
}

/// How large the data are. All are counts but for what says bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sizes {
    pub users: f64,
    pub items: f64,
    /// Pairs of a user and an item.
    pub ratings: f64,
    /// Rows of the input.
    pub rows: f64,
    /// Of all files together; 0 where data are generated.
    pub input_bytes: f64,
    /// Bytes of a row between workers, and of a stored value.
    pub record_bytes: f64,
    pub value_bytes: f64,
    /// Workers that can read side by side; as many as numbers go where any number can.
    pub readers: f64,
    /// Bytes of text in an id; 0 for numbers.
    pub user_text: f64,
    pub item_text: f64,
    /// Mean square of a user's ratings over the square of their mean.
    pub spread: f64,
}

impl Sizes {
    /// Data of the same kind with `factor` times the users, who rate as much as before. New items come with the square root
    /// of the rows, as new words do in a growing text (Heaps 1978).
    pub fn grown(self, factor: f64) -> Sizes {
        Sizes {
            users: self.users * factor,
            items: self.items * factor.sqrt(),
            ratings: self.ratings * factor,
            rows: self.rows * factor,
            input_bytes: self.input_bytes * factor,
            ..self
        }
    }

    /// Σ n(n + 1)/2 over users with n ratings each.
    pub fn products(self) -> f64 {
        let mean = self.ratings / self.users;
        self.users * 0.5 * (mean * mean * self.spread + mean)
    }
}

/// Where the job runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    pub processes: usize,
    /// Threads of each.
    pub workers: usize,
    /// Bytes per second that a process can send, and receive at the same time; as many as numbers go where all are on one machine.
    pub network: f64,
    /// Bytes per second that a process reads of its disk.
    pub disk: f64,
    /// Workers for each processor, where there are more workers than processors; else 1.
    pub crowding: f64,
    /// Bytes of memory that a machine has for a process; what files take of it is read once.
    pub machine: f64,
}

impl Cluster {
    pub fn peers(&self) -> f64 {
        (self.processes * self.workers) as f64
    }

    /// Workers in other processes.
    pub fn strangers(&self) -> f64 {
        (self.processes.saturating_sub(1) * self.workers) as f64
    }
}

/// What a worker needs for a unit of work while all workers of its machine are at it, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// A row: from text to a batch for its worker; from there into the store of its partition; sealed.
    pub scan: f64,
    /// An id that is text, beside that.
    pub name: f64,
    pub receive: f64,
    pub seal: f64,
    /// A rating in a pass that does little: sums of columns, counts.
    pub pass: f64,
    /// A rating in a sweep of the Krylov solver, and an item in the algebra of its basis, of a sweep.
    pub sweep: f64,
    pub basis: f64,
    /// A byte of a block that is read back from a scratch file in the file cache, and checked.
    pub reread: f64,
    /// A product of two ratings, and an entry of the Gram matrix in a sweep.
    pub product: f64,
    pub entry: f64,
    /// A rating in the projection on a block of components.
    pub project: f64,
    /// k-means: a user of the sample and a cluster of a start; a user and a cluster in an iteration.
    pub begin: f64,
    pub lloyd: f64,
    /// A rating and a cluster in an iteration over all items.
    pub sparse: f64,
    /// Naive Bayes: a rating over all folds; a cell, which is an item and a cluster in a model.
    pub bayes: f64,
    pub bayes_cell: f64,
    /// Profiles: a rating; an item and a cluster.
    pub profile: f64,
    pub profile_cell: f64,
    /// A key of the item dictionary: where it was met, where it is sorted, and at the coordinator.
    pub key: f64,
    /// The coordinator alone: a user gathered, a user written, a byte of the model, and a report.
    pub gather: f64,
    pub write: f64,
    pub model_byte: f64,
    pub report: f64,
    /// A collective in one process, and a byte that a worker sends in one.
    pub call: f64,
    pub copy: f64,
    /// The same between processes, beside what the network takes: encryption, checks and copies.
    pub far_call: f64,
    pub far_peer: f64,
    pub far_copy: f64,
    /// A call that starts threads and connections: once.
    pub start: f64,
}

impl Default for Rates {
    /// About those of one core of a server of 2023, where nothing can be measured, and for what is not measured each time:
    /// calls and copies between processes, gathering, writing. `benches/plan.py` holds the whole against runs.
    fn default() -> Rates {
        Rates {
            scan: 14e-9,
            name: 20e-9,
            receive: 8e-9,
            seal: 14e-9,
            pass: 1.2e-9,
            sweep: 2.6e-9,
            basis: 350e-9,
            reread: 0.3e-9,
            product: Approach::SECONDS_PER_PRODUCT,
            entry: Approach::SECONDS_PER_ENTRY,
            project: 1.5e-9,
            begin: 60e-9,
            lloyd: 0.6e-9,
            sparse: 0.5e-9,
            bayes: 12e-9,
            bayes_cell: 6e-9,
            profile: 4e-9,
            profile_cell: 15e-9,
            key: 30e-9,
            gather: 60e-9,
            write: 250e-9,
            model_byte: 2e-9,
            report: 0.02,
            call: 20e-6,
            copy: 1.5e-9,
            far_call: 150e-6,
            far_peer: 3e-6,
            far_copy: 2.5e-9,
            start: 2e-3,
        }
    }
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub stage: String,
    /// The sum of the next four.
    pub seconds: f64,
    /// What the workers share.
    pub work: f64,
    /// Bytes through the network, and in and out of processes.
    pub network: f64,
    /// Waiting for each other at collectives.
    pub waiting: f64,
    /// What the coordinator does alone.
    pub alone: f64,
    /// Bytes that all processes send to each other.
    pub bytes_sent: f64,
    /// Resident memory while the stage is at work: of the coordinator's process, and of another.
    pub coordinator_memory: f64,
    pub memory: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// In the order of the run; `sweep` and `evidence` are left out where there is none.
    pub stages: Vec<Stage>,
    pub seconds: f64,
    /// At its peak: of the coordinator's process, and of another.
    pub coordinator_memory: f64,
    pub memory: f64,
    /// What of it is the most: of the coordinator's process.
    pub largest: String,
    pub bytes_sent: f64,
    /// Bytes in scratch files, of one process.
    pub spilled: f64,
    /// Bytes of the output folder, and the files that `segments.parquet` is.
    pub output_bytes: f64,
    pub user_files: f64,
}

impl Prediction {
    /// Seconds of all stages of one kind.
    pub fn sum(&self, part: impl Fn(&Stage) -> f64) -> f64 {
        self.stages.iter().map(part).sum()
    }
}

/// Bytes free on the disks, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Free {
    pub scratch: Option<f64>,
    pub output: Option<f64>,
    /// Memory of this machine, where the job is to run on it.
    pub memory: Option<f64>,
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// The key or flag to change.
    pub place: String,
    pub problem: String,
    pub remedy: String,
}

/// A limit that the data may meet as they grow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bottleneck {
    pub limit: String,
    /// The size at which it is met; that of the job where it is met already.
    pub ratings: f64,
    pub ratings_per_process: f64,
    pub met: bool,
    pub remedy: String,
}
