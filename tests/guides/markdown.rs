//! Guides as text: blocks of code, inline code, headings and links.

use std::path::{Path, PathBuf};

use crate::root;

/// A Markdown file, or what stands in for one.
pub struct Guide {
    /// From the top of the project.
    pub path: String,
    pub text: String,
    pub blocks: Vec<Block>,
}

/// A fenced block of code.
pub struct Block {
    /// The line of its opening fence.
    pub line: usize,
    /// What the fence says it is, as `sh`.
    pub kind: String,
    pub text: String,
}

impl Guide {
    pub fn read(path: &str) -> Guide {
        let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        Guide { path: path.to_string(), blocks: blocks(path, &text), text }
    }

    /// The part below this heading of the second level, as a guide; empty where there is none.
    pub fn section(&self, heading: &str) -> Guide {
        let below = self.text.split("\n## ").find_map(|part| part.strip_prefix(&format!("{heading}\n")));
        let text = below.unwrap_or_default().to_string();
        Guide { path: self.path.clone(), blocks: Vec::new(), text }
    }

    /// The folder that its links start from.
    pub fn folder(&self) -> PathBuf {
        root().join(&self.path).parent().expect("a file is in a folder").to_path_buf()
    }

    /// Lines outside of blocks, with their numbers.
    fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        outside(&self.text)
    }

    /// Inline code, with its line.
    pub fn spans(&self) -> Vec<(usize, &str)> {
        self.prose().flat_map(|(line, text)| text.split('`').skip(1).step_by(2).map(move |span| (line, span))).collect()
    }

    /// Where links within the project lead, with their lines.
    pub fn links(&self) -> Vec<(usize, String)> {
        let targets = |text: &str| -> Vec<String> {
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(to, _)| to.to_string()).collect()
        };
        let all = self.prose().flat_map(|(line, text)| targets(text).into_iter().map(move |to| (line, to)));
        all.filter(|(_, to)| !to.contains("://")).collect()
    }
}

/// The lines of `text` outside of blocks, numbered from 1.
fn outside(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = is_fence(line);
        inside ^= fence;
        !inside && !fence
    })
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

pub fn headings(text: &str) -> Vec<String> {
    let heading = |(_, line): (usize, &str)| Some(line.strip_prefix('#')?.trim_start_matches('#').trim().to_string());
    outside(text).filter_map(heading).collect()
}

/// The fragment by which GitHub names a heading.
pub fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn blocks(path: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (line, content) in (1..).zip(text.lines()) {
        match &mut open {
            None if is_fence(content) => {
                let kind = content.trim_start().trim_start_matches('`').to_string();
                open = Some(Block { line, kind, text: String::new() });
            }
            Some(_) if is_fence(content) => blocks.extend(open.take()),
            Some(block) => block.text += &format!("{content}\n"),
            None => {}
        }
    }
    assert!(open.is_none(), "{path}: a block does not end");
    blocks
}

/// Every Markdown file of the project.
pub fn guides() -> Vec<Guide> {
    let mut paths = Vec::new();
    markdown_files(root(), &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "{paths:?}");
    paths.iter().map(|path| Guide::read(path)).collect()
}

/// What git ignores, and what is hidden, holds no guides.
fn markdown_files(folder: &Path, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && !["target", "out", "data"].contains(&&*name) {
            markdown_files(&path, paths);
        } else if name.ends_with(".md") {
            paths.push(path.strip_prefix(root()).expect("below the top").to_string_lossy().into_owned());
        }
    }
}

/// The job files that people copy: the commands in their comments, which are indented there.
pub fn job_files() -> Vec<Guide> {
    let folder = std::fs::read_dir(root().join("jobs")).expect("the job files");
    let names = folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut jobs: Vec<Guide> = names.filter(|name| name.ends_with(".toml")).map(|name| job_file(&name)).collect();
    jobs.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(jobs.len() >= 4, "{}", jobs.len());
    jobs
}

fn job_file(name: &str) -> Guide {
    let path = format!("jobs/{name}");
    let text = std::fs::read_to_string(root().join(&path)).expect("it was listed");
    let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#     ")).collect();
    assert!(!commands.is_empty(), "{path} does not say how it is run");
    let block = Block { line: 1, kind: "sh".to_string(), text: commands.join("\n") };
    Guide { path, text, blocks: vec![block] }
}
