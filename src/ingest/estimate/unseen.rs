//! The ids that a sample does not meet: their number, from how often the others are met.

/// How often the ids of the sample are met.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Met {
    pub ids: u64,
    /// `frequencies[j]`: ids met j times, from 1.
    pub frequencies: Vec<u64>,
}

/// From how often each id is met.
pub fn met(counts: impl Iterator<Item = u64>) -> Met {
    let mut met = Met::default();
    for count in counts {
        let count = (count as usize).min(FIRST_TAIL);
        if met.frequencies.len() <= count {
            met.frequencies.resize(count + 1, 0);
        }
        met.frequencies[count] += 1;
        met.ids += 1;
    }
    met
}

/// Ids in the whole input, including those never met.
pub fn unseen(met: &Met) -> f64 {
    let frequency = |j: usize| met.frequencies.get(j).copied().unwrap_or(0) as f64;
    let (once, twice) = (frequency(1), frequency(2));
    let least = met.ids as f64 + once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0));
    match Law::fit(met) {
        // With fewer ids met twice, a wide law cannot be distinguished from a narrow one.
        Some(law) if twice >= 20.0 => (met.ids as f64 / (1.0 - law.chance(0))).max(least),
        _ => least,
    }
}

/// Counts from here on are one class: ids met so often say nothing about those never met.
const FIRST_TAIL: usize = 24;
/// Nodes of the sum over the normal law, from −WIDTH to WIDTH.
const NODES: i32 = 60;
const WIDTH: f64 = 5.0;

/// Counts whose rate is log-normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Law {
    pub mu: f64,
    pub sigma: f64,
}

impl Law {
    /// The likeliest for the ids that were met; `None` where no id was met only once.
    fn fit(met: &Met) -> Option<Law> {
        if met.frequencies.get(1).copied().unwrap_or(0) == 0 {
            return None;
        }
        let (mut best, mut step) = (Self::best_of_grid(met), 0.25);
        while step > 1e-3 {
            let before = best.0;
            for (mu, sigma) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, -1.0), (-1.0, 1.0)] {
                let law = Law { mu: best.1.mu + step * mu, sigma: (best.1.sigma + step * sigma).clamp(0.02, 3.0) };
                best = better(best, met, law);
            }
            if best.0 <= before {
                step /= 2.0;
            }
        }
        Some(best.1)
    }

    /// The likeliest of a coarse grid, where the search begins, and its log likelihood.
    fn best_of_grid(met: &Met) -> (f64, Law) {
        let mut best = (f64::NEG_INFINITY, Law { mu: 0.0, sigma: 1.0 });
        for mu in -36..16 {
            for sigma in 1..10 {
                best = better(best, met, Law { mu: f64::from(mu) * 0.5, sigma: f64::from(sigma) * 0.3 });
            }
        }
        best
    }

    /// The chance of each count from 0 to `FIRST_TAIL − 1`.
    pub fn chances(self) -> [f64; FIRST_TAIL] {
        let (mut chances, mut total) = ([0.0; FIRST_TAIL], 0.0);
        for node in -NODES..=NODES {
            let z = WIDTH * f64::from(node) / f64::from(NODES);
            let weight = libm::exp(-0.5 * z * z);
            let rate = libm::exp(self.mu + self.sigma * z);
            let mut chance = weight * libm::exp(-rate);
            total += weight;
            for (count, sum) in chances.iter_mut().enumerate() {
                *sum += chance;
                chance *= rate / (count + 1) as f64;
            }
        }
        chances.map(|sum| sum / total)
    }

    fn chance(self, count: usize) -> f64 {
        self.chances()[count]
    }

    /// Log likelihood of the ids met, given that they were.
    fn likelihood(self, met: &Met) -> f64 {
        let chances = self.chances();
        let seen = 1.0 - chances[0];
        let tail = (1.0 - chances.iter().sum::<f64>()).max(1e-300);
        let class = |(count, &ids): (usize, &u64)| {
            let chance = chances.get(count).copied().unwrap_or(tail).max(1e-300);
            ids as f64 * (libm::log(chance) - libm::log(seen.max(1e-300)))
        };
        met.frequencies.iter().enumerate().skip(1).filter(|(_, ids)| **ids > 0).map(class).sum()
    }
}

fn better(best: (f64, Law), met: &Met, law: Law) -> (f64, Law) {
    let likelihood = law.likelihood(met);
    if likelihood > best.0 { (likelihood, law) } else { best }
}
