//! Runs to follow, and processes that follow them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::reference::{Change, Ratings, Rule};
use crate::util::cluster::{finish, signal};
use crate::util::draws::Draws;
use crate::util::{ENVIRONMENT, Ran, Sandbox};

/// Whatever is waited for is there by then, or never.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The sections of a job that is fitted at once.
pub const QUICK: &str = "
[pca]
components = 3
[kmeans]
clusters = 4
n_init = 1
[sweep]
clusters = []
[validate]
folds = 2
[evidence]
enabled = false
";

pub const N_USERS: u64 = 30;
pub const N_ITEMS: u64 = 14;

/// Ratings of which a fit can be made: three kinds of users, each with items of their own, and some across.
pub fn first_ratings(rule: Rule, names: Names, draws: &mut Draws) -> Ratings {
    let mut ratings = Ratings::none(rule);
    for user in 0..N_USERS {
        for _ in 0..6 {
            let item = if draws.below(4) == 0 { draws.below(N_ITEMS) } else { (user % 3) * 4 + draws.below(5) };
            let rating = (draws.below(9) + 1) as f64 / 2.0;
            ratings.apply(&Change::put(names.user(user), names.item(item), rating));
        }
    }
    ratings
}

/// What users and items are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Numbers,
    Texts,
    /// Numbers, texts, and texts that need quotes.
    Both,
}

impl Names {
    pub fn user(self, user: u64) -> String {
        self.called("u", user)
    }

    pub fn item(self, item: u64) -> String {
        self.called("it", item)
    }

    fn called(self, kind: &str, n: u64) -> String {
        match (self, n % 4) {
            (Names::Numbers, _) | (Names::Both, 0 | 1) => (n * 3 + 1).to_string(),
            (Names::Texts, _) | (Names::Both, 2) => format!("{kind}{n}"),
            (Names::Both, _) => format!("{kind} \u{fc} \"{n}\", 0{n}"),
        }
    }
}

/// In a `matrix`: the segments are refined by a mixture.
pub const REFINED: &str = "# refined\n";

/// A finished run in `out` over ratings in `r.csv`.
pub fn fitted(ratings: &Ratings, rule: Rule, matrix: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", ratings.csv());
    let input = format!("[input]\nratings = ['r.csv']\nheader = false\nduplicates = '{}'\n", rule.name());
    let refine = if matrix.contains(REFINED) { "mixture" } else { "none" };
    let set = format!("kmeans.refine={refine}");
    sandbox.run(&format!("{input}[matrix]\n{matrix}\n{QUICK}"), &["-q", "--set", &set]).succeeded();
    sandbox
}

/// Follows to the end of the input.
#[track_caller]
pub fn follow(sandbox: &Sandbox, words: &[&str]) -> Ran {
    sandbox.segmill(&[&["follow", "out", "--stop-at-end"], words].concat()).succeeded()
}

/// A process that follows; killed with the value.
pub struct Following(Option<Child>);

impl Following {
    pub fn start(sandbox: &Sandbox, words: &[&str]) -> Following {
        Following::start_with(sandbox, words, Stdio::null())
    }

    pub fn start_with(sandbox: &Sandbox, words: &[&str], stdin: Stdio) -> Following {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segmill"));
        for name in ENVIRONMENT {
            command.env_remove(name);
        }
        command.current_dir(sandbox.path("")).args(["follow", "out"]).args(words);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        Following(Some(command.spawn().expect("segmill starts")))
    }

    pub fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("a child")
    }

    /// kill -9. Asserts that it was still at work.
    pub fn kill(mut self) {
        let mut child = self.0.take().expect("a child");
        assert_eq!(child.try_wait().expect("a child"), None, "it had ended: {:?}", child.wait_with_output());
        child.kill().expect("a signal");
        child.wait().expect("a child");
    }

    /// Asks it to end, and waits.
    pub fn terminate(self) -> Ran {
        self.signalled("TERM")
    }

    pub fn signalled(mut self, name: &str) -> Ran {
        let child = self.0.take().expect("a child");
        assert!(signal(name, child.id()), "it has gone already");
        finish(child, Instant::now() + PATIENCE)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Waits until something holds.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// How many lines a file has, if it is there.
pub fn n_lines(path: &Path) -> usize {
    std::fs::read(path).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count())
}

/// `batch` lines that were told so far.
pub fn n_batches(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| line.contains("\"event\":\"batch\"")).count()
}
