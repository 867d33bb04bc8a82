//! Outcomes and winners as messages between workers.

use crate::collective::Collective;

use super::outcome::{Outcome, Solved, Winner};
use super::plan::Run;
use super::users::Facts;

/// Brings the outcomes of all workers' runs, and the best of their winners, to every worker.
pub fn exchange_outcomes<C: Collective>(c: &mut C, mine: Solved, facts: &Facts) -> Solved {
    let words: Vec<[u64; 5]> = mine.outcomes.iter().map(outcome_to_words).collect();
    let mut all = Solved::default();
    for words in c.all_gather(&words).concat() {
        all.outcomes.push(outcome_from_words(words, facts));
    }
    all.sort();
    let claim = |winner: &Winner| [winner.sizes.len() as u64, winner.fixed_inertia as u64, winner.start as u64];
    let claims: Vec<[u64; 3]> = mine.winners.values().map(claim).collect();
    let claims = c.all_gather(&claims).concat();
    let is_best = |winner: &&Winner| {
        let own = claim(winner);
        claims.iter().filter(|claim| claim[0] == own[0]).min() == Some(&own)
    };
    let sent: Vec<u64> = mine.winners.values().filter(is_best).flat_map(winner_to_words).collect();
    let received = c.all_gather(&sent).concat();
    let mut rest = &received[..];
    while !rest.is_empty() {
        all.enter(take_winner(&mut rest));
    }
    all
}

fn outcome_to_words(outcome: &Outcome) -> [u64; 5] {
    let Outcome { run, iterations, converged, fixed_inertia, .. } = *outcome;
    [run.clusters as u64, run.start as u64, iterations as u64, u64::from(converged), fixed_inertia as u64]
}

fn outcome_from_words([clusters, start, iterations, converged, inertia]: [u64; 5], facts: &Facts) -> Outcome {
    Outcome {
        run: Run { clusters: clusters as usize, start: start as usize },
        iterations: iterations as usize,
        converged: converged == 1,
        fixed_inertia: inertia as i64,
        inertia: facts.distance_scale.real(inertia as i64),
    }
}

/// Start, inertia, number of clusters, number of dimensions, sizes, centroids.
fn winner_to_words(winner: &Winner) -> Vec<u64> {
    let n_dims = winner.centroids.first().map_or(0, Vec::len);
    let mut words = vec![winner.start as u64, winner.fixed_inertia as u64, winner.sizes.len() as u64, n_dims as u64];
    words.extend(&winner.sizes);
    words.extend(winner.centroids.iter().flatten().map(|x| x.to_bits()));
    words
}

/// The next winner of a message.
fn take_winner(words: &mut &[u64]) -> Winner {
    let [start, fixed_inertia, clusters, n_dims] = words[..4] else { unreachable!("a winner has four words at least") };
    let (clusters, n_dims) = (clusters as usize, n_dims as usize);
    let (sizes, rest) = words[4..].split_at(clusters);
    let (coordinates, rest) = rest.split_at(clusters * n_dims);
    *words = rest;
    let centroid = |j: usize| coordinates[j * n_dims..][..n_dims].iter().map(|&x| f64::from_bits(x)).collect();
    Winner {
        start: start as usize,
        fixed_inertia: fixed_inertia as i64,
        centroids: (0..clusters).map(centroid).collect(),
        sizes: sizes.to_vec(),
    }
}
