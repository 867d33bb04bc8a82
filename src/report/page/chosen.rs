//! What the run has chosen by itself: the reasons, and how the candidates did.

use super::parts::bar;
use crate::report::verdict;
use crate::results::shown::Shown;
use crate::results::{Candidate, Chosen, Round};
use crate::watch::format::{html, plural, significant};

/// The most ways to weigh ratings that are listed.
const LISTED: usize = 8;

/// Whether the run has chosen anything.
pub fn is_shown(shown: &Shown) -> bool {
    shown.chosen.is_some()
}

pub fn section(shown: &Shown) -> String {
    let Some(chosen) = &shown.chosen else { return String::new() };
    let tables = [
        table("Ways to weigh ratings", &weightings(chosen), Candidate::weighed),
        table("Numbers of segments", &numbers(chosen), segments),
    ];
    format!(
        "<section id=\"chosen\">\n<h2>What was chosen?</h2>\n<p class=\"how\">{}</p>\n<div class=\"columns\">\n{}</div>\n</section>\n",
        paragraph(chosen, shown.evidence.is_some()),
        tables.concat()
    )
}

fn paragraph(chosen: &Chosen, tested: bool) -> String {
    let compared = match chosen.candidates.is_empty() {
        true => String::new(),
        false => format!(
            " The candidates were compared on {} of {}, by how well segments predict the tenth of them that was hidden.",
            plural(chosen.ratings, "rating"),
            plural(chosen.users, "user")
        ),
    };
    let unseen = if tested { " The verdict is on other ratings, which no choice has seen." } else { "" };
    format!("This run chose {}. {}{compared}{unseen}", html(&verdict::settings(chosen)), html(&chosen.why))
}

/// The best first.
fn weightings(chosen: &Chosen) -> Vec<Candidate> {
    let mut of = of_round(chosen, Round::Weighting);
    of.sort_by(|a, b| b.score().total_cmp(&a.score()));
    of.truncate(LISTED);
    of
}

/// Of the space that was chosen, refined or not as what was chosen is.
fn numbers(chosen: &Chosen) -> Vec<Candidate> {
    let mut of = of_round(chosen, Round::Clusters);
    of.retain(|of| (of.components, of.refine) == (chosen.components, chosen.refine));
    of
}

fn of_round(chosen: &Chosen, round: Round) -> Vec<Candidate> {
    chosen.candidates.iter().copied().filter(|candidate| candidate.round == round).collect()
}

fn segments(candidate: &Candidate) -> String {
    let again = candidate.agreement.map(|agreement| format!(", agreement {}", verdict::digits(agreement)));
    format!("{}{}", plural(candidate.clusters as u64, "segment"), again.unwrap_or_default())
}

/// A bar of bits for each candidate; nothing where there is none.
fn table(title: &str, candidates: &[Candidate], label: impl Fn(&Candidate) -> String) -> String {
    if candidates.is_empty() {
        return String::new();
    }
    let most = candidates.iter().map(Candidate::score).fold(0.0, f64::max);
    let row = |candidate: &Candidate| {
        let score = candidate.score();
        let share = if most > 0.0 { (score / most).max(0.0) } else { 0.0 };
        let bits = significant(score, 3).replace('-', "−");
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"figure\">{bits} bits</td></tr>\n",
            html(&label(candidate)),
            bar(share, None)
        )
    };
    let rows: String = candidates.iter().map(row).collect();
    format!("<div class=\"panel\"><h3>{title}</h3>\n<table>\n{rows}</table></div>\n")
}
