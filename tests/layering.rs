//! Imports run one way, between rooms and between files: the rule of `src/lib.rs`, enforced on the source text.
//!
//! Comments, strings and `#[cfg(test)]` modules do not count. A module that has no rule here fails the test, so that a
//! new one is placed on purpose.

#[path = "layering/circles.rs"]
mod circles;
#[path = "layering/tokens.rs"]
mod tokens;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use circles::{circles, module_of};
use tokens::{Stripped, Token, strip_tests, tokens, walk};

/// What a module may take from the modules it names.
struct Rule {
    /// A room, or a part of one that has a rule of its own.
    module: &'static str,
    /// Anything of these.
    any: &'static [&'static str],
    /// Only types and constants of these: how a stage or a report knows the results of a stage before it.
    results: &'static [&'static str],
}

/// From the ground up: a module only names modules above it in this list.
const RULES: &[Rule] = &[
    Rule { module: "error", any: &[], results: &[] },
    Rule { module: "kernel", any: &[], results: &[] },
    Rule { module: "store", any: &["error"], results: &[] },
    Rule { module: "postgres", any: &["error"], results: &[] },
    Rule { module: "collective", any: &["error"], results: &[] },
    Rule { module: "watch::progress", any: &[], results: &[] },
    Rule { module: "watch::format", any: &[], results: &[] },
    Rule { module: "watch::say", any: &["error"], results: &[] },
    Rule { module: "watch", any: &["error", "watch::progress", "watch::format", "watch::say"], results: &[] },
    Rule { module: "job", any: &["error"], results: &[] },
    Rule {
        module: "ingest",
        any: &["error", "kernel", "store", "postgres", "collective", "watch::progress"],
        results: &["job"],
    },
    Rule { module: "shard", any: &["error", "kernel", "collective", "ingest"], results: &["job"] },
    Rule { module: "stages::resume", any: &[], results: &[] },
    Rule { module: "stages::pca", any: STAGE, results: &["job", "shard", "ingest"] },
    Rule { module: "stages::kmeans", any: STAGE, results: &["job", "shard", "ingest", "stages::pca"] },
    Rule {
        module: "stages::validate",
        any: STAGE,
        results: &["job", "shard", "ingest", "stages::pca", "stages::kmeans"],
    },
    Rule {
        module: "stages::profile",
        any: STAGE,
        results: &["job", "shard", "ingest", "stages::pca", "stages::kmeans", "stages::validate"],
    },
    Rule {
        module: "stages::mixture",
        any: &["error", "kernel", "collective", "watch::progress", "shard"],
        results: &["job", "ingest", "stages::kmeans"],
    },
    // What a fit is, it does again: it calls the stages before it.
    Rule {
        module: "stages::evidence",
        any: &[
            "error",
            "kernel",
            "collective",
            "watch::progress",
            "shard",
            "stages::resume",
            "stages::pca",
            "stages::kmeans",
            "stages::mixture",
        ],
        results: &["job", "ingest", "stages::validate", "stages::profile"],
    },
    // It tries settings by fits, and compares them by the evidence for each.
    Rule {
        module: "stages::choose",
        any: &[
            "error",
            "kernel",
            "collective",
            "watch::progress",
            "shard",
            "stages::resume",
            "stages::pca",
            "stages::kmeans",
            "stages::mixture",
            "stages::evidence",
        ],
        results: &["job", "ingest"],
    },
    Rule { module: "stages::names", any: &[], results: &["ingest", "stages::profile"] },
    Rule {
        module: "stages::continuity",
        any: STAGE,
        results: &["job", "shard", "ingest", "stages::pca", "stages::kmeans", "stages::profile"],
    },
    Rule {
        module: "stages::assign",
        any: STAGE,
        results: &["job", "shard", "ingest", "stages::pca", "stages::kmeans", "stages::mixture"],
    },
    Rule { module: "stages", any: &[], results: &[] },
    Rule { module: "results", any: &["error", "kernel", "store", "watch::format"], results: RESULTS },
    Rule { module: "publish", any: &["error", "store", "postgres", "results"], results: &[] },
    Rule { module: "report", any: &["results", "watch::format"], results: &["publish"] },
    Rule { module: "export", any: &["error"], results: &["results", "job", "ingest", "shard", "stages::mixture"] },
    Rule { module: "flow", any: &["error", "watch", "kernel", "collective", "ingest", "shard"], results: &["job"] },
    Rule {
        module: "live",
        any: &[
            "error",
            "kernel",
            "collective",
            "watch::progress",
            "ingest",
            "shard",
            "stages::profile",
            "stages::assign",
            "flow",
            "results",
        ],
        results: RESULTS,
    },
    Rule { module: "runs::checkpoint", any: &["error", "collective", "stages::resume"], results: &[] },
    Rule {
        module: "runs::predict",
        any: &["error"],
        results: &["job", "ingest", "stages::pca", "stages::mixture", "stages::evidence", "stages::choose", "results"],
    },
    Rule { module: "runs", any: EVERYTHING, results: &[] },
    Rule {
        module: "cli::dispatch",
        any: &["error", "watch", "store", "job", "ingest", "flow", "publish", "report", "results", "runs", "cli"],
        results: &[],
    },
    Rule {
        module: "cli",
        any: &["error", "watch::say", "flow::launch", "cli::dispatch"],
        results: &["job", "flow", "publish", "runs", "live"],
    },
    // Built for fuzzing and for tests alone.
    Rule { module: "fuzzing", any: FUZZED, results: &[] },
    Rule { module: "main", any: &["cli", "watch"], results: &[] },
];

const STAGE: &[&str] = &["error", "kernel", "collective", "stages::resume", "watch::progress"];
const RESULTS: &[&str] = &[
    "job",
    "ingest",
    "shard",
    "stages::pca",
    "stages::kmeans",
    "stages::mixture",
    "stages::validate",
    "stages::profile",
    "stages::evidence",
    "stages::choose",
    "stages::continuity",
    "stages::assign",
];
const EVERYTHING: &[&str] = &[
    "error",
    "kernel",
    "store",
    "postgres",
    "collective",
    "watch::progress",
    "watch::format",
    "job",
    "ingest",
    "shard",
    "stages",
    "results",
    "publish",
    "report",
    "export",
    "flow",
    "live",
    "runs::checkpoint",
    "runs::predict",
];

const FUZZED: &[&str] =
    &["error", "cli", "watch", "flow", "ingest", "job", "kernel", "live", "results", "runs", "shard", "stages"];

/// The only modules that know the engine.
const ENGINE_ROOMS: &[&str] = &["flow", "live"];
const ENGINE: &[&str] = &["timely", "differential_dataflow"];

/// The folders of `src`, no more.
const ROOMS: [&str; 18] = [
    "cli",
    "collective",
    "error",
    "export",
    "flow",
    "ingest",
    "job",
    "kernel",
    "live",
    "postgres",
    "publish",
    "report",
    "results",
    "runs",
    "shard",
    "stages",
    "store",
    "watch",
];

#[test]
fn imports_run_one_way() {
    let violations = check(&sources());
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let found = circles_among(&sources());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_house_has_its_rooms_and_no_others() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = std::fs::read_dir(src).expect("a folder").map(|entry| entry.expect("an entry").path());
    let folders = entries.filter(|path| path.is_dir());
    let mut names: Vec<String> =
        folders.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ROOMS);
}

/// The rows of the table of rooms in `src/lib.rs`: a room and its invariant.
fn rooms_of_the_map() -> Vec<(String, String)> {
    let map = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the map");
    let rows = map.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let room = |row: &str| {
        let invariant = row.trim_end_matches(" |").rsplit('|').next().unwrap_or_default();
        (row.split('`').next().unwrap_or_default().to_string(), invariant.trim().trim_matches('`').to_string())
    };
    rows.map(room).collect()
}

#[test]
fn the_map_lists_the_rooms_from_the_ground_up() {
    let mut rooms: Vec<&str> = RULES.iter().map(|rule| rule.module.split("::").next().unwrap_or_default()).collect();
    rooms.dedup();
    rooms.retain(|room| ROOMS.contains(room));
    let listed: Vec<String> = rooms_of_the_map().into_iter().map(|(room, _)| room).collect();
    assert_eq!(listed, rooms);
}

#[test]
fn the_map_leads_to_files_that_are_there() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let map = std::fs::read_to_string(src.join("lib.rs")).expect("the map");
    let table = map.split("# Where to look").nth(1).and_then(|rest| rest.split("# The law").next()).expect("the table");
    let places: Vec<&str> = table.split('`').skip(1).step_by(2).filter(|place| *place != "src/").collect();
    assert!(places.len() >= 10, "{places:?}");
    for place in places {
        assert!(src.join(place).exists(), "src/lib.rs leads to {place}");
    }
}

#[test]
fn every_room_opens_with_the_invariant_that_the_map_names() {
    for (room, invariant) in rooms_of_the_map() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(&room).join("mod.rs");
        let text = std::fs::read_to_string(&path).expect("a room");
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(head.join("\n").contains(&format!("**Invariant: {invariant}.**")), "{room} does not state {invariant}");
    }
}

#[test]
fn rules_stand_in_the_order_of_the_rooms() {
    for (at, rule) in RULES.iter().enumerate() {
        for named in rule.any.iter().chain(rule.results) {
            let above = |rule: &Rule| within(rule.module, named) || within(named, rule.module);
            // Fuzzing stands beside the house.
            let known = RULES[..at].iter().any(above) || rule.module == "cli::dispatch" && *named == "cli";
            assert!(known, "{} names {named}, which does not stand above it", rule.module);
        }
    }
}

/// The source files by their paths below `src`; what fuzzing runs stands beside the tests, and counts as `fuzzing`.
fn sources() -> Vec<(PathBuf, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for (folder, module) in [(top.join("src"), ""), (top.join("tests/fuzz/laws"), "fuzzing")] {
        let mut files = Vec::new();
        find_sources(&folder, &mut files);
        assert!(files.len() > 5, "only {} source files in {}", files.len(), folder.display());
        found.extend(files.into_iter().map(|path| {
            let text = std::fs::read_to_string(&path).expect("a source file");
            (Path::new(module).join(path.strip_prefix(&folder).expect("below the folder")), text)
        }));
    }
    found
}

fn find_sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            find_sources(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// The files of a source tree, given as paths below `src` with their texts: tokens without tests, and no file that holds
/// nothing but tests.
fn without_tests(sources: &[(PathBuf, String)]) -> Vec<(PathBuf, Vec<Token>)> {
    let stripped: Vec<(&PathBuf, Stripped)> =
        sources.iter().map(|(path, text)| (path, strip_tests(tokens(text), &folder_of_children(path)))).collect();
    let test_files: BTreeSet<PathBuf> = stripped.iter().flat_map(|(_, s)| s.test_files.clone()).collect();
    let kept = stripped.into_iter().filter(|(path, _)| !test_files.contains(*path) && *path != Path::new("lib.rs"));
    kept.map(|(path, stripped)| (path.clone(), stripped.tokens)).collect()
}

/// The violations in a source tree.
fn check(sources: &[(PathBuf, String)]) -> Vec<String> {
    without_tests(sources).iter().flat_map(|(path, tokens)| check_file(path, tokens)).collect()
}

fn circles_among(sources: &[(PathBuf, String)]) -> Vec<String> {
    circles(&circles::sources(&without_tests(sources)))
}

/// Where the files of the modules declared in `path` lie: `a/mod.rs` and `a.rs` both have theirs in `a/`.
fn folder_of_children(path: &Path) -> PathBuf {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("mod.rs" | "lib.rs" | "main.rs") => path.parent().unwrap_or(Path::new("")).to_path_buf(),
        _ => path.with_extension(""),
    }
}

fn check_file(path: &Path, tokens: &[Token]) -> Vec<String> {
    let own = module_of(path);
    let Some(rule) = rule_of(&own.join("::")) else {
        return vec![format!("{}: module {} has no rule in tests/layering.rs: give it one", path.display(), own[0])];
    };
    let uses = paths(tokens, &own);
    let refused = uses.iter().filter_map(|used| refusal(rule, used));
    refused.map(|why| format!("{}: {why}", path.display())).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The rule of the smallest part that `path` is in.
fn rule_of(path: &str) -> Option<&'static Rule> {
    let fitting = RULES.iter().filter(|rule| within(path, rule.module));
    fitting.max_by_key(|rule| rule.module.len())
}

/// Whether a path is a module's, or of something in it.
fn within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Why a module must not use this path; `None` where it may.
fn refusal(rule: &Rule, used: &[String]) -> Option<String> {
    let top = used[0].as_str();
    let whole = used.join("::");
    if ENGINE.iter().any(|engine| top == *engine || top.starts_with(&format!("{engine}_"))) {
        let allowed = ENGINE_ROOMS.contains(&rule.module);
        return (!allowed).then(|| format!("{} must not know the engine ({whole})", rule.module));
    }
    let is_ours = rule_of(&whole).is_none_or(|of| of.module == rule.module);
    if is_ours || rule.any.iter().any(|module| within(&whole, module)) {
        return None;
    }
    if let Some(module) = rule.results.iter().find(|module| within(&whole, module)) {
        let rest = &used[module.split("::").count()..];
        let is_result = rest.iter().any(|part| part.starts_with(char::is_uppercase)) || is_ids(used);
        return (!is_result).then(|| format!("{} may take types of {module} only, not {whole}", rule.module));
    }
    Some(format!("{} must not import {whole}", rule.module))
}

/// The ids are words that all modules share, functions included.
fn is_ids(used: &[String]) -> bool {
    used.len() > 1 && used[0] == "ingest" && used[1] == "ids"
}

/// Every path that leaves the module `own`: `crate::…`, `segmill::…`, `super::…` and the engine's, each from its top
/// module on.
fn paths(tokens: &[Token], own: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        let inside_path = at > 0 && tokens[at - 1] == Token::PathSep;
        let engine = ENGINE.iter().any(|engine| word == engine || word.starts_with(&format!("{engine}_")));
        if engine && !inside_path {
            found.push(vec![word.clone()]);
        }
        if inside_path || tokens.get(at + 1) != Some(&Token::PathSep) {
            continue;
        }
        match word.as_str() {
            "crate" | "segmill" => walk(tokens, at + 2, &[], &mut found),
            "super" => walk(tokens, at + 2, &own[..own.len() - 1], &mut found),
            _ => {}
        }
    }
    found.retain(|path| !path.is_empty());
    found
}

/// The violations of one file with this text.
fn check_text(path: &str, text: &str) -> Vec<String> {
    check(&[(PathBuf::from(path), text.to_string())])
}

#[track_caller]
fn assert_refused(path: &str, text: &str, why: &str) {
    let violations = check_text(path, text);
    assert!(violations.len() == 1 && violations[0].contains(why), "{path}: {text}: {violations:?}");
}

#[track_caller]
fn assert_allowed(path: &str, text: &str) {
    assert_eq!(check_text(path, text), Vec::<String>::new(), "{path}: {text}");
}

#[test]
fn planted_violations_are_found() {
    assert_refused("kernel/csr.rs", "use crate::error::Result;", "kernel must not import error::Result");
    assert_refused("kernel/csr.rs", "fn f() -> super::super::error::Result<()> {}", "kernel must not import error");
    assert_refused("stages/kmeans/mod.rs", "use timely::dataflow::Scope;", "stages::kmeans must not know the engine");
    assert_refused("runs/run.rs", "fn f(w: &timely::worker::Worker) {}", "runs must not know the engine");
    assert_refused("report/mod.rs", "use differential_dataflow::Collection;", "report must not know the engine");
    assert_refused("report/mod.rs", "use timely_communication as c;", "report must not know the engine");
    assert_refused("report/page.rs", "use crate::flow::cluster::start;", "report must not import flow::cluster::start");
    assert_refused("report/page.rs", "use crate::stages::kmeans::KMeans;", "report must not import stages::kmeans");
    assert_refused("stages/validate.rs", "use crate::stages::kmeans::{KMeans, fit};", "only, not stages::kmeans::fit");
    assert_refused("stages/validate.rs", "use crate::stages::kmeans;", "only, not stages::kmeans");
    assert_refused("stages/validate.rs", "use crate::stages::kmeans::*;", "only, not stages::kmeans");
    assert_refused(
        "stages/pca/mod.rs",
        "use crate::stages::kmeans::KMeans;",
        "stages::pca must not import stages::kmeans",
    );
    assert_refused(
        "stages/pca/made.rs",
        "use crate::{error::Error, stages::profile::Profile};",
        "must not import stages::profile",
    );
    assert_refused(
        "stages/names.rs",
        "use super::super::flow::cluster;",
        "stages::names must not import flow::cluster",
    );
    assert_refused(
        "collective/mod.rs",
        "fn f() { crate::kernel::keyed::mix(1); }",
        "collective must not import kernel",
    );
    assert_refused("main.rs", "use segmill::stages::kmeans::fit;", "main must not import stages::kmeans::fit");
    assert_refused("watch/progress/mod.rs", "use crate::error::Error;", "watch::progress must not import error");
    assert_refused("novelty.rs", "", "module novelty has no rule");
}

#[test]
fn what_the_rule_allows_is_left_alone() {
    assert_allowed("kernel/csr.rs", "use super::fixed::Scale; use std::ops::Range; use crate::kernel::{csr, fixed};");
    assert_allowed(
        "stages/kmeans/mod.rs",
        "use crate::{error::{Error, Result}, kernel::lloyd, stages::pca::Pca, job::KMeansParams};",
    );
    assert_allowed("results/tables.rs", "use crate::results::table::{Table, self}; use crate::ingest::ids::Id;");
    assert_allowed("report/page.rs", "use crate::results::{Outcome, shown::Shown}; use crate::watch::format::count;");
    assert_allowed("flow/mod.rs", "use timely::worker::Worker; use crate::collective::Collective;");
    assert_allowed("main.rs", "use segmill::{cli::{self, Cli}, watch};");
}

#[test]
fn comments_strings_and_tests_do_not_count() {
    assert_allowed("kernel/csr.rs", "// use crate::error::X;\n/* crate::flow::x /* nested */ crate::flow::y */");
    assert_allowed(
        "kernel/csr.rs",
        r####"const A: &str = "crate::flow::x \" crate::flow"; const B: &str = r#"timely " x"#;"####,
    );
    assert_allowed("kernel/csr.rs", "const C: char = '\"'; const D: char = '\\''; fn f<'a>(x: &'a str) {}");
    assert_refused("kernel/csr.rs", "const C: char = '\"'; use crate::flow::x; const D: char = '\"';", "flow::x");
    assert_allowed("kernel/csr.rs", "#[cfg(test)]\nmod tests { use crate::error::X; fn f() { if true {} } }");
    assert_refused("kernel/csr.rs", "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::error::X;", "error::X");
    let declared = (PathBuf::from("kernel/mod.rs"), "#[cfg(test)]\npub(crate) mod fixture;".to_string());
    let fixture = (PathBuf::from("kernel/fixture.rs"), "use crate::report::Outcome;".to_string());
    assert_eq!(check(&[declared, fixture.clone()]), Vec::<String>::new());
    assert_eq!(check(&[fixture]).len(), 1);
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    circles_among(&files.iter().map(|(path, text)| (PathBuf::from(path), text.to_string())).collect::<Vec<_>>())
}

#[test]
fn planted_circles_are_found() {
    let two = [("kernel/a.rs", "use super::b::B;"), ("kernel/b.rs", "fn f() { crate::kernel::a::g() }")];
    assert_eq!(circles_of(&two), ["kernel::a → kernel::b → kernel::a"]);
    let folder = [("kernel/mod.rs", "mod a; use a::A; pub struct B;"), ("kernel/a.rs", "use super::B; pub struct A;")];
    assert_eq!(circles_of(&folder), ["kernel → kernel::a → kernel"]);
    // Along what a `mod.rs` hands on.
    let handed_on = [
        ("kernel/mod.rs", "mod a; mod b; pub use a::A; pub(crate) use b::{B, C};"),
        ("kernel/a.rs", "use crate::kernel::B; pub struct A;"),
        ("kernel/b.rs", "use super::{A}; pub struct B; pub struct C;"),
    ];
    assert_eq!(circles_of(&handed_on), ["kernel::a → kernel::b → kernel::a"]);
    let three = [
        ("kernel/a.rs", "use super::b::B;"),
        ("kernel/b.rs", "use super::c::C;"),
        ("kernel/c.rs", "use super::a::A;"),
        ("kernel/d.rs", "use super::a::A;"),
    ];
    assert_eq!(circles_of(&three).len(), 1);
}

#[test]
fn what_is_no_circle_is_left_alone() {
    let files = [
        ("kernel/mod.rs", "mod a; mod b; pub use a::A; use a::A as _;"),
        ("kernel/a.rs", "use super::b::B; pub struct A; #[cfg(test)] mod tests { use super::super::A; }"),
        ("kernel/b.rs", "// use super::a::A;\npub struct B;"),
    ];
    assert_eq!(circles_of(&files), Vec::<String>::new());
}
