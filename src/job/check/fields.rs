//! Fields that several sections have: paths, delimiters, switches.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::job::input::STDIN;
use crate::job::refuse::refuse;
use crate::job::spec::Switch;

/// The output folder is replaced whole, so the path must end in its name.
pub fn output(path: PathBuf) -> Result<PathBuf> {
    if path.file_name().is_none() {
        let problem = format!("{path:?} does not name a folder that could be written anew");
        return refuse("output", problem, "name a folder such as \"out/my-job\"");
    }
    Ok(path)
}

/// `path` relative to `folder`. An address or `-` stays as it is.
pub fn resolve(key: &str, path: &Path, folder: &Path) -> Result<PathBuf> {
    let text = path.to_string_lossy();
    if text.is_empty() {
        return refuse(key, "a path is empty", "name a file, folder, glob or address");
    }
    let is_placed = text.contains("://") || text == STDIN;
    Ok(if is_placed { path.to_path_buf() } else { folder.join(path) })
}

/// `None` for `"auto"`. A tab may be written as such, as `tab`, or as `\t` where the shell leaves the backslash.
pub fn delimiter(key: &str, text: Option<&str>) -> Result<Option<String>> {
    let text = match text {
        None | Some("auto") => return Ok(None),
        Some("tab" | "\\t") => "\t",
        Some(text) => text,
    };
    let wrong = |c: char| c.is_alphanumeric() || matches!(c, '\n' | '\r' | '"' | '.' | '-' | '+');
    if text.is_empty() || text.contains(wrong) {
        let remedy = "write \"auto\", \"tab\" or the characters between two fields, such as \",\" or \"::\"";
        return refuse(key, format!("{text:?} cannot part fields"), remedy);
    }
    Ok(Some(text.to_string()))
}

/// `None` for `"auto"`.
pub fn switch(key: &str, value: Option<&Switch>) -> Result<Option<bool>> {
    match value {
        None => Ok(None),
        Some(Switch::Is(is)) => Ok(Some(*is)),
        Some(Switch::Text(text)) if text == "auto" => Ok(None),
        Some(Switch::Text(text)) => refuse(key, format!("{text:?} is not known"), "write true, false or \"auto\""),
    }
}
