//! The reasons for a choice, in words.

use super::outcome::{Candidate, Round};
use crate::job::Amounts;

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
    format!("They save {:.3} bits per hidden rating{compared}.{again}{}", taken.score(), amounts(of(Round::Amounts)))
}

/// How clearly the segments stood out in each way to read amounts.
fn amounts<'a>(readings: impl Iterator<Item = &'a Candidate>) -> String {
    let clarity = |of: &Candidate| match of.amounts {
        Amounts::None => format!("{:.0} without them", of.clarity()),
        Amounts::Share => format!("{:.0} by their share", of.clarity()),
        Amounts::Level => format!("{:.0} by how high they are", of.clarity()),
    };
    match &readings.map(clarity).collect::<Vec<_>>()[..] {
        [] => String::new(),
        all => format!(
            " Ratings may be amounts: in standard errors, the bits of the best segments are {}.",
            all.join(", ")
        ),
    }
}
