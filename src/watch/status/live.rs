//! Segments that are kept up to date, on the page: for readers who know their customers but not clustering.

use std::collections::HashMap;
use std::fmt::Write;

use super::table::{Row, cells, close_table, open_table, table};
use crate::watch::format::{bytes, count, html, percent, plural, seconds, significant};
use crate::watch::progress::{Live, LiveDrift, LiveItem, LiveMove, LiveSegment, LiveTrend};

/// Items shown of a segment.
const MOST_ITEMS: usize = 10;

/// In a word or two, for the top of the page.
pub fn state(live: &Live) -> String {
    if live.batch == 0 { "waiting for changes".into() } else { format!("batch {}", count(live.batch)) }
}

/// What is kept up to date, as published `ago` seconds ago.
pub fn part(out: &mut String, live: &Live, ago: f64) {
    let _ = writeln!(out, "<p class=\"far\">{}</p>", html(&lead(live, ago)));
    verdict(out, &live.drift);
    segments(out, live);
    moves(out, live);
    tops(out, live);
    table(out, "Drift since the fit", &["Measure", "Now", "Limit"], drift(&live.drift));
    table(out, "Changes", &["Quantity", "Count"], changes(live));
}

fn lead(live: &Live, ago: f64) -> String {
    let kept = format!("{} with {}", plural(live.users, "user"), plural(live.ratings, "rating"));
    if live.batch == 0 {
        return format!("{kept}. No changes have come yet.");
    }
    let rate = match live.changes_per_second {
        rate if rate < 10.0 => significant(rate, 2),
        rate => count(rate.round() as u64),
    };
    let took = seconds(live.batch_seconds);
    let ago = if ago < 1.0 { "just now".into() } else { format!("{} ago", seconds(ago)) };
    let changes = plural(live.changes, "change");
    format!("{kept}. {changes} so far, {rate} a second; the last batch took {took}, {ago}.")
}

fn verdict(out: &mut String, drift: &LiveDrift) {
    let limit = percent(drift.threshold);
    let (class, short, long) = if drift.refit_due {
        let why = Some(drift.why.trim()).filter(|why| !why.is_empty());
        let long = "The segments no longer describe the users as well as when they were found";
        ("due", "A new fit is due.", why.map_or(format!("{long}."), |why| format!("{long}: {why}")))
    } else {
        let long = format!("No measure of drift is past the limit of {limit}; they are further down.");
        ("fits", "The segments still fit.", long)
    };
    let _ = writeln!(out, "<p class=\"verdict {class}\"><strong>{short}</strong> {}</p>", html(&long));
}

fn segments(out: &mut String, live: &Live) {
    let all: u64 = live.segments.iter().map(|segment| segment.size).sum();
    open_table(out, "Segments", &["Segment", "Users", "Share of all", "Since the start", "Came", "Went"]);
    for segment in &live.segments {
        let share = if all == 0 { 0.0 } else { segment.size as f64 / all as f64 };
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", html(&label(segment)));
        let _ =
            write!(out, "<td>{}</td><td class=\"share\">{}{}</td>", count(segment.size), percent(share), bar(share));
        let change = signed(i128::from(segment.size) - i128::from(segment.size_at_start));
        let _ =
            writeln!(out, "<td>{change}</td><td>{}</td><td>{}</td></tr>", count(segment.joined), count(segment.left));
    }
    close_table(out);
}

/// A segment by number and name.
fn label(segment: &LiveSegment) -> String {
    let LiveSegment { segment, name, .. } = segment;
    if name.is_empty() { segment.to_string() } else { format!("{segment} {name}") }
}

/// The number beside it says the same.
fn bar(share: f64) -> String {
    format!("<span class=\"bar\" aria-hidden=\"true\"><span style=\"width:{:.1}%\"></span></span>", share * 100.0)
}

fn signed(change: i128) -> String {
    let size = count(u64::try_from(change.unsigned_abs()).unwrap_or(u64::MAX));
    match change {
        0 => "no change".into(),
        1.. => format!("+{size}"),
        _ => format!("−{size}"),
    }
}

fn moves(out: &mut String, live: &Live) {
    out.push_str("<section>\n<h2>Who moved last</h2>\n");
    if live.moves.is_empty() {
        out.push_str("<p>Nobody so far.</p>\n</section>\n");
        return;
    }
    let labels: HashMap<u32, String> = live.segments.iter().map(|of| (of.segment, label(of))).collect();
    let named = |segment: u32| {
        let label = labels.get(&segment).cloned().unwrap_or_else(|| segment.to_string());
        format!("<b>{}</b>", html(&label))
    };
    out.push_str("<ul class=\"moves\">\n");
    for LiveMove { batch, user, from, to } in &live.moves {
        let how = match (from, to) {
            (Some(from), Some(to)) => format!("moved from {} to {}", named(*from), named(*to)),
            (None, Some(to)) => format!("is new, in {}", named(*to)),
            (Some(from), None) => format!("has no ratings left and is gone from {}", named(*from)),
            (None, None) => "came and went".into(),
        };
        let _ = writeln!(out, "<li>{} {how} <span>batch {}</span></li>", html(user), count(*batch));
    }
    out.push_str("</ul>\n</section>\n");
}

fn tops(out: &mut String, live: &Live) {
    out.push_str("<section>\n<h2>What each segment likes more than others do</h2>\n<div class=\"cards\">\n");
    for segment in &live.segments {
        let _ = writeln!(out, "<div>\n<h3>{}</h3>", html(&label(segment)));
        if segment.top.is_empty() {
            out.push_str("<p>Nothing yet.</p>\n</div>\n");
            continue;
        }
        out.push_str("<ol>\n");
        segment.top.iter().take(MOST_ITEMS).for_each(|item| top(out, item));
        out.push_str("</ol>\n</div>\n");
    }
    out.push_str("</div>\n</section>\n");
}

fn top(out: &mut String, item: &LiveItem) {
    let title = item.title.as_deref().filter(|title| !title.is_empty()).unwrap_or(&item.item);
    let trend = match item.trend {
        LiveTrend::Same => "",
        LiveTrend::Risen => " <span class=\"up\">up</span>",
        LiveTrend::Fallen => " <span class=\"down\">down</span>",
        LiveTrend::New => " <span class=\"new\">new</span>",
    };
    let _ = writeln!(out, "<li>{}{trend} <span>{}</span></li>", html(title), significant(item.score, 3));
}

fn drift(drift: &LiveDrift) -> Vec<Row> {
    let further = drift.inertia_per_user / drift.inertia_per_user_fit - 1.0;
    let sign = if further > 0.0 { "+" } else { "" };
    let measures = [
        ("Users in another segment than in the fit", drift.moved_share, percent(drift.moved_share)),
        ("Squared distance of users from the centre of their segment", further, format!("{sign}{}", percent(further))),
        ("How much the rarity of items has changed", drift.idf_drift, percent(drift.idf_drift)),
    ];
    let row = |(name, value, shown): (&str, f64, String)| {
        let past = value > drift.threshold;
        let shown = if past { format!("{shown}, past the limit") } else { shown };
        (past, vec![name.to_string(), shown, percent(drift.threshold)])
    };
    measures.map(row).into()
}

fn changes(live: &Live) -> Vec<Row> {
    let named = [
        ("taken", live.changes),
        ("rejected, see rejects.tsv", live.rejected),
        ("left out by the job's filters", live.filtered),
        ("ratings of items that the model does not know", live.unknown_ratings),
        ("such items, for the next fit", live.unknown_items),
        ("fits since the start", live.refits),
    ];
    let mut rows: Vec<Row> = named.map(|(name, number)| cells(&[name, &count(number)])).into();
    rows.push(cells(&["log on disk", &bytes(live.log_bytes)]));
    rows
}

#[cfg(test)]
mod tests {
    use super::super::fixture::made_up;
    use super::*;
    use crate::watch::progress::{MOST_MOVES, Snapshot};
    use crate::watch::status::page::page;

    fn seen(live: Live) -> String {
        page(&Snapshot { ready: true, live: Some((live.into(), 3.0)), ..Snapshot::default() })
    }

    #[track_caller]
    fn assert_says(page: &str, lines: &[&str]) {
        let mut rest = page;
        for line in lines {
            let at = rest.find(line).unwrap_or_else(|| panic!("{line}\nis not there, or not in its place:\n{page}"));
            rest = &rest[at + line.len()..];
        }
    }

    #[test]
    fn segments_moves_and_drift_come_first_and_in_words() {
        let page = seen(made_up());
        assert_says(
            &page,
            &[
                "<title>segmill: batch 1,200</title>",
                "<h1>segmill <span>batch 1,200</span></h1>",
                "<p class=\"far\">1,000 users with 98,765 ratings. 1,234,567 changes so far, 5,231 a second; the last \
                 batch took 42 ms, 3 s ago.</p>",
                "<p class=\"verdict due\"><strong>A new fit is due.</strong> The segments no longer describe the users as \
                 well as when they were found: 12.5% of the users &gt; 10%</p>",
                "<th scope=\"row\">0 Horror &amp; Thriller</th><td>700</td><td class=\"share\">70%<span class=\"bar\" \
                 aria-hidden=\"true\"><span style=\"width:70.0%\"></span></span></td><td>+12</td><td>30</td><td>18</td>",
                "<th scope=\"row\">1</th><td>300</td>",
                "<td>−12</td><td>0</td><td>0</td>",
                "<li>&lt;script&gt; moved from <b>1</b> to <b>0 Horror &amp; Thriller</b> <span>batch 1,200</span></li>",
                "<li>u2 is new, in <b>1</b> <span>batch 1,199</span></li>",
                "<li>u3 has no ratings left and is gone from <b>0 Horror &amp; Thriller</b> <span>batch 1,199</span></li>",
                "<h3>0 Horror &amp; Thriller</h3>",
                "<li>Night &lt;of&gt; Ghosts (1968) <span>0.123</span></li>",
                "<li>i10 <span class=\"new\">new</span> <span>0.1</span></li>",
                "<h3>1</h3>\n<p>Nothing yet.</p>",
                "<tr class=\"now\"><th scope=\"row\">Users in another segment than in the fit</th><td>12.5%, past the limit</td><td>10%</td>",
                "<td>+20%, past the limit</td>",
                "items has changed</th><td>1%</td>",
                "<th scope=\"row\">taken</th><td>1,234,567</td>",
                "<th scope=\"row\">log on disk</th><td>2 KiB</td>",
                "<caption>Stages</caption>",
            ],
        );
    }

    #[test]
    fn before_anything_came_there_is_nothing_to_divide_by() {
        let page = seen(Live { segments: vec![LiveSegment::default()], ..Live::default() });
        let lines = [
            "<span>waiting for changes</span>",
            "0 users with 0 ratings. No changes have come yet.",
            "<p class=\"verdict fits\"><strong>The segments still fit.</strong>",
            "<td class=\"share\">0%<span class=\"bar\" aria-hidden=\"true\"><span style=\"width:0.0%\">",
            "<td>no change</td>",
            "<p>Nobody so far.</p>",
            "<td>–</td>",
        ];
        assert_says(&page, &lines);
        assert!(!page.contains("NaN"), "{page}");
    }

    #[test]
    fn no_text_leaves_its_place_and_nothing_comes_from_elsewhere() {
        let evil = || "\"><script src=\"https://a\"></script>'&".to_string();
        let mut live = made_up();
        live.drift.why = evil();
        live.moves.iter_mut().for_each(|of| of.user = evil());
        for segment in &mut live.segments {
            segment.name = evil();
            segment.top = vec![
                LiveItem { item: evil(), ..LiveItem::default() },
                LiveItem { title: Some(evil()), ..LiveItem::default() },
            ];
        }
        let page = seen(live);
        assert!(!page.contains("<script") && !page.contains("src=\""), "{page}");
        assert!(page.contains("&quot;&gt;&lt;script src=&quot;https://a&quot;&gt;"), "{page}");
    }

    #[test]
    fn what_is_published_is_kept_with_its_last_moves() {
        crate::watch::progress::watch();
        let moves = (0..50).map(|batch| LiveMove { batch, ..LiveMove::default() }).collect();
        crate::watch::progress::publish(Live { moves, ..made_up() });
        let live = crate::watch::progress::live().expect("what was published");
        assert!(live.moves.len() == MOST_MOVES && live.moves[0].batch == 0, "{:?}", live.moves);
        assert_eq!(crate::watch::progress::now().live.expect("the same").0, live);
        let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&*live).unwrap()).unwrap();
        let expected = serde_json::json!({ "item": "i10", "title": null, "score": 0.1, "trend": "new" });
        assert_eq!(json["segments"][0]["top"][1], expected);
        assert_eq!((&json["drift"]["refit_due"], &json["moves"][0]["from"]), (&true.into(), &().into()));
    }
}
