//! All segments at a glance: a row for each, with its size, what it stands out for and how stable it is.

use std::cmp::Reverse;

use super::detail::Detail;
use super::parts::{bar, color, dot, stands_out};
use crate::report::verdict;
use crate::results::Profile;
use crate::results::shown::Shown;
use crate::watch::format::{percent, plural};

/// Rows that are shown at once; those of further segments open on demand.
const AT_ONCE: usize = 25;

/// Items named for each segment.
const ITEMS: usize = 3;

pub fn section(shown: &Shown, detail: &Detail) -> String {
    let listed = detail.segments(&shown.kmeans.sizes);
    let mut profiles: Vec<&Profile> = listed.iter().map(|&segment| &shown.profiles[segment]).collect();
    profiles.sort_by_key(|profile| (Reverse(profile.size), profile.segment));
    let (first, further) = profiles.split_at(profiles.len().min(AT_ONCE));
    let further = match further {
        [] => String::new(),
        further => format!(
            "<details class=\"further\">\n<summary>{} smaller segments</summary>\n{}</details>\n",
            further.len(),
            table(shown, further, detail, "Smaller segments at a glance")
        ),
    };
    format!(
        "<section id=\"kinds\">\n<h2>What kinds of customers are there?</h2>\n<p class=\"how\">Largest first. A segment stands out \
         for what its members have more often than other users.{}</p>\n<div class=\"panel kinds\">\n{}{further}</div>\n</section>\n",
        if shown.evidence.is_some() { STABLE } else { "" },
        table(shown, first, detail, "Segments at a glance"),
    )
}

/// What the last column says.
const STABLE: &str = " It is stable if refits to other users of the same kind find it again: 1 means always, 0 never.";

/// The roles are explicit because a phone shows a row as a block, which would remove them.
fn table(shown: &Shown, profiles: &[&Profile], detail: &Detail, says: &str) -> String {
    let columns = ["Segment", "Size", "Stands out for", "Stability"];
    let columns = &columns[..if shown.evidence.is_some() { 4 } else { 3 }];
    let heading = |column: &&str| format!("<th role=\"columnheader\" scope=\"col\">{column}</th>");
    format!(
        "<table role=\"table\" aria-label=\"{says}\">\n<thead role=\"rowgroup\"><tr role=\"row\">{}</tr></thead>\n\
         <tbody role=\"rowgroup\">\n{}</tbody>\n</table>\n",
        columns.iter().map(heading).collect::<String>(),
        profiles.iter().map(|profile| row(shown, profile, detail)).collect::<String>()
    )
}

fn row(shown: &Shown, profile: &Profile, detail: &Detail) -> String {
    let segment = profile.segment as usize;
    let largest = shown.kmeans.sizes.iter().max().copied().unwrap_or(0).max(1);
    format!(
        "<tr role=\"row\" class=\"{}\"><th role=\"rowheader\" scope=\"row\" class=\"kind\">{}\
         <a href=\"#segment-{segment}\">{}</a></th>\
         <td role=\"cell\" class=\"size\"><span>{} <span class=\"muted\">{}</span></span>{}</td>\
         <td role=\"cell\" class=\"for\">{}</td>{}</tr>\n",
        color(segment),
        dot(segment),
        shown.label_html(segment),
        plural(profile.size, "user"),
        percent(shown.share(profile.size)),
        bar(profile.size as f64 / largest as f64, None),
        features(shown, profile, detail),
        stability(shown, segment)
    )
}

fn features(shown: &Shown, profile: &Profile, detail: &Detail) -> String {
    let items = stands_out(shown, profile, ITEMS, detail);
    if items.is_empty() { "<span class=\"muted\">nothing in particular</span>".into() } else { items.join("; ") }
}

fn stability(shown: &Shown, segment: usize) -> String {
    let Some(evidence) = &shown.evidence else { return String::new() };
    let jaccard = evidence.stability.jaccard[segment];
    let word = verdict::stability(jaccard);
    let doubtful = if jaccard < verdict::STABLE { " doubtful" } else { "" };
    format!(
        "<td role=\"cell\" class=\"stability{doubtful}\">{word} <span class=\"muted\">{}</span></td>",
        verdict::digits(jaccard)
    )
}
