//! The Python package in `deploy/python`: its lints, its types and its own tests with the program under test, and the wheel that
//! pip makes of it.
//!
//! Without `python3`, or where packages cannot be had, the tests are skipped on a desk, and fail in CI.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::util::{ENVIRONMENT, Sandbox, python};

/// What its developers run.
const CHECKS: [&[&str]; 4] =
    [&["ruff", "check"], &["ruff", "format", "--check"], &["mypy"], &["pytest", "-q", "-p", "no:cacheprovider"]];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/python")
}

/// A command of the package's developers, in its folder. What it caches stays in the sandbox.
fn developing(python: &Path, sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = clean(Command::new(python));
    command.args(["-m"]).args(words).current_dir(folder());
    command.env("SEGMILL_BIN", env!("CARGO_BIN_EXE_segmill")).env("PYTHONPATH", folder().join("src"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("TMPDIR", sandbox.path(""));
    command.env("RUFF_CACHE_DIR", sandbox.path("ruff")).env("MYPY_CACHE_DIR", sandbox.path("mypy"));
    command
}

fn clean(mut command: Command) -> Command {
    for name in ENVIRONMENT {
        command.env_remove(name);
    }
    command
}

#[track_caller]
fn succeeded(mut command: Command) -> Output {
    let ran = command.output().expect("it starts");
    let said = [&ran.stdout, &ran.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    assert!(ran.status.success(), "{command:?}\n{said}");
    ran
}

#[test]
fn its_lints_its_types_and_its_tests_pass() {
    let Some(python) = python::interpreter() else { return };
    let sandbox = Sandbox::new();
    CHECKS.iter().for_each(|words| drop(succeeded(developing(&python, &sandbox, words))));
}

/// Builds the wheel as pip does, but of the program under test.
fn wheel(python: &Path, sandbox: &Sandbox) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the folder of what is built");
    let mut command = clean(Command::new(python));
    command.args(["-m", "maturin", "build", "--profile", "dev", "-o"]).arg(sandbox.path("wheels"));
    command.current_dir(folder()).env("CARGO_TARGET_DIR", target);
    succeeded(command);
    let mut made = std::fs::read_dir(sandbox.path("wheels")).expect("a folder");
    made.next().expect("a wheel").expect("its name").path()
}

/// `.ci/run` has a step of its own for it.
#[test]
#[ignore = "builds the program once more"]
fn a_wheel_brings_the_program_and_the_module() {
    let Some(python) = python::interpreter() else { return };
    let sandbox = Sandbox::new();
    let wheel = wheel(&python, &sandbox);
    let words = ["generate", "--users", "300", "--items", "60", "--ratings-per-user", "20", "--segments", "3"];
    sandbox.segmill(&[&words[..], &["--seed", "1", "-o", "ratings.csv"]].concat()).succeeded();
    let Some(fresh) = python::fresh(&sandbox.path("fresh"), &[wheel.to_str().expect("UTF-8")]) else { return };
    let bin = fresh.parent().expect("a folder");
    let mut command = clean(Command::new(bin.join("segmill")));
    command.arg("--version");
    let version = succeeded(command);
    let said = format!("segmill {}\nfeatures: postgres, stores\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&version.stdout), said);
    let script = "import importlib.metadata, pathlib, sys, segmill\n\
         assert pathlib.Path(segmill.__file__).with_name('py.typed').exists()\n\
         assert segmill.program() == sys.argv[1], segmill.program()\n\
         assert [r for r in importlib.metadata.requires('segmill') if 'extra' not in r] == ['pyarrow>=15']\n\
         run = segmill.fit('ratings.csv', user='user', item='item', rating='rating')\n\
         print(len(run.segments), run.verdict)";
    let mut command = clean(Command::new(&fresh));
    command.args(["-c", script]).arg(bin.join("segmill")).current_dir(sandbox.path(""));
    assert_eq!(String::from_utf8_lossy(&succeeded(command).stdout), "300 stable\n");
}
