//! Python with packages from its index, in a folder of its own below `target`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The guide whose Python is run by `tests/all/python.rs`.
pub const GUIDE: &str = "jobs/python-and-sql.md";

/// The guide to the Python package, whose Python is run by the package's own tests.
pub const GUIDE_OF_PACKAGE: &str = "deploy/python/README.md";

/// What the guides and the Python package import, what runs exported models, and what the package is tested with. Linters are of one version, since the next
/// one finds more.
const PACKAGES: [&str; 17] = [
    "duckdb",
    "duckdb-cli",
    "ipykernel",
    "maturin",
    "mypy==2.4.1",
    "nbclient",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "polars",
    "pyarrow",
    "pytest",
    "ruff==0.17.6",
    "safetensors",
    "scikit-learn",
    "scipy",
];

static MAKING: Mutex<()> = Mutex::new(());

/// The interpreter of the environment with [`PACKAGES`]. As [`with_packages`].
pub fn interpreter() -> Option<PathBuf> {
    with_packages("packages", &PACKAGES)
}

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
    let made_now = fresh(&folder, packages)?;
    std::fs::write(made, wanted).expect("the folder was made a moment ago");
    Some(made_now)
}

/// The interpreter of a new virtual environment in `folder`, with `packages`. As [`with_packages`].
pub fn fresh(folder: &Path, packages: &[&str]) -> Option<PathBuf> {
    let python = folder.join("bin/python");
    let venv = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    let install =
        venv.and_then(|()| run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages)));
    match install {
        Ok(()) => Some(python),
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
