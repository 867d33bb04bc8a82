//! `report.html`: one page that opens anywhere, with no network.
//!
//! It leads with the answer: whether the segments are real, what kinds of customers there are, what changed; then what
//! each is like, how sure that is, and how it was made.
//!
//! Styles, scripts and plotly.js are in the page, and its content security policy forbids every request. Numbers and
//! cards are plain HTML; the charts are data in a `<script type="application/json">` that `assets/page.js` draws, with
//! the same numbers as a table beside each. Every text that comes from the data or the job goes through [`html`] or
//! [`script_json`].
//!
//! | module | what it shows |
//! |---|---|
//! | [`head`] | the verdict, how many kinds there are, what to know before reading on |
//! | [`kinds`] | all segments at a glance |
//! | [`continuity`] | what changed since the earlier run |
//! | [`cards`] | a card per segment |
//! | [`sure`] | the evidence, and how well the segments are told apart |
//! | [`number`] | what other numbers of segments would give |
//! | [`chosen`] | what the run has chosen, and how the candidates did |
//! | [`figures`] | the map and the components |
//! | [`run`] | how the result was made |
//! | [`data`] | the numbers behind the charts, as tables |

mod cards;
mod chosen;
mod continuity;
mod data;
mod figures;
mod head;
mod kinds;
mod number;
mod parts;
mod run;
mod sure;

use std::io::{self, Write};

use crate::report::charts;
use crate::results::shown::Shown;
use crate::watch::format::{html, script_json};

const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");

/// Nothing may be fetched (invariant `only-draws`); what is in the page may run.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; \
                      base-uri 'none'; form-action 'none'";

/// Writes the page.
pub fn write(shown: &Shown, sink: &mut impl Write) -> io::Result<()> {
    sink.write_all(document_head(&shown.title).as_bytes())?;
    write!(sink, "<header>\n{}</header>\n<main>\n", head::head(shown))?;
    let sections = [
        kinds::section(shown),
        continuity::section(shown),
        cards::section(shown),
        sure::section(shown),
        number::section(shown),
        chosen::section(shown),
        figures::map(shown),
        figures::variance(shown),
        run::section(shown),
    ];
    sections.iter().try_for_each(|section| sink.write_all(section.as_bytes()))?;
    write!(sink, "</main>\n{FOOTER}</div>\n")?;
    let charts = script_json(&charts::all(shown).to_string());
    writeln!(sink, "<script type=\"application/json\" id=\"charts\">{charts}</script>")?;
    sink.write_all(plotly_script(&plotly::Plot::offline_js_sources()).as_bytes())?;
    write!(sink, "\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}

fn document_head(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}: customer segments</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<div class=\"page\">\n",
        html(title)
    )
}

const FOOTER: &str = "<footer><p>Written by segmill. This page needs no network; charts by plotly.js (MIT licence).</p>\
                      </footer>\n";

/// The first script of what the plotly crate embeds: plotly.js itself. The second is MathJax, which no chart here uses.
fn plotly_script(sources: &str) -> &str {
    const END: &str = "</script>";
    match sources.find(END) {
        Some(at) => &sources[..at + END.len()],
        None => sources,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};
    use crate::results::run::Digests;
    use crate::results::{Id, Outcome, Verdict};

    const HOSTILE: &str = "</script><b>\"&'{{%{x}";

    fn page(outcome: &Outcome) -> String {
        page_with(outcome, digests())
    }

    /// Of the tables that a page names.
    fn digests() -> Digests {
        ["confusion", "moves", "profiles", "segments"].map(|table| (table.to_string(), "0".repeat(64))).into()
    }

    fn page_with(outcome: &Outcome, digests: Digests) -> String {
        let mut sink = Vec::new();
        write(&Shown::of(outcome, digests, false), &mut sink).unwrap();
        String::from_utf8(sink).unwrap()
    }

    /// The page without the scripts that are not ours to check.
    fn own(page: &str) -> &str {
        &page[..page.find("<script type=\"text/javascript\">").unwrap()]
    }

    #[test]
    fn no_text_of_the_data_becomes_markup() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.items.titles.fill(Some(HOSTILE.into()));
        outcome.map[0].user = Id::Text(HOSTILE.into());
        outcome.warnings = vec![HOSTILE.into()];
        outcome.measured.stages[0].stage = HOSTILE.into();
        outcome.job.output = "out/<img src=x>".into();
        outcome.names[1] = HOSTILE.into();
        outcome.evidence.as_mut().unwrap().summary = HOSTILE.into();
        let page = page(&outcome);
        let own = own(&page);
        assert!(own.contains("&lt;/script&gt;&lt;b&gt;"), "the titles are there");
        assert!(!own.contains("<b>\"") && !own.contains("<img"));
        let untouched = self::page(&fixture::outcome(SMALL));
        assert_eq!(page.matches("</script>").count(), untouched.matches("</script>").count());
    }

    #[test]
    fn the_charts_are_json_that_reads_back() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.map[0].user = Id::Text(HOSTILE.into());
        let page = page(&outcome);
        let start = page.find("id=\"charts\">").unwrap() + "id=\"charts\">".len();
        let json = &page[start..start + page[start..].find("</script>").unwrap()];
        let charts: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(charts["chart-map"]["data"].as_array().unwrap().len(), SMALL.clusters);
        let shown: usize =
            (0..SMALL.clusters).map(|s| charts["chart-map"]["data"][s]["x"].as_array().unwrap().len()).sum();
        assert_eq!(shown, SMALL.users);
        for id in charts.as_object().unwrap().keys() {
            assert!(page.contains(&format!("id=\"{id}\"")), "the page has no place for {id}");
        }
    }

    /// Invariant `only-draws`.
    #[test]
    fn the_page_asks_for_nothing_from_anywhere() {
        let page = page(&fixture::outcome(SMALL));
        let own = own(&page);
        assert!(own.contains("default-src 'none'"));
        for request in ["http://", "https://", "<script src", "<link rel=\"stylesheet", "@import", "url("] {
            assert!(!own.contains(request) && !SCRIPT.contains(request), "{request}");
        }
        assert_eq!(page.matches("* plotly.js v").count(), 1);
        assert_eq!(page.matches("<script type=\"text/javascript\">").count(), 1, "plotly.js without MathJax");
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }

    #[test]
    fn every_segment_has_a_card_and_every_part_its_place() {
        let outcome = fixture::outcome(SMALL);
        let page = page(&outcome);
        assert_eq!(page.matches("<article class=\"card\"").count(), SMALL.clusters);
        for id in ["kinds", "continuity", "segments", "sure", "number", "map", "variance", "run"] {
            assert_eq!(page.matches(&format!("<section id=\"{id}\">")).count(), 1, "{id}");
            assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id} is not in the contents");
        }
        for segment in 0..SMALL.clusters {
            assert!(page.contains(&format!("id=\"segment-{segment}\"")), "a row leads to card {segment}");
        }
    }

    /// Without a sweep, without evidence, with one number of segments tried: what has nothing to show is not there.
    #[test]
    fn what_was_not_made_leaves_no_gap() {
        let outcome = fixture::outcome(SMALL);
        let unswept = page(&Outcome { sweep: None, ..outcome.clone() });
        assert!(!own(&unswept).contains("chart-inertia") && own(&unswept).contains("chart-bits"));
        let untested = page(&Outcome { evidence: None, ..outcome.clone() });
        assert!(own(&untested).contains("chart-inertia") && !own(&untested).contains("chart-bits"));
        assert!(own(&untested).contains("did not test"), "it says that nothing was tested");
        for word in ["Verdict", "Stability</th>", "Suggested"] {
            assert!(!own(&untested).contains(word), "{word}");
        }
        let neither = page(&Outcome { sweep: None, evidence: None, ..outcome.clone() });
        assert!(!own(&neither).contains("id=\"number\"") && !own(&neither).contains("href=\"#number\""));
        let mut single = Outcome { sweep: None, ..outcome };
        single.evidence.as_mut().unwrap().by_clusters.truncate(1);
        assert!(!own(&page(&single)).contains("id=\"number\""), "one number is no choice");
    }

    #[test]
    fn the_page_leads_with_the_verdict_and_the_number() {
        let mut outcome = fixture::outcome(SMALL);
        for (verdict, word) in [(Verdict::Stable, "stable"), (Verdict::Weak, "weak"), (Verdict::None, "none")] {
            outcome.evidence.as_mut().unwrap().verdict = verdict;
            let page = page(&outcome);
            let at = |text: &str| own(&page).find(text).unwrap_or_else(|| panic!("{text} is not there"));
            let summary = &outcome.evidence.as_ref().unwrap().summary;
            let said =
                [at(&format!("Verdict: {word}")), at(summary), at("10 segments instead of 4"), at("id=\"kinds\"")];
            assert!(said.is_sorted(), "{said:?}");
        }
        outcome.evidence.as_mut().unwrap().suggested_clusters = Some(SMALL.clusters);
        assert!(!own(&page(&outcome)).contains("instead of"));
    }

    /// A name stands wherever its segment does, and nothing else depends on it.
    #[test]
    fn a_new_name_changes_nothing_but_itself() {
        let before = fixture::outcome(SMALL);
        let mut after = before.clone();
        after.names[2] = "Night <owls> & \"co\"".into();
        // Of the tables, which keep the name of the run.
        let kept = digests();
        let (before, after) = (page_with(&before, kept.clone()), page_with(&after, kept));
        // Not the name of an earlier run's segment.
        assert_eq!(after.matches("2 · Taste 2").count(), after.matches("2 · Taste 2 of old").count());
        let html = after.replace("2 · Night &lt;owls&gt; &amp; &quot;co&quot;", "2 · Taste 2");
        let json = html.replace("2 · Night \\u0026lt;owls\\u0026gt; \\u0026amp; \\\"co\\\"", "2 · Taste 2");
        let at = json.bytes().zip(before.bytes()).position(|(a, b)| a != b);
        let near = |page: &str| at.map(|at| page[at.saturating_sub(60)..(at + 60).min(page.len())].to_string());
        assert_eq!(near(&json), near(&before), "more than the name has changed");
        assert_eq!(json.len(), before.len());
    }

    #[test]
    fn one_user_one_item_one_segment_make_a_page() {
        let size = fixture::Size { users: 1, items: 1, clusters: 1, components: 1, top: 1 };
        let mut outcome = fixture::outcome(size);
        outcome.kmeans.starts.clear();
        outcome.pca.total_variance = 0.0;
        outcome.pca.explained_variance_ratio.fill(f64::NAN);
        outcome.profiles[0].top[0].score_all = 0.0;
        let page = page(&outcome);
        assert!(own(&page).contains("1 user falls into 1 kind"));
        assert!(!own(&page).contains("NaN"));
    }
}
