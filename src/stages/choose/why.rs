//! The reasons for a choice, in words.

use super::outcome::{Candidate, Round};

/// A sentence or two for users. `tells` is whether the candidate says more than chance.
pub fn sentence(taken: &Candidate, candidates: &[Candidate], tells: bool) -> String {
    if !tells {
        return "No way to weigh these ratings made segments that tell more than chance.".to_string();
    }
    let of = |round: Round| candidates.iter().filter(move |candidate| candidate.round == round);
    let weightings = of(Round::Weighting).count();
    let compared = match weightings {
        0 | 1 => String::new(),
        n => format!(", the most of {n} ways to weigh ratings"),
    };
    let again = match taken.agreement {
        Some(agreement) => format!(
            " {} segments tell the most that is found again among other users (agreement {agreement:.2}).",
            taken.clusters
        ),
        None => String::new(),
    };
    format!("They save {:.3} bits per hidden rating{compared}.{again}", taken.score())
}
