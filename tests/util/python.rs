//! Python with packages from its index, in a folder of its own below `target`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The guide whose Python is run by `tests/python.rs`: no other guide has any.
pub const GUIDE: &str = "jobs/python-and-sql.md";

static MAKING: Mutex<()> = Mutex::new(());

/// The interpreter of a virtual environment that has `packages`, made once. Nothing, and a word on why, where there is no
/// Python or no index; in CI that fails.
pub fn with_packages(name: &str, packages: &[&str]) -> Option<PathBuf> {
    // A test file that panicked has made no environment half.
    let _alone = MAKING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{name}"));
    let (python, made) = (folder.join("bin/python"), folder.join("packages"));
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&made).is_ok_and(|has| has == wanted) {
        return Some(python);
    }
    let venv = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    let install =
        venv.and_then(|()| run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages)));
    match install {
        Ok(()) => {
            std::fs::write(made, wanted).expect("the folder was made a moment ago");
            Some(python)
        }
        Err(problem) => {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{problem}");
            eprintln!("skipped: {problem}");
            None
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}
