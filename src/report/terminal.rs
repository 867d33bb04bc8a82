//! The segments on the terminal, as the original pipeline printed them: `22 (33, 1682)`, which is segment 22 with 33
//! users over 1682 items, and after that what it is called; then its top items with their scores, one per line.

use std::io::{self, Write};
use std::path::Path;

use crate::report::verdict;
use crate::results::{Continuity, Evidence, Origin, Outcome, Profile, Verdict};
use crate::watch::format::{count, percent, plural, seconds};

/// Writes what the lines mean, the segments, biggest first, then a summary, what was chosen, what the evidence comes to (which
/// leads where there are no segments), and where the report is; for a terminal (`links`) as an address too, which many open on a click.
pub fn print(outcome: &Outcome, report: &Path, links: bool, sink: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut profiles: Vec<&Profile> = outcome.profiles.iter().collect();
    profiles.sort_by_key(|profile| (std::cmp::Reverse(profile.size), profile.segment));
    if let Some(evidence) = outcome.evidence.as_ref().filter(|evidence| evidence.verdict == Verdict::None) {
        print_verdict(evidence, sink)?;
        let advice = verdict::advice(evidence.verdict, outcome.chosen.is_some());
        writeln!(sink, "{}\n", advice.unwrap_or_default())?;
    }
    writeln!(sink, "segment (users, items) and its name, then its top items by mean TF-IDF\n")?;
    for profile in profiles {
        print_segment(outcome, profile, sink)?;
    }
    writeln!(sink, "{}", summary(outcome))?;
    if let Some(chosen) = &outcome.chosen {
        writeln!(sink, "chosen: {}. {}", verdict::settings(chosen), one_line(&chosen.why))?;
    }
    if let Some(evidence) = outcome.evidence.as_ref().filter(|evidence| evidence.verdict != Verdict::None) {
        print_verdict(evidence, sink)?;
        if let Some(suggestion) = verdict::suggestion(evidence, outcome.profiles.len()) {
            writeln!(sink, "{suggestion}")?;
        }
    }
    if let Some(continuity) = &outcome.continuity {
        writeln!(sink, "{}", one_line(&since(continuity)))?;
    }
    print_place(report, links, sink)
}

fn print_verdict(evidence: &Evidence, sink: &mut (impl Write + ?Sized)) -> io::Result<()> {
    writeln!(sink, "verdict: {}. {}", verdict::word(evidence.verdict), one_line(&evidence.summary))
}

/// Writes where the report is; for a terminal (`links`) as an address too.
pub fn print_place(report: &Path, links: bool, sink: &mut (impl Write + ?Sized)) -> io::Result<()> {
    writeln!(sink, "report: {}", report.display())?;
    match address(report).filter(|_| links) {
        Some(address) => writeln!(sink, "        {address}"),
        None => Ok(()),
    }
}

/// The file as an address (RFC 8089). Every byte that may mean something in one is escaped.
fn address(file: &Path) -> Option<String> {
    let path = std::fs::canonicalize(file).ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let escaped = |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    Some(format!("file://{}", path.as_os_str().as_encoded_bytes().iter().map(escaped).collect::<String>()))
}

fn print_segment(outcome: &Outcome, profile: &Profile, sink: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let name = one_line(&outcome.names[profile.segment as usize]);
    writeln!(sink, "{} ({}, {})  {name}", profile.segment, profile.size, outcome.items.ids.len())?;
    for top in &profile.top {
        writeln!(sink, "  {:.6}  {}", top.score, one_line(&outcome.items.name(top.item as usize)))?;
    }
    writeln!(sink)
}

/// Text from a file could move the cursor or end the line: control characters are shown escaped.
pub fn one_line(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// What changed since the earlier run.
fn since(continuity: &Continuity) -> String {
    let is = |origin: Origin| continuity.segments.iter().filter(|now| now.origin == origin).count() as u64;
    format!(
        "since {}: {} of {} moved; {} kept, {} born, {} split off",
        continuity.previous,
        count(continuity.moved),
        plural(continuity.users, "user"),
        plural(is(Origin::Kept), "segment"),
        is(Origin::Born),
        is(Origin::Split)
    )
}

fn summary(outcome: &Outcome) -> String {
    let measured = &outcome.measured;
    let components = outcome.pca.components.nrows();
    let explained: f64 = outcome.pca.explained_variance_ratio.iter().take(components).sum();
    format!(
        "{}, {}, {} in {}: {} explain {} of the variance; {} naive Bayes agrees on {} of users, {} out of fold; {}",
        plural(measured.n_users, "user"),
        plural(measured.n_items, "item"),
        plural(measured.n_ratings, "rating"),
        plural(outcome.profiles.len() as u64, "segment"),
        plural(components as u64, "component"),
        percent(explained),
        outcome.validation.model,
        percent(outcome.validation.in_sample.accuracy()),
        percent(outcome.validation.out_of_fold.accuracy()),
        seconds(measured.total_seconds),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};

    #[test]
    fn segments_print_biggest_first_as_in_the_original_pipeline() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.profiles.reverse();
        let item = outcome.profiles[3].top[0].item as usize;
        outcome.items.titles[item] = Some("Up\u{1b}[2J\n(2009)".into());
        let mut sink = Vec::new();
        print(&outcome, Path::new("out/x/report.html"), false, &mut sink).unwrap();
        let text = String::from_utf8(sink).unwrap();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines[0], format!("0 ({}, 30)  Taste 0", outcome.kmeans.sizes[0]));
        assert!(lines[1].ends_with("  Up\\u{1b}[2J\\n(2009)"), "{}", lines[1]);
        assert_eq!(lines[SMALL.top + 1], "");
        assert_eq!(lines[SMALL.top + 2], format!("1 ({}, 30)  Taste 1", outcome.kmeans.sizes[1]));
        let said = [
            "verdict: weak. The segments tell something of what users choose, but where one ends is arbitrary.",
            "Suggested: 10 segments instead of 4 (set kmeans.clusters = 10).",
            "since out/last-month: 7 of 40 users moved; 3 segments kept, 1 born, 0 split off",
            "report: out/x/report.html",
        ];
        assert_eq!(lines[lines.len() - 4..], said);
    }

    #[test]
    fn a_terminal_gets_an_address_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("50% #1 é.html");
        std::fs::write(&report, "").unwrap();
        let mut sink = Vec::new();
        print(&fixture::outcome(SMALL), &report, true, &mut sink).unwrap();
        let text = String::from_utf8(sink).unwrap();
        let address = text.lines().last().unwrap().trim();
        assert!(address.starts_with("file:///") && address.ends_with("/50%25%20%231%20%C3%A9.html"), "{address}");
    }
}
