//! The programs of a session that are not the real ones, and the data that they bring.

use std::fmt::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::util::Sandbox;

/// What stands in for all of them, and acts by the name it is called by.
const SCRIPT: &str = include_str!("stand-in.sh");

/// Programs that a session must not start: they reach out, change the machine, or take hours.
const NAMES: [&str; 17] = [
    "apt",
    "apt-get",
    "cargo",
    "curl",
    "docker",
    "git",
    "kubectl",
    "npm",
    "pip",
    "python3",
    "rustup",
    "sbatch",
    "segmill",
    "ssh",
    "sudo",
    "systemctl",
    "unzip",
];

/// The same among the project's own scripts, by their paths.
const SCRIPTS: [&str; 2] = [".ci/run", "tests/fuzz/run"];

/// A folder with the stand-ins; their calls are written down beside them.
pub struct StandIns {
    folder: TempDir,
}

impl StandIns {
    /// What the stand-ins need to know.
    pub fn environment(&self) -> [(&str, PathBuf); 3] {
        let real = PathBuf::from(env!("CARGO_BIN_EXE_segmill"));
        [("PROGRAMS", self.folder.path().to_path_buf()), ("CALLS", self.calls()), ("REAL_SEGMILL", real)]
    }

    pub fn search_path(&self) -> String {
        format!("{}:{}", self.folder.path().display(), std::env::var("PATH").expect("a search path"))
    }

    pub fn calls(&self) -> PathBuf {
        self.folder.path().join("calls")
    }
}

/// Puts the stand-ins in place for a session in the sandbox.
pub fn stand_ins(sandbox: &Sandbox) -> StandIns {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("stand-in");
    std::fs::write(&script, SCRIPT).expect("a script");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let missing = (!is_there("openssl")).then_some("openssl");
    for name in NAMES.into_iter().chain(missing) {
        symlink(&script, folder.path().join(name)).expect("a link");
    }
    for name in SCRIPTS {
        let link = sandbox.path(name);
        std::fs::create_dir_all(link.parent().expect("it is in a folder")).expect("a folder");
        let _ = std::fs::remove_file(&link);
        symlink(&script, link).expect("a link");
    }
    StandIns { folder }
}

fn is_there(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).is_file())
}

/// Writes `ratings`, a generated file, as the two MovieLens data sets have them, with titles made up.
pub fn write_movielens(ratings: &Path, data: &Path) {
    let ratings = std::fs::read_to_string(ratings).expect("the ratings were generated");
    let (mut tabs, mut commas) = (String::new(), "userId,movieId,rating,timestamp\n".to_string());
    for row in ratings.lines().skip(1) {
        writeln!(tabs, "{}\t881250949", row.replace(',', "\t")).expect("text can be written");
        writeln!(commas, "{row},1147880044").expect("text can be written");
    }
    let (mut titles, mut movies) = (Vec::new(), "movieId,title,genres\n".to_string());
    for item in 1..=150 {
        titles.extend(format!("{item}|Caf").bytes());
        // In Latin-1.
        titles.push(0xe9);
        let flags: Vec<&str> = (0..19).map(|genre| if item % 19 == genre { "1" } else { "0" }).collect();
        titles.extend(format!(" {item} (1995)|01-Jan-1995||http://example.org/|{}\n", flags.join("|")).bytes());
        let genre = ["Comedy|Romance", "Drama", "Horror|Thriller"][item % 3];
        writeln!(movies, "{item},\"Café {item}, The (1995)\",{genre}").expect("text can be written");
    }
    for folder in ["ml-100k", "ml-25m"] {
        std::fs::create_dir(data.join(folder)).expect("a folder");
    }
    std::fs::write(data.join("ml-100k/u.data"), tabs).expect("a file");
    std::fs::write(data.join("ml-100k/u.item"), titles).expect("a file");
    std::fs::write(data.join("ml-25m/ratings.csv"), commas).expect("a file");
    std::fs::write(data.join("ml-25m/movies.csv"), movies).expect("a file");
}
