//! A card per segment: what its members like, and more than others do.

use super::parts::{bar, dot, stands_out};
use crate::profile::{Profile, ProfileItem};
use crate::report::charts;
use crate::report::format::{decimals, percent, plural, significant};
use crate::report::shown::Shown;

pub fn section(shown: &Shown) -> String {
    let scores = shown.profiles.iter().flat_map(|profile| &profile.top).map(|top| top.score.max(top.score_all));
    let longest = scores.fold(0.0, f64::max);
    let cards: String = shown.profiles.iter().map(|profile| card(shown, profile, longest)).collect();
    format!(
        "<section id=\"segments\">\n<h2>Each segment</h2>\n<p class=\"how\">The items that matter most in each segment. The first \
         number and the bar are the item’s mean TF-IDF score among the members: high where many of them rated it and \
         it weighs much in their list. The tick is the same score over all users, the last number how many times that \
         it is. A bar far past its tick is what is special about the segment. All bars have one scale.</p>\n\
         <div class=\"cards\">\n{cards}</div>\n</section>\n"
    )
}

fn card(shown: &Shown, profile: &Profile, longest: f64) -> String {
    let segment = profile.segment as usize;
    let share = percent(shown.share(profile.size));
    let items: String = profile.top.iter().map(|top| card_item(shown, top, longest)).collect();
    let items = if items.is_empty() { "<li>No items.</li>\n".to_string() } else { items };
    format!(
        "<article class=\"card\" id=\"segment-{segment}\" style=\"--c: {}\">\n<header><h3>{}{}</h3>\
         <span class=\"size\">{}, {share}</span></header>\n\
         <p class=\"apart\"><span>Differs from all users</span><span>{}</span></p>{}\n{}<ol class=\"items\">\n{items}</ol>\n\
         </article>\n",
        charts::segment_color(segment),
        dot(segment),
        shown.label_html(segment),
        plural(profile.size, "user"),
        significant(profile.distance_from_all, 2),
        bar(profile.distance_from_all, None),
        for_what(shown, profile),
    )
}

/// The two items whose score exceeds that of all users most.
fn for_what(shown: &Shown, profile: &Profile) -> String {
    let titles: Vec<String> =
        stands_out(shown, profile, 2).into_iter().map(|title| format!("<b>{title}</b>")).collect();
    match titles.is_empty() {
        true => String::new(),
        false => format!("<p class=\"for\">Stands out for {}</p>\n", titles.join(" and ")),
    }
}

fn card_item(shown: &Shown, top: &ProfileItem, longest: f64) -> String {
    let title = shown.items.name(top.item);
    // Three digits of the largest score, and as many decimals for the others: the column stays aligned.
    let decimals = decimals(longest, 3);
    let score = |score: f64| format!("{score:.decimals$}");
    let scale = |score: f64| if longest > 0.0 { score / longest } else { 0.0 };
    let (lift, high) = match top.score / top.score_all {
        lift if lift.is_finite() => (format!("{lift:.*} ×", if lift < 9.95 { 1 } else { 0 }), lift >= 2.0),
        _ => ("–".into(), false),
    };
    format!(
        "<li><span class=\"title\" title=\"{title}\">{title}</span><span class=\"score\">{}</span>\
         <span class=\"lift{}\">{lift}</span><span class=\"unseen\">all users {}</span>{}</li>\n",
        score(top.score),
        if high { " high" } else { "" },
        score(top.score_all),
        bar(scale(top.score), Some(scale(top.score_all)))
    )
}
