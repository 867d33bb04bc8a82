//! A card per segment: what its members like, and more than others do.

use super::parts::{bar, dot};
use crate::profile::{Profile, ProfileItem};
use crate::report::Outcome;
use crate::report::charts;
use crate::report::format::{decimals, html, percent, plural, significant};

pub fn section(outcome: &Outcome) -> String {
    let scores = outcome.profiles.iter().flat_map(|profile| &profile.top).map(|top| top.score.max(top.score_all));
    let longest = scores.fold(0.0, f64::max);
    let cards: String = outcome.profiles.iter().map(|profile| card(outcome, profile, longest)).collect();
    format!(
        "<section id=\"segments\">\n<h2>Segments</h2>\n<p class=\"how\">The items that matter most in each segment. The first \
         number and the bar are the item’s mean TF-IDF score among the members: high where many of them rated it and \
         it weighs much in their list. The tick is the same score over all users, the last number how many times that \
         it is. A bar far past its tick is what is special about the segment. All bars have one scale.</p>\n\
         <div class=\"cards\">\n{cards}</div>\n</section>\n"
    )
}

fn card(outcome: &Outcome, profile: &Profile, longest: f64) -> String {
    let segment = profile.segment as usize;
    let share = percent(profile.size as f64 / outcome.measured.n_users.max(1) as f64);
    let items: String = profile.top.iter().map(|top| card_item(outcome, top, longest)).collect();
    let items = if items.is_empty() { "<li>No items.</li>\n".to_string() } else { items };
    format!(
        "<article class=\"card\" style=\"--c: {}\">\n<header><h3>{}Segment {segment}</h3>\
         <span class=\"size\">{}, {share}</span></header>\n\
         <p class=\"apart\"><span>Differs from all users</span><span>{}</span></p>{}\n{}<ol class=\"items\">\n{items}</ol>\n\
         </article>\n",
        charts::segment_color(segment),
        dot(segment),
        plural(profile.size, "user"),
        significant(profile.distance_from_all, 2),
        bar(profile.distance_from_all, None),
        stands_out(outcome, profile),
    )
}

/// The two items whose score exceeds that of all users most.
fn stands_out(outcome: &Outcome, profile: &Profile) -> String {
    let excess = |top: &ProfileItem| top.score - top.score_all;
    let mut above: Vec<&ProfileItem> = profile.top.iter().filter(|top| excess(top) > 0.0).collect();
    above.sort_by(|a, b| excess(b).total_cmp(&excess(a)).then(a.item.cmp(&b.item)));
    let titles: Vec<String> = above.iter().take(2).map(|top| format!("<b>{}</b>", item_name(outcome, top))).collect();
    match titles.is_empty() {
        true => String::new(),
        false => format!("<p class=\"for\">Stands out for {}</p>\n", titles.join(" and ")),
    }
}

/// The title for HTML; an item without one is told by its id.
fn item_name(outcome: &Outcome, top: &ProfileItem) -> String {
    let item = top.item as usize;
    match &outcome.items.titles[item] {
        Some(title) => html(title),
        None => format!("item {}", html(&outcome.items.ids[item].to_string())),
    }
}

fn card_item(outcome: &Outcome, top: &ProfileItem, longest: f64) -> String {
    let title = item_name(outcome, top);
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
