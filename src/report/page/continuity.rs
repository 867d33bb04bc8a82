//! What changed since the earlier run: first in words, then who moved where, then what those who moved rate now.

use super::figures::chart;
use super::parts::data_table;
use crate::continuity::matching::{Fate, Origin};
use crate::continuity::{Continuity, Driver, Flow, Now, Then};
use crate::report::Outcome;
use crate::report::charts::flows::{called, others, shown};
use crate::report::format::{count, html, percent, plural};

/// Flows whose items are shown.
const TOP_FLOWS: usize = 9;

/// Nothing where runs are not compared.
pub fn section(outcome: &Outcome) -> String {
    let Some(continuity) = &outcome.continuity else { return String::new() };
    format!(
        "<section id=\"continuity\">\n<h2>What changed</h2>\n<p class=\"how\">{}</p>\n{}{}{}{}</section>\n",
        users(continuity),
        news(outcome, continuity),
        diagram(continuity),
        segments(outcome, continuity),
        drivers(outcome, continuity),
    )
}

/// Users in a few sentences.
fn users(continuity: &Continuity) -> String {
    let Continuity { users, moved, crossed, new_users, gone_users, .. } = *continuity;
    let earlier = format!("the earlier run in <code>{}</code>", html(&continuity.previous));
    let coming = format!("{} new since then, and {} gone.", are(new_users), are(gone_users));
    if users == 0 {
        return format!(
            "No user is both in this run and in {earlier}: segments are matched by the items their members like. {coming}"
        );
    }
    let share = percent(moved as f64 / users as f64);
    let near = match crossed {
        0 => String::new(),
        1 => " One more lies so near a border that it may have been drawn on the other side of them, and is counted as staying.".into(),
        n => format!(
            " {} more lie so near a border that it may only have been drawn on the other side of them; they are counted as \
             staying.",
            count(n)
        ),
    };
    format!(
        "{} in this run and in {earlier}. Of them {} ({share}) moved to another segment, with a change of what they rate that \
         is clear.{near} {coming}",
        are(users),
        count(moved)
    )
}

fn are(users: u64) -> String {
    format!("{} {}", plural(users, "user"), if users == 1 { "is" } else { "are" })
}

/// What became of segments, a sentence each; those that simply go on are one sentence together.
fn news(outcome: &Outcome, continuity: &Continuity) -> String {
    let before = |then: &Then| format!("<b>{}</b>", html(&called(then.segment, &then.name)));
    let now = |&segment: &u32| format!("<b>{}</b>", html(&called(segment, &outcome.names[segment as usize])));
    let mut lines = Vec::new();
    for born in continuity.segments.iter().filter(|now| now.origin == Origin::Born) {
        let members = plural(born.arrived + born.new_users, "user");
        let from = match born.new_users {
            0 => "all from other segments".to_string(),
            n => format!("{} of them new", count(n)),
        };
        lines.push(format!("{} is new: {members}, {from}.", now(&born.segment)));
    }
    for then in &continuity.earlier {
        let into = || then.now.iter().map(now).collect::<Vec<_>>().join(" and ");
        match then.fate {
            Fate::Kept => {}
            Fate::Split => lines.push(format!("{} was split into {}.", before(then), into())),
            Fate::Merged => lines.push(format!("{} became part of {}.", before(then), into())),
            Fate::Died => lines.push(format!("{} is no more.", before(then))),
        }
    }
    let kept = continuity.earlier.iter().filter(|then| then.fate == Fate::Kept).count() as u64;
    let goes_on = match (kept as usize == continuity.earlier.len(), kept) {
        (_, 0) => "No segment goes on as it was.".to_string(),
        (true, 1) => "The segment of the earlier run goes on under its number and name.".into(),
        (true, n) => format!("All {} segments of the earlier run go on under their names.", count(n)),
        (false, n) => format!("{} of {} segments go on under their names.", count(n), continuity.earlier.len()),
    };
    lines.push(goes_on);
    format!("<ul>\n{}</ul>\n", lines.iter().map(|line| format!("<li>{line}</li>\n")).collect::<String>())
}

fn diagram(continuity: &Continuity) -> String {
    if continuity.flows.is_empty() {
        return String::new();
    }
    format!(
        "<figure class=\"panel\">\n<figcaption><h3>Who moved where</h3><p class=\"muted\">Left the segment in the earlier run, right \
         the one now; a band is as wide as there are users in it. Those who stayed are left out.</p></figcaption>\n{}{}</figure>\n",
        chart(
            "chart-flows",
            "tall",
            "Flow diagram of users who moved, from their earlier segment to their segment now."
        ),
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
    data_table("Who moved where", &columns, shown(continuity).iter().map(row).chain(rest))
}

fn segments(outcome: &Outcome, continuity: &Continuity) -> String {
    let row = |now: &Now| {
        let earlier = now.earlier.and_then(|earlier| continuity.earlier.get(earlier as usize));
        let origin = match (now.origin, earlier) {
            (Origin::Kept, Some(then)) if then.segment == now.segment => "as before".to_string(),
            (Origin::Kept, Some(then)) => format!("was {}", then.segment),
            (Origin::Split, Some(then)) => format!("part of {}", html(&called(then.segment, &then.name))),
            _ => "new".into(),
        };
        let left = earlier.filter(|_| now.origin == Origin::Kept).map_or("–".into(), |then| count(then.left));
        vec![
            html(&called(now.segment, &outcome.names[now.segment as usize])),
            origin,
            count(now.stayed),
            count(now.arrived),
            left,
            count(now.new_users),
        ]
    };
    let columns = ["Segment", "Since then", "Stayed", "Came from others", "Left for others", "New users"];
    data_table("Segments then and now", &columns, continuity.segments.iter().map(row))
}

/// What those who moved rate now that those who stayed do not.
fn drivers(outcome: &Outcome, continuity: &Continuity) -> String {
    let told: Vec<&Flow> = continuity.flows.iter().filter(|flow| !flow.items.is_empty()).take(TOP_FLOWS).collect();
    if told.is_empty() {
        return String::new();
    }
    let panels: String = told.into_iter().map(|flow| panel(outcome, continuity, flow)).collect();
    format!(
        "<h3>What they rate now</h3>\n<p class=\"how\">For the largest moves, the items that a larger share of those who moved \
         has rated in this run than of those who stayed. The first number is the share of those who moved, the second that of \
         those who stayed.</p>\n<div class=\"columns\">\n{panels}</div>\n"
    )
}

fn panel(outcome: &Outcome, continuity: &Continuity, flow: &Flow) -> String {
    let then = &continuity.earlier[flow.from as usize];
    let item = |driver: &Driver| {
        let name = driver.title.as_ref().map_or_else(|| format!("item {}", driver.item), Clone::clone);
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"figure\">{}</td><td class=\"figure\">{}</td></tr>\n",
            html(&name),
            percent(driver.moved),
            percent(driver.stayed)
        )
    };
    format!(
        "<div class=\"panel\"><h4>{} → {}: {}</h4>\n<table class=\"sums\">\n<thead><tr><th scope=\"col\">Item</th>\
         <th scope=\"col\">moved</th><th scope=\"col\">stayed</th></tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
        html(&called(then.segment, &then.name)),
        html(&called(flow.to, &outcome.names[flow.to as usize])),
        plural(flow.users, "user"),
        flow.items.iter().map(item).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{self, SMALL};

    #[test]
    fn the_section_tells_what_changed_in_words() {
        let mut outcome = fixture::outcome(SMALL);
        let told = section(&outcome);
        for part in [
            "40 users are in this run and in the earlier run in <code>out/last-month</code>. Of them 7 (17.5%) moved",
            "<b>3 Taste 3</b> is new: 3 users, 1 of them new.",
            "<b>3 Taste 3 of old</b> is no more.",
            "3 of 4 segments go on",
            "0 Taste 0 of old → 1 Taste 1: 60 users",
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
        for part in
            ["No user is both", "became part of <b>0 Taste 0</b>", "was split into <b>1 &lt;i&gt;</b> and <b>3 Taste"]
        {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(!told.contains("chart-flows") && !told.contains("What they rate now"));
        outcome.continuity = None;
        assert_eq!(section(&outcome), "");
    }
}
