//! The guides: what they tell a reader to do works, what they name is there, and every link leads somewhere.
//!
//! A guide is a session. Its commands are run in their order, in one folder that has what the guide supposes, by `bash -e`. A program
//! that needs a network, other machines or hours is a stand-in there ([`programs`]), whose calls are checked. The sizes of
//! made-up data are cut down, and ports are replaced by free ones. The comments of the job files that people copy are guides
//! too.

#[path = "../util/mod.rs"]
mod util;

mod calls;
mod markdown;
mod names;
mod programs;
mod session;

use std::path::Path;

use markdown::{Guide, anchor, guides, job_files};

/// The front door is short.
const LINES_OF_README: usize = 200;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Fails with everything that is wrong, not with the first of it.
#[track_caller]
fn nothing_wrong(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} in the guides:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn what_the_guides_say_can_be_done() {
    let sessions: Vec<Guide> = guides().into_iter().chain(job_files()).collect();
    assert!(sessions.iter().flat_map(|guide| &guide.blocks).filter(|block| block.kind == "sh").count() > 25);
    let template = session::Template::new();
    nothing_wrong(sessions.iter().flat_map(|guide| session::follow(guide, &template)).collect());
}

#[test]
fn what_the_guides_name_is_there() {
    nothing_wrong(guides().iter().flat_map(names::unknown).collect());
}

#[test]
fn every_option_is_in_the_guide_to_the_command_line() {
    nothing_wrong(names::missing(&Guide::read("jobs/commands.md")));
}

#[test]
fn links_lead_somewhere() {
    let guides = guides();
    let mut problems = Vec::new();
    for guide in &guides {
        for (line, link) in guide.links() {
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { root().join(&guide.path) } else { guide.folder().join(path) };
            let headings = || {
                let text = std::fs::read_to_string(&target).unwrap_or_default();
                markdown::headings(&text).iter().map(|heading| anchor(heading)).collect::<Vec<_>>()
            };
            if !target.exists() || !fragment.is_empty() && !headings().contains(&fragment.to_string()) {
                problems.push(format!("{}:{line}: {link} leads nowhere", guide.path));
            }
        }
    }
    nothing_wrong(problems);
}

#[test]
fn the_readme_is_short_and_leads_to_every_guide() {
    let readme = Guide::read("README.md");
    let lines = readme.text.lines().count();
    assert!(lines <= LINES_OF_README, "{lines} lines");
    let linked: Vec<String> = readme.links().into_iter().map(|(_, link)| link).collect();
    // A README among fixtures says what is kept there, to those who look there.
    let beside = |guide: &&Guide| guide.path.contains('/') && !guide.path.starts_with("tests/fixtures/");
    for guide in guides().iter().filter(beside) {
        assert!(linked.contains(&guide.path), "the README does not lead to {}", guide.path);
        let back = format!("]({}README.md)", "../".repeat(guide.path.matches('/').count()));
        let beginning: String = guide.text.lines().take(5).collect();
        assert!(beginning.contains(&back), "{} does not lead back to the README", guide.path);
    }
}
