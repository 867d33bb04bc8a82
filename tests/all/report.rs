//! `segmill report`: the page again, from what a run has left, with the names that people gave the segments.

use std::path::Path;

use crate::util::outputs::digests;
use crate::util::{Ran, Sandbox};
use serde_json::Value;

const JOB: &str = "
[input.generate]
users = 300
items = 80
ratings_per_user = 12
segments = 4
[pca]
components = 4
[kmeans]
clusters = 5
n_init = 2
[sweep]
clusters = [2, 5, 8]
";

fn ran() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(JOB, &["-q"]).succeeded();
    sandbox
}

fn page(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path("out/report.html")).expect("the page")
}

/// Changes `model.json` and returns what it was.
fn edit(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) -> Value {
    let path = sandbox.path("out/model/model.json");
    let before: Value = serde_json::from_slice(&std::fs::read(&path).expect("model.json")).expect("JSON");
    let mut after = before.clone();
    change(&mut after);
    std::fs::write(&path, serde_json::to_vec_pretty(&after).expect("JSON")).expect("model.json is replaced");
    before
}

/// How the page calls a segment of this name, in HTML.
fn label(segment: usize, name: &str) -> String {
    let html = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let html = html.replace('\'', "&#39;");
    if name == segment.to_string() { format!("Segment {segment}") } else { format!("{segment} · {html}") }
}

/// The same in a chart, where an apostrophe has another name.
fn label_in_chart(segment: usize, name: &str) -> String {
    label(segment, name).replace("&#39;", "&apos;")
}

fn rendered(sandbox: &Sandbox) -> Ran {
    sandbox.segmill(&["report", "out"])
}

#[test]
fn without_new_names_the_page_has_the_same_bytes() {
    let sandbox = ran();
    let (before, listing) = (page(&sandbox), sandbox.listing());
    std::fs::write(sandbox.path("out/report.html"), "gone").expect("the page goes");
    let said = rendered(&sandbox).succeeded();
    assert_eq!(said.stdout, "report: out/report.html\n");
    assert!(page(&sandbox) == before, "the page is another");
    assert_eq!(sandbox.listing(), listing, "nothing else is left");
    sandbox.segmill(&["report", "out", "-q", "-o", "new/page.html"]).succeeded();
    let elsewhere = std::fs::read_to_string(sandbox.path("new/page.html")).expect("the page");
    assert!(elsewhere == before, "the page elsewhere is another");
}

/// Hardly any users, two of them alike, a segment without anybody: what is no number or missing must come back too.
#[test]
fn small_and_odd_runs_come_back_as_they_were() {
    let sandbox = Sandbox::new();
    let alike = "1,1,3\n1,2,3\n2,1,3\n2,2,3\n3,1,3\n3,2,4\n";
    let tiny = "1,1,3\n2,2,4\nx,1,1\n";
    for (ratings, more) in [
        (alike, "[pca]\ncomponents = 1\n[kmeans]\nclusters = 3\n[sweep]\nclusters = [2, 3]\n"),
        (tiny, "[pca]\ncomponents = 2\n[kmeans]\nclusters = 3\n[sweep]\nclusters = []\n"),
        (tiny, "[pca]\ncomponents = 1\n[kmeans]\nclusters = 2\n[evidence]\nenabled = false\n"),
    ] {
        sandbox.write("r.csv", ratings);
        let job = format!("[input]\nratings = ['r.csv']\n{more}[validate]\nfolds = 2\n");
        sandbox.run(&job, &["-q"]).succeeded();
        let before = page(&sandbox);
        rendered(&sandbox).succeeded();
        assert!(page(&sandbox) == before, "{more}");
    }
}

#[test]
fn a_new_name_stands_wherever_the_segment_is_named_and_nothing_else_changes() {
    let sandbox = ran();
    let (before, tables) = (page(&sandbox), digests(&sandbox.path("out")));
    let profiles = std::fs::read(sandbox.path("out/profiles.parquet")).expect("profiles");
    let name = "Night <owls> & \"co\"";
    let model = edit(&sandbox, |model| model["segments"][2]["name"] = format!("  {name} ").into());
    let was = model["segments"][2]["name"].as_str().expect("a name");
    rendered(&sandbox).succeeded();
    let after = page(&sandbox);
    for (old, new) in [(label(2, was), label(2, name)), (label_in_chart(2, was), label_in_chart(2, name))] {
        assert!(before.contains(&old) && after.contains(&new), "{old} {new}");
        assert_eq!(after.matches(&old).count(), 0, "{old} still stands somewhere");
    }
    let restored = after.replace(&label(2, name), &label(2, was));
    assert!(restored.replace(&label_in_chart(2, name), &label_in_chart(2, was)) == before, "more has changed");
    assert_eq!(digests(&sandbox.path("out")), tables);
    assert!(std::fs::read(sandbox.path("out/profiles.parquet")).expect("profiles") == profiles);
    sandbox.segmill(&["verify", "out", "-q"]).succeeded();
    sandbox.run(JOB, &["-q"]).succeeded();
    rendered(&sandbox).succeeded();
    assert!(page(&sandbox).contains(&label(2, was)), "a run is a run");
}

#[test]
fn what_cannot_be_rendered_is_refused_and_the_page_stays() {
    let sandbox = ran();
    let before = page(&sandbox);
    let refused = |names: &[(usize, &str)], parts: &[&str]| {
        let model = edit(&sandbox, |model| {
            names.iter().for_each(|&(segment, name)| model["segments"][segment]["name"] = name.into());
        });
        rendered(&sandbox).refused(3, &[&["out/model/model.json"], parts].concat());
        edit(&sandbox, |edited| *edited = model);
    };
    refused(&[(1, " ")], &["segments[1].name is empty"]);
    refused(&[(0, "Owls"), (3, "Owls ")], &["segments 0 and 3", "\"Owls\""]);
    refused(&[(4, "a\u{1b}[2J")], &["segments[4].name", "control character"]);
    refused(&[(4, &"x".repeat(81))], &["segments[4].name has 81 characters"]);

    let model = edit(&sandbox, |model| drop(model["segments"].as_array_mut().expect("segments").pop()));
    rendered(&sandbox).refused(3, &["out/model/model.json", "not those of report.json"]);
    let manifest = sandbox.path("out/model/model.json");
    std::fs::write(&manifest, "{\"segments\": [{\"name\": }").expect("a slip");
    rendered(&sandbox).refused(3, &["out/model/model.json", "line 1 column"]);
    std::fs::remove_file(&manifest).expect("the model goes");
    rendered(&sandbox).refused(4, &["out/model/model.json"]);
    std::fs::write(&manifest, model.to_string()).expect("the model is back");

    let kept = sandbox.path("out/report.json");
    let shown = std::fs::read_to_string(&kept).expect("report.json");
    for (content, parts) in [
        (shown.replace("\"sizes\":[", "\"sizes\":[1,"), ["out/report.json", "6 segments"]),
        (shown.replace("\"kmeans\":", "\"means\":"), ["out/report.json", "`kmeans`"]),
        ("{".into(), ["out/report.json", "not what a report shows"]),
    ] {
        std::fs::write(&kept, content).expect("another report.json");
        rendered(&sandbox).refused(3, &parts);
    }
    std::fs::remove_file(&kept).expect("report.json goes");
    rendered(&sandbox).refused(4, &["out/report.json", "run the job again"]);
    std::fs::write(&kept, &shown).expect("report.json is back");

    sandbox.segmill(&["report", "nowhere"]).refused(4, &["nowhere/report.json"]);
    sandbox.segmill(&["report", "out", "-o", "out/model"]).refused(4, &["out/model", "not a regular file"]);
    assert!(page(&sandbox) == before, "the page has changed");
    rendered(&sandbox).succeeded();
}

/// What a folder that cannot be written to holds stays as it is.
#[cfg(unix)]
#[test]
fn a_page_that_cannot_be_written_leaves_the_old_one() {
    let sandbox = ran();
    let before = page(&sandbox);
    let full = Path::new("/dev/full");
    if full.exists() {
        std::fs::remove_file(sandbox.path("out/report.html")).expect("the page goes");
        std::os::unix::fs::symlink(full, sandbox.path("out/report.html")).expect("a link");
        rendered(&sandbox).refused(4, &["not a regular file"]);
        std::fs::remove_file(sandbox.path("out/report.html")).expect("the link goes");
    }
    rendered(&sandbox).succeeded();
    assert!(page(&sandbox) == before);
}
