//! What changed since the earlier run: in words, then who moved where, then what the users who moved rate now.

use super::detail::Detail;
use super::parts::data_table;
use crate::report::charts::flows::{bands, flows, others};
use crate::results::shown::{Shown, label};
use crate::results::{Continuity, Driver, Fate, Flow, Now, Origin, Then};
use crate::watch::format::{count, html, percent, plural};

/// Flows whose items are shown.
const TOP_FLOWS: usize = 9;

/// Nothing where runs are not compared.
pub fn section(shown: &Shown, detail: &Detail) -> String {
    let Some(continuity) = &shown.continuity else { return String::new() };
    format!(
        "<section id=\"continuity\">\n<h2>What changed</h2>\n<p class=\"how\">{}</p>\n{}{}{}</section>\n",
        users(continuity),
        news(shown, continuity, detail),
        diagram(shown, continuity, detail),
        drivers(shown, continuity, detail),
    )
}

/// Users in a few sentences.
fn users(continuity: &Continuity) -> String {
    let earlier = format!("the earlier run in <code>{}</code>", html(&continuity.previous));
    let coming = coming(continuity.new_users, continuity.gone_users);
    if continuity.users == 0 {
        return format!(
            "No user of this run was in {earlier}, so segments are matched by the items that their members like. {coming}"
        );
    }
    format!("{}{} {coming}", moved(continuity, &earlier), crossed(continuity.crossed))
}

fn coming(new_users: u64, gone_users: u64) -> String {
    match (new_users, gone_users) {
        (0, 0) => "No users are new, and none are gone.".to_string(),
        (0, gone) => format!("No users are new; {} gone.", are(gone)),
        (new, 0) => format!("{} new, and none are gone.", are(new)),
        (new, gone) => format!("{} new, and {} gone.", are(new), are(gone)),
    }
}

fn moved(continuity: &Continuity, earlier: &str) -> String {
    let users = plural(continuity.users, "user");
    let n = continuity.moved;
    if n == 0 {
        return format!("None of {users} has moved to another segment since {earlier}.");
    }
    let (share, verb) = (percent(n as f64 / continuity.users as f64), if n == 1 { "has" } else { "have" });
    format!(
        "{} of {users} ({share}) {verb} moved to another segment since {earlier}, with a clear change of what they rate.",
        count(n)
    )
}

fn crossed(users: u64) -> String {
    match users {
        0 => String::new(),
        n => format!(
            " {} more {} in another segment but so close to the border that the border may have moved instead: this \
             does not count.",
            count(n),
            if n == 1 { "is" } else { "are" }
        ),
    }
}

fn are(users: u64) -> String {
    format!("{} {}", plural(users, "user"), if users == 1 { "is" } else { "are" })
}

/// What became of segments, a sentence each; those that simply go on are one sentence together.
fn news(shown: &Shown, continuity: &Continuity, detail: &Detail) -> String {
    let born = continuity.segments.iter().filter(|now| now.origin == Origin::Born).map(|now| born(shown, now));
    let changed = continuity.earlier.iter().filter_map(|then| fate(shown, then, detail));
    let mut lines: Vec<String> = born.chain(changed).collect();
    let further = lines.len().saturating_sub(detail.segments) as u64;
    lines.truncate(detail.segments);
    if further > 0 {
        let verb = if further == 1 { "is" } else { "are" };
        lines.push(format!(
            "{} {verb} new, split, merged or gone (<code>run.json</code> has all).",
            plural(further, "more segment")
        ));
    }
    lines.push(goes_on(&continuity.earlier));
    format!("<ul>\n{}</ul>\n", lines.iter().map(|line| format!("<li>{line}</li>\n")).collect::<String>())
}

/// A segment of the earlier run.
fn before(then: &Then, detail: &Detail) -> String {
    html(&label(then.segment, &detail.cut(&then.name)))
}

fn bold(shown: &Shown, segment: u32) -> String {
    format!("<b>{}</b>", shown.label_html(segment as usize))
}

fn born(shown: &Shown, now: &Now) -> String {
    let members = plural(shown.kmeans.sizes[now.segment as usize], "user");
    let new = if now.new_users > 0 { format!(", {} of them new", count(now.new_users)) } else { String::new() };
    format!("{} is new: {members}{new}.", bold(shown, now.segment))
}

/// Nothing of a segment that goes on.
fn fate(shown: &Shown, then: &Then, detail: &Detail) -> Option<String> {
    let before = format!("<b>{}</b>", before(then, detail));
    let into = || then.now.iter().map(|&now| bold(shown, now)).collect::<Vec<_>>().join(" and ");
    match then.fate {
        Fate::Kept => None,
        Fate::Split => Some(format!("{before} was split into {}.", into())),
        Fate::Merged => Some(format!("{before} became part of {}.", into())),
        Fate::Died => Some(format!("{before} no longer exists.")),
    }
}

fn goes_on(earlier: &[Then]) -> String {
    let kept = earlier.iter().filter(|then| then.fate == Fate::Kept).count();
    match (kept == earlier.len(), kept as u64) {
        (_, 0) => "No segment goes on as it was.".to_string(),
        (true, 1) => "The segment of the earlier run goes on under its number and name.".into(),
        (true, n) => format!("All {} segments of the earlier run go on under their names.", count(n)),
        (false, n) => format!("{} of {} segments go on under their names.", count(n), earlier.len()),
    }
}

fn diagram(shown: &Shown, continuity: &Continuity, detail: &Detail) -> String {
    let segments = segments(shown, continuity, detail);
    if continuity.flows.is_empty() {
        return segments;
    }
    format!(
        "<figure class=\"panel\">\n<figcaption><h3>Who moved where</h3><p class=\"muted\">Segments of the earlier run are on the \
         left, those of this run on the right; the width of a band is its number of users. Users who stayed are left out.</p></figcaption>\n{}{}{segments}</figure>\n",
        flows(shown, continuity),
        flow_table(continuity)
    )
}

fn flow_table(continuity: &Continuity) -> String {
    let row = |flow: &Flow| {
        let then = &continuity.earlier[flow.from as usize];
        let share = percent(flow.users as f64 / then.size.max(1) as f64);
        vec![flow.from.to_string(), flow.to.to_string(), count(flow.users), share]
    };
    let rest = Some(others(continuity)).filter(|&users| users > 0);
    let rest = rest.map(|users| vec!["others".into(), "others".into(), count(users), "–".into()]);
    let columns = ["From segment", "To segment", "Users", "Share of the segment they left"];
    data_table("Who moved where", &columns, bands(continuity).iter().map(row).chain(rest))
}

/// A row for each segment that the page tells of.
fn segments(shown: &Shown, continuity: &Continuity, detail: &Detail) -> String {
    let told = detail.segments(&shown.kmeans.sizes);
    let row = |now: &Now| {
        let earlier = now.earlier.and_then(|earlier| continuity.earlier.get(earlier as usize));
        let origin = match (now.origin, earlier) {
            (Origin::Kept, Some(then)) if then.segment == now.segment => "as before".to_string(),
            (Origin::Kept, Some(then)) => format!("was {}", then.segment),
            (Origin::Split, Some(then)) => format!("part of {}", before(then, detail)),
            _ => "new".into(),
        };
        let left = earlier.filter(|_| now.origin == Origin::Kept).map_or("–".into(), |then| count(then.left));
        vec![
            shown.label_html(now.segment as usize),
            origin,
            count(now.stayed),
            count(now.crossed),
            count(now.arrived),
            left,
            count(now.new_users),
        ]
    };
    let rows = continuity.segments.iter().filter(|now| told.binary_search(&(now.segment as usize)).is_ok());
    let columns = ["Segment", "Since then", "Stayed", "Crossed a border", "Moved here", "Moved away", "New users"];
    data_table("Segments then and now", &columns, rows.map(row))
}

/// What those who moved rate now that those who stayed do not.
fn drivers(shown: &Shown, continuity: &Continuity, detail: &Detail) -> String {
    let told: Vec<&Flow> = continuity.flows.iter().filter(|flow| !flow.items.is_empty()).take(TOP_FLOWS).collect();
    if told.is_empty() {
        return String::new();
    }
    let panels: String = told.into_iter().map(|flow| panel(shown, continuity, flow, detail)).collect();
    format!(
        "<h3 class=\"part\">What they rate now</h3>\n<p class=\"how\">For each of the largest moves, items that users who moved have rated in \
         this run more often than users who stayed. The first number is the share of those who moved, the second that of \
         those who stayed.</p>\n<div class=\"columns\">\n{panels}</div>\n"
    )
}

fn panel(shown: &Shown, continuity: &Continuity, flow: &Flow, detail: &Detail) -> String {
    let then = &continuity.earlier[flow.from as usize];
    let item = |driver: &Driver| {
        let name = driver.title.as_ref().map_or_else(|| format!("item {}", driver.item), Clone::clone);
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"figure\">{}</td><td class=\"figure\">{}</td></tr>\n",
            html(&detail.cut(&name)),
            percent(driver.moved),
            percent(driver.stayed)
        )
    };
    format!(
        "<div class=\"panel\"><h4>{} → {}: {}</h4>\n<table class=\"moves\">\n<thead><tr><th scope=\"col\">Item</th>\
         <th scope=\"col\">moved</th><th scope=\"col\">stayed</th></tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
        before(then, detail),
        shown.label_html(flow.to as usize),
        plural(flow.users, "user"),
        flow.items.iter().map(item).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::detail::DETAILS;
    use crate::results::Outcome;
    use crate::results::fixture::{self, SMALL};
    use crate::results::run::Digests;

    fn section(outcome: &Outcome) -> String {
        super::section(&Shown::of(outcome, Digests::new(), false), &DETAILS[0])
    }

    #[test]
    fn the_section_tells_what_changed_in_words() {
        let mut outcome = fixture::outcome(SMALL);
        let told = section(&outcome);
        for part in [
            "7 of 40 users (17.5%) have moved to another segment since the earlier run in <code>out/last-month</code>",
            "4 users are new, and 3 users are gone.",
            ", 1 of them new.",
            "<b>3 · Taste 3 of old</b> no longer exists.",
            "3 of 4 segments go on",
            "0 · Taste 0 of old → 1 · Taste 1: 60 users",
            "<td>others</td><td>5</td>",
        ] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        let continuity = outcome.continuity.as_mut().unwrap();
        continuity.earlier[0].fate = Fate::Merged;
        continuity.earlier[1].fate = Fate::Split;
        continuity.earlier[1].now = vec![1, 3];
        continuity.users = 0;
        continuity.flows.clear();
        outcome.names[1] = "<i>".into();
        let told = section(&outcome);
        for part in [
            "No user of this run",
            "became part of <b>0 · Taste 0</b>",
            "was split into <b>1 · &lt;i&gt;</b> and <b>3 · Taste",
        ] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(!told.contains("chart-flows") && !told.contains("What they rate now"));
        outcome.continuity = None;
        assert_eq!(section(&outcome), "");
    }
}
