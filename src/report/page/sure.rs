//! How sure are we? The evidence in plain words, each number beside that of random choices or of popularity alone;
//! then how well a classifier tells the segments apart.

use super::data;
use super::detail::Detail;
use super::parts::bar;
use crate::report::charts;
use crate::results::shown::Shown;
use crate::results::{Confusion, Evidence, HeldOut, Null, Stability};
use crate::watch::format::{html, percent, plural, significant};

pub fn section(shown: &Shown, detail: &Detail) -> String {
    format!(
        "<section id=\"sure\">\n<h2>How sure are we?</h2>\n{}{}</section>\n",
        shown.evidence.as_ref().map_or_else(|| untested(shown), evidence),
        told_apart(shown, detail)
    )
}

fn untested(shown: &Shown) -> String {
    let remedy = if shown.tested { "" } else { "; to test it, set enabled = true under [evidence] in the job file" };
    format!("<p class=\"how\">This run did not test whether the segments are real{remedy}.</p>\n")
}

// ---- evidence ----------------------------------------------------------------------------------------------------

fn evidence(evidence: &Evidence) -> String {
    let Evidence { held_out, stability, null, .. } = evidence;
    format!(
        "<p class=\"how\">Segments can be found in any data. Real ones predict ratings that they were not made from, and are found \
         again among other users. “Random choices” is the same method on simulated data, where users are as active and \
         items as popular as here but every user chooses at random.</p>\n<div class=\"answers\">\n{}{}{}</div>\n",
        unseen_ratings(held_out, null),
        recall(held_out),
        found_again(stability, null)
    )
}

/// A question, its answer, and two numbers to compare.
fn fact(question: &str, number: &str, says: &str, compared: [(&str, f64, String); 2]) -> String {
    let most = compared.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
    let row = |(label, value, text): &(&str, f64, String)| {
        let share = if most > 0.0 { value / most } else { 0.0 };
        format!(
            "<tr><th scope=\"row\">{label}</th><td>{}</td><td class=\"figure\">{text}</td></tr>\n",
            bar(share, None)
        )
    };
    format!(
        "<div class=\"panel\">\n<h3>{question}</h3>\n<p class=\"number\">{number}</p>\n<p>{says}</p>\n<table>\n{}</table>\n</div>\n",
        compared.iter().map(row).collect::<String>()
    )
}

fn unseen_ratings(held_out: &HeldOut, null: &Null) -> String {
    let HeldOut { bits, standard_error, .. } = *held_out;
    let times = |bits: f64| significant(libm::exp2(bits), 3);
    fact(
        "Do they predict what a user will choose?",
        &format!("{} ×", times(bits)),
        &format!(
            "Knowing the segment makes a rating that was hidden from the fit this many times as likely as popularity alone does: \
             {} ± {standard_error:.3} bits saved per rating, over {} of {}.",
            minus(format!("{bits:.3}")),
            plural(held_out.ratings, "hidden rating"),
            plural(held_out.users, "user")
        ),
        [
            ("These segments", bits, minus(format!("{bits:.2} bits"))),
            ("Random choices", null.bits, minus(format!("{:.2} bits", null.bits))),
        ],
    )
}

/// With the sign that a number below 0 has in print.
fn minus(number: String) -> String {
    number.replace('-', "−")
}

fn recall(held_out: &HeldOut) -> String {
    let HeldOut { recall_at_10: own, popularity_recall_at_10: popular, .. } = *held_out;
    fact(
        "Do they help to offer the right thing?",
        &percent(own),
        &format!(
            "Shown the ten items that their segment likes most, users would find {} of their hidden ratings among them; the ten \
             most popular items hold {}.",
            percent(own),
            percent(popular)
        ),
        [("The segment’s ten", own, percent(own)), ("The most popular", popular, percent(popular))],
    )
}

fn found_again(stability: &Stability, null: &Null) -> String {
    let Stability { refits, adjusted_rand, standard_deviation, .. } = *stability;
    fact(
        "Are they found again?",
        &minus(format!("{adjusted_rand:.2}")),
        &format!(
            "How well segments made from other users of the same kind, drawn {}, agree with these: 1 means identical, 0 chance \
             (adjusted Rand index, ± {standard_deviation:.2}).",
            plural(refits as u64, "time")
        ),
        [
            ("These segments", adjusted_rand, minus(format!("{adjusted_rand:.2}"))),
            ("Random choices", null.adjusted_rand, minus(format!("{:.2}", null.adjusted_rand))),
        ],
    )
}

// ---- confusion ---------------------------------------------------------------------------------------------------

fn told_apart(shown: &Shown, detail: &Detail) -> String {
    let validation = &shown.validation;
    let largest = shown.kmeans.sizes.iter().max().copied().unwrap_or(0);
    let learnt = "Guessed for users the classifier has learnt from, which flatters it.";
    let unseen = format!("Guessed for users it has not seen, in {}.", plural(validation.folds as u64, "fold"));
    format!(
        "<h3 class=\"part\">Can they be told apart?</h3>\n<p class=\"how\">A {} naive Bayes classifier guesses \
         each user’s segment from the raw ratings; always guessing the largest would be right for {}. A row is the segment a user \
         is in, a column the one guessed; the shade is the share of the row. A strong diagonal means that the segments are \
         easily told apart; a strong cell beside it shows two that are mixed up.</p>\n\
         <div class=\"scale\" aria-hidden=\"true\"><span>none</span><i></i><span>all users of the segment</span></div>\n\
         <div class=\"square-pair\">\n{}{}</div>\n",
        html(&validation.model),
        percent(shown.share(largest)),
        confusion(shown, "chart-in-sample", ("In sample", learnt), &validation.in_sample, detail),
        confusion(shown, "chart-out-of-fold", ("Out of fold", &unseen), &validation.out_of_fold, detail),
    )
}

fn confusion(shown: &Shown, id: &str, (title, note): (&str, &str), confusion: &Confusion, detail: &Detail) -> String {
    let how = title.to_lowercase();
    let heat = charts::confusion(id, &how, confusion, detail.cells);
    let blank =
        heat.blank.map(|share| format!(" Blank where it is {} or less: confusion.csv has all.", percent(share)));
    format!(
        "<figure class=\"panel\">\n<figcaption><h4>{title}: {}</h4><p class=\"muted\">{note}{}</p></figcaption>\n{}{}</figure>\n",
        percent(confusion.accuracy()),
        blank.unwrap_or_default(),
        heat.html,
        data::guesses(shown, confusion, &how, &detail.segments(&shown.kmeans.sizes))
    )
}
