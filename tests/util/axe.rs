//! axe-core (MPL-2.0), which judges what a machine can judge of a page's accessibility. It comes from the npm registry, or
//! from PyPI where there is no npm, when a test asks for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::browser::Browser;

const AXE: &str = "axe-core@4.14.1";
const AXE_ON_PYPI: &str = "axe-playwright-python==0.1.8";

/// The text of axe.min.js, fetched once into the target folder. Without it a test is skipped on a desk, and fails in CI.
pub fn axe() -> Option<&'static str> {
    static TEXT: OnceLock<Option<String>> = OnceLock::new();
    let found = TEXT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe");
        let kept = folder.join("axe.min.js");
        if !kept.is_file() {
            std::fs::create_dir_all(&folder).expect("a folder in target");
            let fetched = from_npm(&folder).or_else(|| from_pypi(&folder))?;
            // Renamed into place, for a test that runs beside this one.
            let whole = folder.join(format!("axe.{}", std::process::id()));
            std::fs::copy(fetched, &whole).and_then(|_| std::fs::rename(&whole, &kept)).expect("a file in target");
        }
        std::fs::read_to_string(kept).ok()
    });
    if found.is_none() {
        let missing = "axe-core could not be had, neither with npm nor with pip";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
        eprintln!("skipped: {missing}");
    }
    found.as_deref()
}

fn runs(command: &mut Command, folder: &Path) -> bool {
    let quiet = command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn from_npm(folder: &Path) -> Option<PathBuf> {
    let archive = format!("{}.tgz", AXE.replace('@', "-"));
    let packed = runs(Command::new("npm").args(["pack", AXE]), folder);
    let unpacked = packed && runs(Command::new("tar").args(["xzf", &archive]), folder);
    unpacked.then(|| folder.join("package/axe.min.js")).filter(|file| file.is_file())
}

fn from_pypi(folder: &Path) -> Option<PathBuf> {
    let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", "pypi", AXE_ON_PYPI];
    runs(Command::new("python3").args(install), folder)
        .then(|| folder.join("pypi/axe_playwright_python/axe.min.js"))
        .filter(|file| file.is_file())
}

/// What axe has to say against the page, by rule.
pub fn violations(browser: &mut Browser, axe: &str) -> Vec<String> {
    browser.evaluate(&format!("{axe}; 0"));
    let found = browser.evaluate("axe.run(document).then((result) => result.violations)");
    let told = |rule: &Value| {
        let places: Vec<String> = rule["nodes"]
            .as_array()
            .map(|nodes| {
                nodes.iter().take(3).map(|node| format!("{} {}", node["html"], node["failureSummary"])).collect()
            })
            .unwrap_or_default();
        format!("{}: {}", rule["id"], places.join("; "))
    };
    found.as_array().expect("a list").iter().map(told).collect()
}
