//! How long a job will take, how much memory and how many bytes on the wire: from its sizes, the layout, and rates.
//!
//! Pure: [`predict`] turns a [`Question`] and [`Rates`] into a [`Prediction`]; nothing is read and nothing measured here.
//! A stage takes the time of its arithmetic, which the workers share ([`time`]), of what crosses between workers and processes
//! ([`traffic`]), and of what the coordinator does alone. Memory is what a process holds at the same time
//! ([`memory`]); [`least`] says how much a job needs at least. [`limits`] says what does not fit, and which limit comes next as the data grow.
//!
//! Laws: with more ratings, no time and no traffic falls (but in choosing: of users with more ratings there are fewer in the
//! sample), and memory falls only where more of them go to files. With more
//! processes, none needs more memory, except for the buffers that they keep for each other. One process sends nothing.

pub mod asked;
pub mod least;
pub mod limits;
mod memory;
mod prediction;
mod question;
pub mod time;
mod traffic;

pub use memory::Held;
pub use prediction::predict;
pub use question::{Question, STAGES};

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::job::Job;
    use crate::results::forecast::{Cluster, Prediction, Rates, Sizes};
    use crate::stages::pca::Approach;
    use proptest::prelude::*;

    pub fn job(keys: &str) -> Job {
        let text = format!("{keys}\n[input.generate]\n");
        let spec: crate::job::JobSpec = toml::from_str(&text).expect("keys of a job");
        spec.check(std::path::Path::new("."), "out".into()).expect("a job")
    }

    pub fn sizes(users: f64, items: f64, ratings: f64) -> Sizes {
        Sizes {
            users,
            items,
            ratings,
            rows: ratings,
            input_bytes: 16.0 * ratings,
            record_bytes: 12.0,
            value_bytes: 1.0,
            readers: f64::MAX,
            user_text: 0.0,
            item_text: 0.0,
            spread: 1.6,
        }
    }

    pub fn cluster(processes: usize, workers: usize) -> Cluster {
        Cluster { processes, workers, network: 1.25e9, disk: 1e9, crowding: 1.0, machine: 64e9 }
    }

    pub fn ask(job: &Job, sizes: Sizes, cluster: Cluster) -> Prediction {
        let counts = [sizes.users, sizes.items, sizes.ratings].map(|count| count as u64);
        let approach = Approach::new(counts, sizes.products(), &job.pca, job.memory).expect("a solver");
        predict(&Question { job, sizes, cluster, approach: &approach, copied: false }, &Rates::default())
    }

    /// No row goes to a scratch file while it is read, with the usual memory.
    fn rows_fit(sizes: Sizes, processes: usize) -> bool {
        0.42 * sizes.rows * sizes.record_bytes / processes as f64 <= 0.4 * (4u64 << 30) as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn more_ratings_never_take_less(
            users in 1e3f64..1e8, items in 10f64..1e6, each in 1f64..1e3, factor in 1.01f64..50.0,
            processes in 1usize..300, workers in 1usize..16, weighted in any::<bool>(), swept in any::<bool>(),
        ) {
            let normalize = if weighted { "l2" } else { "none" };
            let sweep = if swept { "" } else { "clusters = []" };
            let job = job(&format!("[matrix]\nnormalize = '{normalize}'\n[sweep]\n{sweep}\n[pca]\nsolver = 'krylov'"));
            let few = sizes(users, items, users * each);
            let more = Sizes { ratings: few.ratings * factor, rows: few.rows * factor, ..few };
            let (small, large) = (ask(&job, few, cluster(processes, workers)), ask(&job, more, cluster(processes, workers)));
            let both = small.stages.iter().zip(&large.stages).filter(|(stage, _)| stage.stage != "choose");
            for (a, b) in both {
                prop_assert!(a.seconds <= b.seconds && a.bytes_sent <= b.bytes_sent, "{a:?} {b:?}");
                if large.spilled <= small.spilled {
                    prop_assert!(a.coordinator_memory <= b.coordinator_memory * 1.0001 && a.memory <= b.memory * 1.0001);
                }
            }
            prop_assert!(small.spilled <= large.spilled && small.output_bytes <= large.output_bytes);
        }

        #[test]
        fn figures_are_finite_and_add_up(
            users in 2f64..1e10, items in 2f64..1e9, each in 1f64..1e4, processes in 1usize..5000, workers in 1usize..64,
        ) {
            let p = ask(&job(""), sizes(users, items, users * each.min(items)), cluster(processes, workers));
            for stage in &p.stages {
                let parts = stage.work + stage.network + stage.waiting + stage.alone;
                prop_assert!(stage.seconds.is_finite() && (stage.seconds - parts).abs() <= 1e-9 * parts, "{stage:?}");
                prop_assert!([stage.work, stage.network, stage.waiting, stage.alone].iter().all(|x| *x >= 0.0));
                prop_assert!(stage.memory > 0.0 && stage.coordinator_memory >= stage.memory * 0.999);
            }
            prop_assert!((p.seconds - p.sum(|stage| stage.seconds)).abs() <= 1e-9 * p.seconds);
        }

        #[test]
        fn a_share_of_the_users_needs_no_more_memory(
            users in 1e4f64..1e8, items in 10f64..1e5, each in 1f64..1e3, processes in 1usize..32,
        ) {
            let data = sizes(users, items, users * each);
            let (few, more) = (ask(&job(""), data, cluster(processes, 2)), ask(&job(""), data, cluster(2 * processes, 2)));
            // What a process keeps for each other one: links and batches.
            let for_others = 20e6 + 2.0 * processes as f64 * 12e6;
            prop_assume!(rows_fit(data, processes) == rows_fit(data, 2 * processes));
            prop_assert!(more.memory <= few.memory + for_others, "{} {}", more.memory, few.memory);
        }
    }

    #[test]
    fn one_process_sends_nothing() {
        for workers in [1, 2, 16] {
            assert_eq!(ask(&job(""), sizes(1e6, 1e4, 1e8), cluster(1, workers)).bytes_sent, 0.0);
        }
        assert!(ask(&job(""), sizes(1e6, 1e4, 1e8), cluster(2, 1)).bytes_sent > 0.5 * 12e8);
    }

    #[test]
    fn what_does_not_fit_is_spilled() {
        let data = sizes(1.6e6, 59_000.0, 251e6);
        let keys = "[sweep]\nclusters = []\n[evidence]\nenabled = false";
        let (small, large) = (job(&format!("memory = '1GiB'\n{keys}")), job(&format!("memory = '14GiB'\n{keys}")));
        let (small, large) = (ask(&small, data, cluster(1, 2)), ask(&large, data, cluster(1, 2)));
        assert_eq!(large.spilled, 0.0);
        assert!(small.spilled > 0.4e9 && small.memory <= f64::from(1 << 30), "{} {}", small.spilled, small.memory);
        assert!(large.memory > 1.5e9, "{}", large.memory);
        // Second fits have room of their own, which is smaller.
        let questioned = ask(&job("memory = '1GiB'\n[sweep]\nclusters = []"), data, cluster(1, 2));
        assert!(questioned.spilled > small.spilled + 0.4e9);
    }
}
