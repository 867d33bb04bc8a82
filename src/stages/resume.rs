//! What a stage leaves behind, so that a run that is started again continues from it.
//!
//! A stage keeps its state under a name, the same on all workers, and asks for it when it begins. The run gives it a
//! [`Checkpoint`] that writes states to disk from time to time (`runs/checkpoint.rs`), or [`InMemory`], which does not. A state
//! that cannot be read counts as none. These are all states, serialised by postcard:
//!
//! | name | what it holds | kept |
//! |---|---|---|
//! | `choose` | what was [chosen](super::choose::Chosen) | after the choice |
//! | `basis` | the basis of the Krylov solver and its sweeps so far (`pca/swept.rs`) | within PCA, then forgotten |
//! | `pca` | the finished projection (`pca`) | after PCA |
//! | `kmeans` | starts that are finished, and centroids of those in progress (`kmeans/spread.rs`) | within and after k-means |
//! | `sweep` | the same for the numbers of clusters of the sweep | within and after the sweep |
//! | `evidence` | the finished [`Evidence`](super::evidence::Evidence) | after the evidence |

use std::collections::BTreeMap;

use postcard::experimental::serialized_size;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// States by name.
pub type States = BTreeMap<String, Vec<u8>>;

/// Keeps the states of stages.
pub trait Checkpoint {
    /// All states so far.
    fn states(&self) -> &States;

    /// All states so far, to be changed.
    fn states_mut(&mut self) -> &mut States;

    /// True on the coordinator if it is time to keep the state of a stage in progress, of about so many bytes.
    fn is_due(&self, bytes: usize) -> bool;

    /// Writes the states of a stage in progress.
    fn write(&mut self);

    /// Writes the states at the end of a stage, if that saves enough work.
    fn write_at_end(&mut self);
}

impl dyn Checkpoint + '_ {
    /// The state that a stage left, if any.
    pub fn restore<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        read(self.states(), name)
    }

    /// Keeps the state of a stage that has ended.
    pub fn keep<T: Serialize>(&mut self, name: &str, state: &T) {
        self.set(name, state);
        self.write_at_end();
    }

    /// Drops a state that is not needed any more.
    pub fn forget(&mut self, name: &str) {
        self.states_mut().remove(name);
    }

    /// Keeps the state of a stage in progress if it is time to. Only the coordinator makes the state.
    pub fn keep_if_due<T: Serialize>(&mut self, name: &str, state: impl FnOnce() -> T) {
        if self.is_due(0) {
            self.set(name, &state());
            self.write();
        }
    }

    fn set<T: Serialize>(&mut self, name: &str, state: &T) {
        // An earlier state goes first, and room for the new one is made once: it may be large.
        let mut bytes = self.states_mut().remove(name).unwrap_or_default();
        bytes.clear();
        bytes.reserve_exact(serialized_size(state).expect("states serialise"));
        let bytes = postcard::to_extend(state, bytes).expect("states serialise");
        self.states_mut().insert(name.into(), bytes);
    }
}

/// The state under `name`, if it can be read.
pub fn read<T: DeserializeOwned>(states: &States, name: &str) -> Option<T> {
    postcard::from_bytes(states.get(name)?).ok()
}

/// Keeps states in memory only, for runs that are not continued.
#[derive(Debug, Default)]
pub struct InMemory(States);

impl Checkpoint for InMemory {
    fn states(&self) -> &States {
        &self.0
    }

    fn states_mut(&mut self) -> &mut States {
        &mut self.0
    }

    fn is_due(&self, _bytes: usize) -> bool {
        false
    }

    fn write(&mut self) {}

    fn write_at_end(&mut self) {}
}
