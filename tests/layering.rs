//! Imports run one way: the rule of `src/lib.rs`, enforced on the source text.
//!
//! Comments, strings and `#[cfg(test)]` modules do not count. A module that has no rule here fails the test, so that a
//! new one is placed on purpose.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a module may take from the modules it names.
struct Rule {
    module: &'static str,
    /// Anything of these.
    any: &'static [&'static str],
    /// Only types and constants of these: how a stage or a report knows the results of a stage before it.
    results: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule { module: "error", any: &[], results: &[] },
    Rule { module: "kernel", any: &[], results: &[] },
    Rule { module: "progress", any: &[], results: &[] },
    Rule { module: "say", any: &["error"], results: &[] },
    Rule { module: "logs", any: &["say", "progress", "status", "launch"], results: &[] },
    Rule { module: "status", any: &["error", "progress", "report"], results: &[] },
    Rule { module: "collective", any: &["error"], results: &[] },
    Rule { module: "checkpoint", any: &["error", "collective"], results: &[] },
    Rule { module: "job", any: &["error"], results: &[] },
    Rule { module: "launch", any: &["error", "say", "flow"], results: &[] },
    Rule { module: "cli", any: &["error", "say", "launch"], results: &["job", "flow", "predict", "live"] },
    Rule { module: "ingest", any: &["error", "kernel", "collective", "progress"], results: &["job"] },
    Rule { module: "shard", any: &["error", "kernel", "collective", "ingest"], results: &["job"] },
    Rule { module: "pca", any: STAGE, results: &["job", "shard", "ingest"] },
    Rule { module: "kmeans", any: STAGE, results: &["job", "shard", "ingest", "pca"] },
    Rule { module: "validate", any: STAGE, results: &["job", "shard", "ingest", "pca", "kmeans"] },
    Rule { module: "profile", any: STAGE, results: &["job", "shard", "ingest", "pca", "kmeans", "validate"] },
    // What a fit is, it does again: it calls the stages before it.
    Rule {
        module: "evidence",
        any: &["error", "kernel", "collective", "checkpoint", "progress", "shard", "pca", "kmeans"],
        results: &["job", "ingest", "validate", "profile"],
    },
    Rule { module: "names", any: &[], results: &["ingest", "profile"] },
    Rule { module: "continuity", any: STAGE, results: &["job", "shard", "ingest", "pca", "kmeans", "profile"] },
    Rule { module: "predict", any: &["error"], results: &["job", "ingest", "pca", "evidence"] },
    Rule { module: "report", any: &["error", "model"], results: RESULTS },
    Rule { module: "model", any: &["error", "kernel", "report"], results: RESULTS },
    Rule { module: "assign", any: STAGE, results: &["job", "shard", "ingest", "pca", "kmeans", "model"] },
    Rule { module: "verify", any: &["error", "ingest", "report"], results: &["job"] },
    Rule {
        module: "flow",
        any: &["error", "say", "kernel", "collective", "progress", "ingest", "shard"],
        results: &["job"],
    },
    Rule {
        module: "live",
        any: &[
            "error",
            "kernel",
            "collective",
            "progress",
            "ingest",
            "shard",
            "profile",
            "assign",
            "flow",
            "model",
            "report",
        ],
        results: RESULTS,
    },
    Rule { module: "pipeline", any: EVERYTHING, results: &[] },
    // Built for fuzzing and for tests alone.
    Rule { module: "fuzzing", any: FUZZED, results: &[] },
    Rule {
        module: "main",
        any: &[
            "error", "say", "logs", "cli", "job", "ingest", "launch", "report", "model", "pipeline", "flow",
            "progress", "status", "verify",
        ],
        results: &[],
    },
];

const STAGE: &[&str] = &["error", "kernel", "collective", "checkpoint", "progress"];
const RESULTS: &[&str] =
    &["job", "ingest", "shard", "pca", "kmeans", "validate", "profile", "evidence", "continuity", "predict"];
const EVERYTHING: &[&str] = &[
    "error",
    "kernel",
    "collective",
    "checkpoint",
    "progress",
    "job",
    "ingest",
    "shard",
    "pca",
    "kmeans",
    "validate",
    "profile",
    "evidence",
    "continuity",
    "names",
    "predict",
    "report",
    "model",
    "assign",
    "flow",
    "live",
];

const FUZZED: &[&str] = &[
    "error",
    "checkpoint",
    "cli",
    "flow",
    "ingest",
    "job",
    "kernel",
    "kmeans",
    "launch",
    "live",
    "model",
    "pca",
    "pipeline",
    "status",
];

/// The only modules that know the engine.
const ENGINE_ROOMS: &[&str] = &["flow", "live"];
const ENGINE: &[&str] = &["timely", "differential_dataflow"];

#[test]
fn imports_run_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find_sources(&src, &mut files);
    assert!(files.len() > 10, "only {} source files in {}", files.len(), src.display());
    let sources: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a source file");
            (path.strip_prefix(&src).expect("below src").to_path_buf(), text)
        })
        .collect();
    let violations = check(&sources);
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
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

/// The violations in a source tree, given as paths below `src` with their texts.
fn check(sources: &[(PathBuf, String)]) -> Vec<String> {
    let stripped: Vec<(&PathBuf, Stripped)> =
        sources.iter().map(|(path, text)| (path, strip_tests(tokens(text), &folder_of_children(path)))).collect();
    let test_files: BTreeSet<&PathBuf> = stripped.iter().flat_map(|(_, s)| &s.test_files).collect();
    stripped
        .iter()
        .filter(|(path, _)| !test_files.contains(path) && *path != Path::new("lib.rs"))
        .flat_map(|(path, stripped)| check_file(path, &stripped.tokens))
        .collect()
}

/// Where the files of the modules declared in `path` lie: `a/mod.rs` and `a.rs` both have theirs in `a/`.
fn folder_of_children(path: &Path) -> PathBuf {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("mod.rs" | "lib.rs" | "main.rs") => path.parent().unwrap_or(Path::new("")).to_path_buf(),
        _ => path.with_extension(""),
    }
}

/// The path of the module in a file: `kmeans/seeding.rs` is `kmeans`, `seeding`.
fn module_path(path: &Path) -> Vec<String> {
    let path =
        if path.ends_with("mod.rs") { path.parent().unwrap_or(path).to_path_buf() } else { path.with_extension("") };
    path.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

fn check_file(path: &Path, tokens: &[Token]) -> Vec<String> {
    let own = module_path(path);
    let Some(rule) = RULES.iter().find(|rule| rule.module == own[0]) else {
        return vec![format!("{}: module {} has no rule in tests/layering.rs: give it one", path.display(), own[0])];
    };
    let uses = paths(tokens, &own);
    let refused = uses.iter().filter_map(|used| refusal(rule, used));
    refused.map(|why| format!("{}: {why}", path.display())).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Why a module must not use this path; `None` where it may.
fn refusal(rule: &Rule, used: &[String]) -> Option<String> {
    let top = used[0].as_str();
    let whole = used.join("::");
    if ENGINE.iter().any(|engine| top == *engine || top.starts_with(&format!("{engine}_"))) {
        let allowed = ENGINE_ROOMS.contains(&rule.module);
        return (!allowed).then(|| format!("{} must not know the engine ({whole})", rule.module));
    }
    if top == rule.module || rule.any.contains(&top) || !RULES.iter().any(|rule| rule.module == top) {
        return None;
    }
    if rule.results.contains(&top) {
        let is_result =
            used[1..].iter().any(|part| part.starts_with(char::is_uppercase)) || used.len() > 1 && is_ids(used);
        return (!is_result).then(|| format!("{} may take types of {top} only, not {whole}", rule.module));
    }
    Some(format!("{} must not import {whole}", rule.module))
}

/// The ids are words that all modules share, functions included.
fn is_ids(used: &[String]) -> bool {
    used[0] == "ingest" && used[1] == "ids"
}

/// Identifiers, `::`, and single characters of everything else that matters.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    PathSep,
    Mark(char),
}

/// The tokens of Rust source, without comments and literals.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        match chars[at] {
            '/' if next == '/' => at = end_of_line(&chars, at),
            '/' if next == '*' => at = end_of_comment(&chars, at),
            '"' => at = end_of_string(&chars, at + 1),
            '\'' => at = end_of_quote(&chars, at),
            c if c.is_alphabetic() || c == '_' => {
                let end = end_of_word(&chars, at);
                let word: String = chars[at..end].iter().collect();
                match raw_string(&chars, &word, end) {
                    Some(after) => at = after,
                    None => {
                        tokens.push(Token::Word(word));
                        at = end;
                    }
                }
            }
            ':' if next == ':' => {
                tokens.push(Token::PathSep);
                at += 2;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Mark(c));
                }
                at += 1;
            }
        }
    }
    tokens
}

fn end_of_line(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |n| at + n)
}

/// Block comments nest.
fn end_of_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// After the closing quote of a string that began before `at`.
fn end_of_string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// After a character literal, or after the quote of a lifetime.
fn end_of_quote(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        return chars[at + 3..].iter().position(|&c| c == '\'').map_or(chars.len(), |n| at + 4 + n);
    }
    if chars.get(at + 2) == Some(&'\'') { at + 3 } else { at + 1 }
}

fn end_of_word(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| !c.is_alphanumeric() && *c != '_').map_or(chars.len(), |n| at + n)
}

/// After the raw string that the prefix `word` begins, if it does.
fn raw_string(chars: &[char], word: &str, end: usize) -> Option<usize> {
    if !matches!(word, "r" | "br" | "cr") {
        return None;
    }
    let hashes = chars[end..].iter().take_while(|&&c| c == '#').count();
    if chars.get(end + hashes) != Some(&'"') {
        return None;
    }
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = end + hashes + 1;
    let found = chars[body..].windows(closing.len()).position(|window| window == closing);
    Some(found.map_or(chars.len(), |n| body + n + closing.len()))
}

/// Source without its tests, and the files that hold nothing but tests.
struct Stripped {
    tokens: Vec<Token>,
    test_files: Vec<PathBuf>,
}

/// Leaves out `#[cfg(test)] mod name { … }`, and notes the file of `#[cfg(test)] mod name;`.
fn strip_tests(tokens: Vec<Token>, children: &Path) -> Stripped {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut test_files = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_attribute =
            attribute.iter().enumerate().all(|(i, want)| tokens.get(at + i).is_some_and(|t| is(t, want)));
        let module = is_attribute.then(|| at + attribute.len()).and_then(|start| test_module(&tokens, start));
        match module {
            Some((name, end)) => {
                if is(&tokens[end - 1], ";") {
                    test_files.push(children.join(&name).with_extension("rs"));
                    test_files.push(children.join(&name).join("mod.rs"));
                }
                at = end;
            }
            None => {
                kept.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    Stripped { tokens: kept, test_files }
}

fn is(token: &Token, text: &str) -> bool {
    match token {
        Token::Word(word) => word == text,
        Token::PathSep => text == "::",
        Token::Mark(mark) => text.len() == 1 && text.starts_with(*mark),
    }
}

/// The name of the module declared at `start` (after `pub`, `pub(crate)` or nothing), and where it ends.
fn test_module(tokens: &[Token], start: usize) -> Option<(String, usize)> {
    let at = start + tokens[start..].iter().take(6).position(|token| is(token, "mod"))?;
    let visibility = ["pub", "(", ")", "crate", "super"];
    if !tokens[start..at].iter().all(|token| visibility.iter().any(|word| is(token, word))) {
        return None;
    }
    let Some(Token::Word(name)) = tokens.get(at + 1) else { return None };
    match tokens.get(at + 2)? {
        token if is(token, ";") => Some((name.clone(), at + 3)),
        token if is(token, "{") => Some((name.clone(), closing_brace(tokens, at + 2) + 1)),
        _ => None,
    }
}

fn closing_brace(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if is(token, "{") {
            depth += 1;
        } else if is(token, "}") {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len() - 1
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

/// Collects the paths of a use tree that goes on at `at`, below `prefix`. Returns nothing of `*` and `self` alone.
fn walk(tokens: &[Token], at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) {
    match tokens.get(at) {
        Some(Token::Word(word)) => {
            let path = match word.as_str() {
                "super" => prefix[..prefix.len().saturating_sub(1)].to_vec(),
                "self" => prefix.to_vec(),
                _ => [prefix, std::slice::from_ref(word)].concat(),
            };
            match tokens.get(at + 1) {
                Some(Token::PathSep) => walk(tokens, at + 2, &path, found),
                _ => found.push(path),
            }
        }
        Some(Token::Mark('{')) => {
            let end = closing_brace(tokens, at);
            let mut depth = 0;
            let mut branch = at + 1;
            for i in at + 1..=end {
                match &tokens[i] {
                    Token::Mark('{') => depth += 1,
                    Token::Mark('}') if i < end => depth -= 1,
                    Token::Mark(',') if depth == 0 => {
                        walk(tokens, branch, prefix, found);
                        branch = i + 1;
                    }
                    _ => {}
                }
            }
            if branch < end {
                walk(tokens, branch, prefix, found);
            }
        }
        // `crate::*` would hide everything from this test; `crate::stage::*` is no list of results.
        Some(Token::Mark('*')) => found.push(prefix.to_vec()),
        _ => {}
    }
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
    assert_refused("kmeans.rs", "use timely::dataflow::Scope;", "kmeans must not know the engine");
    assert_refused("pipeline.rs", "fn f(w: &timely::worker::Worker) {}", "pipeline must not know the engine");
    assert_refused("report/mod.rs", "use differential_dataflow::Collection;", "report must not know the engine");
    assert_refused("report/mod.rs", "use timely_communication as c;", "report must not know the engine");
    assert_refused("report/page.rs", "use crate::flow::cluster::start;", "report must not import flow::cluster::start");
    assert_refused("report/page.rs", "use crate::kmeans::{KMeans, fit};", "types of kmeans only, not kmeans::fit");
    assert_refused("report/page.rs", "use crate::kmeans;", "types of kmeans only, not kmeans");
    assert_refused("report/page.rs", "use crate::kmeans::*;", "types of kmeans only, not kmeans");
    assert_refused("pca.rs", "use crate::kmeans::KMeans;", "pca must not import kmeans::KMeans");
    assert_refused("pca.rs", "use crate::{error::Error, profile::Profile};", "pca must not import profile::Profile");
    assert_refused("pca.rs", "use super::flow::cluster;", "pca must not import flow::cluster");
    assert_refused("collective.rs", "fn f() { crate::kernel::keyed::mix(1); }", "collective must not import kernel");
    assert_refused("main.rs", "use segmill::kmeans::fit;", "main must not import kmeans::fit");
    assert_refused("novelty.rs", "", "module novelty has no rule");
}

#[test]
fn what_the_rule_allows_is_left_alone() {
    assert_allowed("kernel/csr.rs", "use super::fixed::Scale; use std::ops::Range; use crate::kernel::{csr, fixed};");
    assert_allowed("kmeans.rs", "use crate::{error::{Error, Result}, kernel::lloyd, pca::Pca, job::KMeansParams};");
    assert_allowed("report/tables.rs", "use crate::report::table::{Table, self}; use crate::ingest::ids::Id;");
    assert_allowed("flow/mod.rs", "use timely::worker::Worker; use crate::collective::Collective;");
    assert_allowed("main.rs", "use segmill::{cli::Cli, pipeline};");
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
