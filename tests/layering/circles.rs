//! Files that import each other in a circle.
//!
//! A file imports another when it names something that stands there, in a `use` or in a path. A name that a `mod.rs` only
//! hands on (`pub use`) counts as an import of the file that defines it; handing it on is no import.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::tokens::{Token, is, walk};

/// A file: its tokens without tests.
pub struct Source<'a> {
    pub path: &'a Path,
    pub tokens: &'a [Token],
}

type Module = Vec<String>;

/// The circles among files, each as its files in the order of their imports, the first one again at the end.
pub fn circles(sources: &[Source]) -> Vec<String> {
    let files: BTreeMap<Module, File> =
        sources.iter().map(|source| (module_of(source.path), File::of(source))).collect();
    let imports: BTreeMap<&Module, BTreeSet<&Module>> =
        files.iter().map(|(module, file)| (module, file.imports(module, &files))).collect();
    let mut found = BTreeSet::new();
    for start in imports.keys() {
        if let Some(way) = way_back(start, &imports) {
            let mut members: Vec<&Module> = way.clone();
            members.sort();
            let names: Vec<String> = way.iter().chain([start]).map(|module| module.join("::")).collect();
            found.insert((members, names.join(" → ")));
        }
    }
    // Of each set of files one circle will do.
    let mut seen = BTreeSet::new();
    found.into_iter().filter(|(members, _)| seen.insert(members.clone())).map(|(_, way)| way).collect()
}

/// The shortest way from a file to itself along imports.
fn way_back<'a>(start: &'a Module, imports: &BTreeMap<&'a Module, BTreeSet<&'a Module>>) -> Option<Vec<&'a Module>> {
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for &next in &imports[way[way.len() - 1]] {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back([&way[..], &[next]].concat());
            }
        }
    }
    None
}

/// The path of the module in a file; `lib.rs` and `main.rs` are no modules of their own here.
pub fn module_of(path: &Path) -> Module {
    let path =
        if path.ends_with("mod.rs") { path.parent().unwrap_or(path).to_path_buf() } else { path.with_extension("") };
    path.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

/// What a file names.
struct File {
    /// Absolute paths that it uses.
    used: Vec<Module>,
    /// What it hands on, by name: the absolute path of what is meant.
    handed_on: BTreeMap<String, Module>,
}

impl File {
    fn of(source: &Source) -> File {
        let own = module_of(source.path);
        let children = children(source.tokens);
        let (handed_on, rest) = split_reexports(source.tokens);
        let named =
            paths(&handed_on, &own, &children).into_iter().filter_map(|path| Some((path.last()?.clone(), path)));
        File { handed_on: named.collect(), used: paths(&rest, &own, &children) }
    }

    /// The modules of the files that it imports.
    fn imports<'a>(&self, own: &Module, files: &'a BTreeMap<Module, File>) -> BTreeSet<&'a Module> {
        let found = self.used.iter().filter_map(|path| resolve(path, files, 0));
        found.filter(|module| *module != own).collect()
    }
}

/// The file in which what `path` means is defined, along what is handed on.
fn resolve<'a>(path: &[String], files: &'a BTreeMap<Module, File>, depth: usize) -> Option<&'a Module> {
    let length = (1..=path.len()).rev().find(|&length| files.contains_key(&path[..length]))?;
    let (module, file) = files.get_key_value(&path[..length])?;
    let handed_on = path.get(length).and_then(|name| file.handed_on.get(name));
    match handed_on.filter(|_| depth < 8) {
        Some(target) => resolve(&[&target[..], &path[length + 1..]].concat(), files, depth + 1),
        None => Some(module),
    }
}

/// The names of the modules that a file declares.
fn children(tokens: &[Token]) -> BTreeSet<String> {
    let declared = tokens.windows(3).filter(|window| is(&window[0], "mod") && is(&window[2], ";"));
    declared.filter_map(|window| if let Token::Word(name) = &window[1] { Some(name.clone()) } else { None }).collect()
}

/// The tokens of all `pub use`, and all others.
fn split_reexports(tokens: &[Token]) -> (Vec<Token>, Vec<Token>) {
    let (mut handed_on, mut rest, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        let start = if is(&tokens[at], "pub") { reexport(tokens, at) } else { None };
        let (into, end) = match start {
            Some(start) => {
                (&mut handed_on, start + tokens[start..].iter().position(|token| is(token, ";")).unwrap_or(0))
            }
            None => (&mut rest, at),
        };
        into.extend_from_slice(&tokens[at..=end]);
        at = end + 1;
    }
    (handed_on, rest)
}

/// Where the tree of the `pub use` at `at` begins: after `pub`, or `pub(crate)` and the like.
fn reexport(tokens: &[Token], at: usize) -> Option<usize> {
    let after = if is(tokens.get(at + 1)?, "(") {
        at + 2 + tokens[at + 2..].iter().position(|token| is(token, ")"))?
    } else {
        at
    };
    is(tokens.get(after + 1)?, "use").then_some(after + 2)
}

/// Every path of two words and more that leads into the crate, from its top on.
fn paths(tokens: &[Token], own: &Module, children: &BTreeSet<String>) -> Vec<Module> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        let inside = at > 0 && tokens[at - 1] == Token::PathSep;
        if inside || tokens.get(at + 1) != Some(&Token::PathSep) {
            continue;
        }
        match word.as_str() {
            "crate" | "segmill" => walk(tokens, at + 2, &[], &mut found),
            "super" => walk(tokens, at + 2, &own[..own.len() - 1], &mut found),
            child if children.contains(child) => walk(tokens, at, own, &mut found),
            _ => {}
        }
    }
    found
}

/// Files given by their path below `src` and their tokens.
pub fn sources<'a>(files: &'a [(PathBuf, Vec<Token>)]) -> Vec<Source<'a>> {
    files.iter().map(|(path, tokens)| Source { path, tokens }).collect()
}
