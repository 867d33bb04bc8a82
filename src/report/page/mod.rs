//! `report.html`: one page that opens anywhere, with no network.
//!
//! It leads with the answer: whether the segments are real, what kinds of customers there are, what changed; then what
//! each is like, how sure that is, and how it was made.
//!
//! Styles and script are in the page, and its content security policy forbids every request and every other script.
//! Numbers, cards and charts are plain HTML and SVG, with the numbers behind each chart as a table beside it: without its
//! script the page shows all of them. `assets/page.js` adds what moves: the words of a mark under the pointer, the search
//! box, the buttons of the map, and those that copy. Every text that comes from the data or the job goes through [`html`],
//! through the `svg` crate, or as data of a script through [`crate::watch::format::script_json`].
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
//! | [`find`] | the search box |
//! | [`detail`] | how much of all this, so that the page stays small |
//! | [`data`] | the numbers behind the charts, as tables |

mod cards;
mod chosen;
mod continuity;
mod data;
mod detail;
mod figures;
mod find;
mod head;
mod kinds;
mod number;
mod parts;
mod policy;
mod run;
mod sure;

use std::io::{self, Write};

use detail::{DETAILS, Detail, LIMIT};
use find::Users;

use crate::results::shown::Shown;
use crate::watch::format::html;

const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");

/// Writes the page.
pub fn write(shown: &Shown, sink: &mut impl Write) -> io::Result<()> {
    sink.write_all(fitting(shown).as_bytes())
}

/// The page with all there is that fits.
fn fitting(shown: &Shown) -> String {
    let id = find::id_bytes(shown);
    let pages = DETAILS.iter().map(|detail| {
        let detail = &detail.with_ids_of(id);
        let names = shown.names.iter().map(|name| detail.cut(name)).collect();
        page(&Shown { names, ..shown.clone() }, detail)
    });
    let mut last = String::new();
    for page in pages {
        last = page;
        if last.len() <= LIMIT {
            break;
        }
    }
    last
}

fn page(shown: &Shown, detail: &Detail) -> String {
    let users = Users::of(shown, detail);
    let sections = [
        kinds::section(shown, detail),
        continuity::section(shown, detail),
        cards::section(shown, detail),
        sure::section(shown, detail),
        number::section(shown),
        chosen::section(shown),
        figures::map(shown, detail),
        figures::variance(shown),
        run::section(shown),
    ];
    format!(
        "{}<header>\n{}</header>\n<main>\n{}</main>\n{FOOTER}</div>\n{}<script>{SCRIPT}</script>\n</body>\n</html>\n",
        document_head(&shown.title),
        head::head(shown, &users),
        sections.concat(),
        users.script(),
    )
}

fn document_head(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}: customer segments</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<div class=\"page\">\n",
        policy::policy(SCRIPT),
        html(title)
    )
}

const FOOTER: &str = "<footer><p>Written by segmill. This page needs no network.</p></footer>\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};
    use crate::results::run::Digests;
    use crate::results::{Id, Outcome, Verdict};
    use crate::watch::format::count;

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

    /// The page without its script.
    fn own(page: &str) -> &str {
        &page[..page.find("<script>").unwrap()]
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

    /// The users that the page carries, by segment.
    fn carried(page: &str) -> serde_json::Value {
        let start = page.find("id=\"users\">").unwrap() + "id=\"users\">".len();
        serde_json::from_str(&page[start..start + page[start..].find("</script>").unwrap()]).unwrap()
    }

    #[test]
    fn the_users_are_json_that_reads_back() {
        let mut outcome = fixture::outcome(SMALL);
        let numbers = carried(&page(&outcome));
        assert_eq!(numbers["drawn"]["numeric"], true);
        assert!(numbers["known"].is_null(), "all are drawn");
        for (segment, gaps) in numbers["drawn"]["ids"].as_array().unwrap().iter().enumerate() {
            let mut id = 0;
            let ids = gaps.as_array().unwrap().iter().map(|gap| {
                id += gap.as_u64().unwrap();
                Id::Number(id)
            });
            let own = outcome.map.iter().filter(|point| point.segment as usize == segment);
            assert!(own.map(|point| point.user.clone()).eq(ids));
        }
        outcome.map[0].user = Id::Text(HOSTILE.into());
        let texts = carried(&page(&outcome));
        assert_eq!(texts["drawn"]["numeric"], false);
        assert_eq!(texts["drawn"]["ids"][outcome.map[0].segment as usize][0], HOSTILE);
        // Past what JavaScript counts exactly, a number is a text.
        outcome.map[0].user = Id::Number(u64::MAX / 2);
        assert_eq!(carried(&page(&outcome))["drawn"]["numeric"], false);
    }

    /// Long titles, names, ids and much metadata, with much to escape in them.
    fn swell(outcome: &mut Outcome) {
        outcome.items.titles.fill(Some("<Antidisestablishmentarianism> & ".repeat(20)));
        outcome.names.iter_mut().for_each(|name| *name = format!("{name} & {}", "<Long name>".repeat(6)));
        for point in &mut outcome.map {
            point.user = Id::Text(format!("<{}>", point.user).repeat(20).into());
        }
        for (user, _) in &mut outcome.known {
            *user = Id::Text(format!("<{user}>").repeat(20).into());
        }
        outcome.profiles.iter_mut().for_each(|profile| profile.metadata = vec![profile.metadata[0].clone(); 12]);
    }

    /// A page is small whatever there is to show, and says what it leaves out for that.
    #[test]
    fn no_page_is_larger_than_the_limit() {
        let sizes = [
            fixture::MOVIELENS,
            fixture::Size { users: 20_000, items: 59_000, clusters: 256, components: 30, top: 50 },
            fixture::Size { users: 9_000, items: 5_000, clusters: 1_000, components: 10, top: 10 },
        ];
        for size in sizes {
            let mut outcome = fixture::outcome(size);
            // A thousand segments with names of a hundred characters still take more.
            let kinds: &[bool] = if size.clusters > 256 { &[false] } else { &[false, true] };
            for &swollen in kinds {
                if swollen {
                    swell(&mut outcome);
                }
                let page = page(&outcome);
                assert!(page.len() < 700_000, "{size:?}, {swollen}: {} bytes", page.len());
                let items = page.matches("<tr style=\"--v:").count();
                assert!(items >= 3 * size.clusters.min(100).min(size.items), "{size:?}, {swollen}: {items} items");
                let all = outcome.profiles.iter().map(|profile| profile.top.len()).sum::<usize>();
                assert!(page.contains("To keep this page small") || items == all, "{size:?}, {swollen}");
                let carried = carried(&page);
                let ids = |list: &str| {
                    carried[list]["ids"]
                        .as_array()
                        .map_or(0, |all| all.iter().map(|of| of.as_array().unwrap().len()).sum())
                };
                let (drawn, known): (usize, usize) = (ids("drawn"), ids("known"));
                let found = known.max(drawn);
                assert_eq!(
                    page.contains(&format!("users by id ({} of ", count(found as u64))),
                    found < size.users,
                    "{size:?}, {swollen}"
                );
                assert!(drawn >= if swollen { 20 } else { 500.min(size.users) }, "{size:?}, {swollen}: {drawn} users");
                assert_eq!(page.contains(" users are shown."), drawn < size.users, "{size:?}, {swollen}");
            }
        }
        let movielens = page(&fixture::outcome(fixture::MOVIELENS));
        assert!(movielens.len() < 300_000, "{}", movielens.len());
        assert!(!movielens.contains("To keep this page small") && !movielens.contains("Blank where"));
    }

    /// Invariant `only-draws`.
    #[test]
    fn the_page_asks_for_nothing_from_anywhere() {
        let page = page(&fixture::outcome(SMALL));
        let own = own(&page);
        assert!(own.contains("default-src 'none'"));
        for request in ["http://", "https://", "<script src", "<link rel=\"stylesheet", "@import", "url("] {
            assert!(!own.contains(request), "{request}");
        }
        assert_eq!(page.matches("<script").count(), 2, "the users, and what moves");
        assert!(
            page.ends_with(&format!("<script>{SCRIPT}</script>\n</body>\n</html>\n")),
            "the script as it was hashed"
        );
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
        // The name of what SVG is, which is no address.
        assert_eq!(SCRIPT.matches("://").count(), SCRIPT.matches("\"http://www.w3.org/2000/svg\"").count());
    }

    #[test]
    fn every_segment_has_a_card_and_every_part_its_place() {
        let outcome = fixture::outcome(SMALL);
        let page = page(&outcome);
        assert_eq!(page.matches("<article class=\"card ").count(), SMALL.clusters);
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
        // In the text of a chart, where quotes are no end of anything.
        let html = html.replace("2 · Night &lt;owls&gt; &amp; \"co\"", "2 · Taste 2");
        let at = html.bytes().zip(before.bytes()).position(|(a, b)| a != b);
        let near = |page: &str| at.map(|at| page[at.saturating_sub(60)..(at + 60).min(page.len())].to_string());
        assert_eq!(near(&html), near(&before), "more than the name has changed");
        assert_eq!(html.len(), before.len());
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
