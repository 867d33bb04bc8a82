//! `segmill follow --publish`: what is published is what the tables at the end have, each change once in effect, whenever a session is
//! killed; a target that is out of reach holds up nobody.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::following::{Following, N_ITEMS, N_USERS, Names, first_ratings, fitted, follow, n_batches, wait_until};
use super::reference::{Change, Ratings, Rule, assert_exact};
use crate::util::Sandbox;
use crate::util::draws::Draws;
use crate::util::outputs::{parquet_rows, segments};

const N_KILLS: u64 = 12;

/// Where every user is, and a change: publication, user, from, to.
type Placed = BTreeMap<String, u32>;
type Gone = (u64, String, Option<u32>, Option<u32>);

/// Grows a file of changes until it is told to stop. Returns what a reader of all of it should hold.
fn grow(path: &Path, mut ratings: Ratings, stop: &AtomicBool) -> Ratings {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    let mut draws = Draws(31);
    while !stop.load(Ordering::Relaxed) {
        let (user, item) = (Names::Texts.user(draws.below(N_USERS + 10)), Names::Texts.item(draws.below(N_ITEMS)));
        let change = match draws.below(3) {
            0 => Change::withdraw(user, item),
            _ => Change::put(user, item, (draws.below(9) + 1) as f64 / 2.0),
        };
        file.write_all((change.json(false) + "\n").as_bytes()).expect("a line");
        ratings.apply(&change);
        thread::sleep(Duration::from_millis(draws.below(12)));
    }
    ratings
}

/// What there was before the first change, which each change fits.
#[track_caller]
fn undone(placed: &Placed, mut changes: Vec<Gone>) -> Placed {
    let mut placed = placed.clone();
    changes.sort();
    for (publication, user, from, to) in changes.into_iter().rev() {
        assert_eq!(placed.remove(&user), to, "{user} after publication {publication}");
        from.iter().for_each(|&from| _ = placed.insert(user.clone(), from));
    }
    placed
}

/// How many publications there are, also while a session publishes; and the check that the last one is whole, for when none does.
struct Looks<'a> {
    published: &'a dyn Fn() -> u64,
    whole: &'a dyn Fn(),
}

fn follow_over_kills(sandbox: &Sandbox, first: &Ratings, more: &[&str], looks: &Looks<'_>) -> Ratings {
    let (input, told) = (sandbox.path("changes.log"), sandbox.path("told.jsonl"));
    std::fs::write(&input, "").expect("a file");
    let words = ["--input", "changes.log", "--state", "state", "--output", "told.jsonl", "-w", "2"];
    let words = [&words[..], more].concat();
    let stop = AtomicBool::new(false);
    let ratings = thread::scope(|scope| {
        let grown = scope.spawn(|| grow(&input, first.clone(), &stop));
        let mut draws = Draws(32);
        for kill in 0..N_KILLS {
            let (before, publications) = (n_batches(&told), (looks.published)());
            let following = Following::start(sandbox, &words);
            wait_until(&format!("batches before kill {kill}"), || n_batches(&told) > before);
            // Perhaps before anything is published, perhaps during the next publication.
            if kill % 3 > 0 {
                wait_until(&format!("a publication before kill {kill}"), || (looks.published)() > publications);
            }
            thread::sleep(Duration::from_millis(draws.below(1500)));
            following.kill();
            (looks.whole)();
        }
        stop.store(true, Ordering::Relaxed);
        grown.join().expect("a writer")
    });
    follow(sandbox, &[&words[..], &["--final", "final"]].concat());
    (looks.whole)();
    assert!((looks.published)() >= N_KILLS / 3 * 2);
    ratings
}

fn folder_changes(version: &Path) -> Vec<Gone> {
    let parts =
        std::fs::read_dir(version.join("changes")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let segment = |text: &str| (!text.is_empty()).then(|| text.parse().expect("a segment"));
    let change = |row: BTreeMap<String, String>| {
        let publication = row["publication"].parse().expect("a number");
        (publication, row["user"].clone(), segment(&row["from"]), segment(&row["to"]))
    };
    parts.flat_map(|part| parquet_rows(&part)).map(change).collect()
}

fn placed(table: &Path) -> Placed {
    let rows = parquet_rows(table);
    rows.iter().map(|row| (row["user"].clone(), row["segment"].parse().expect("a segment"))).collect()
}

/// The version of the folder `shown` that counts; its sizes are those of its members.
#[track_caller]
fn whole_version(sandbox: &Sandbox) -> Option<std::path::PathBuf> {
    let version = sandbox.path("shown").join(std::fs::read_link(sandbox.path("shown/current")).ok()?);
    let mut sizes = BTreeMap::new();
    placed(&version.join("memberships.parquet")).values().for_each(|segment| *sizes.entry(*segment).or_insert(0) += 1);
    for row in parquet_rows(&version.join("segments.parquet")) {
        let number: u32 = row["number"].parse().expect("a number");
        assert_eq!(row["size"], sizes.get(&number).copied().unwrap_or(0).to_string(), "segment {number}");
    }
    Some(version)
}

fn n_publications(sandbox: &Sandbox) -> u64 {
    let link = std::fs::read_link(sandbox.path("shown/current")).ok();
    link.and_then(|link| link.file_name()?.to_str()?.parse().ok()).unwrap_or(0)
}

#[test]
fn a_folder_is_kept_up_to_date_over_kills() {
    let first = first_ratings(Rule::Last, Names::Texts, &mut Draws(30));
    let sandbox = fitted(&first, Rule::Last, "weighting = 'tfidf'\nnormalize = 'l2'");
    let started = segments(&sandbox.path("out"));
    let looks = Looks { published: &|| n_publications(&sandbox), whole: &|| drop(whole_version(&sandbox)) };
    let ratings = follow_over_kills(&sandbox, &first, &["--publish", "shown"], &looks);
    assert_exact(&sandbox, "final", &ratings, "after the kills");
    let version = whole_version(&sandbox).expect("a version");
    let now = placed(&version.join("memberships.parquet"));
    assert_eq!(now, segments(&sandbox.path("final")));
    let changes = folder_changes(&version);
    assert!(changes.len() > 10, "{changes:?}");
    let before = undone(&now, changes);
    assert!(before.keys().filter(|user| started.contains_key(*user)).count() >= 20, "{before:?}");
    // The tables at the end are the same segments: nothing changes.
    let record = || {
        std::fs::read_to_string(whole_version(&sandbox).expect("a version").join("publication.json")).expect("a record")
    };
    let last: serde_json::Value = serde_json::from_str(&record()).expect("JSON");
    sandbox.segmill(&["publish", "final", "--to", "shown"]).succeeded();
    let next: serde_json::Value = serde_json::from_str(&record()).expect("JSON");
    assert_eq!((&next["changes"], &next["users"]), (&0.into(), &last["users"]));
    // Another session finds that somebody else has published, and publishes all.
    sandbox.write("more.log", Change::put("u1", "it1", 4.5).json(false) + "\n");
    let words =
        ["--input", "more.log", "--state", "state", "--output", "told.jsonl", "--publish", "shown", "--final", "last"];
    follow(&sandbox, &words);
    let version = whole_version(&sandbox).expect("a version");
    assert_eq!(placed(&version.join("memberships.parquet")), segments(&sandbox.path("last")));
}

#[test]
fn a_refit_is_published_with_its_new_segments() {
    let first = first_ratings(Rule::Last, Names::Texts, &mut Draws(33));
    let sandbox = fitted(&first, Rule::Last, "normalize = 'l2'");
    let words = ["--publish", "shown", "--refit", "--drift", "0.01"];
    let looks = Looks { published: &|| n_publications(&sandbox), whole: &|| drop(whole_version(&sandbox)) };
    follow_over_kills(&sandbox, &first, &words, &looks);
    let version = whole_version(&sandbox).expect("a version");
    let now = placed(&version.join("memberships.parquet"));
    assert_eq!(now, segments(&sandbox.path("final")));
    undone(&now, folder_changes(&version));
    let told = std::fs::read_to_string(sandbox.path("told.jsonl")).expect("lines");
    assert!(told.contains("\"event\":\"refit\""), "there was a refit");
}

#[cfg(feature = "postgres")]
mod database {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::util::postgres::{DATABASE, PASSWORD, Postgres, USER};

    fn number<T: std::str::FromStr>(text: &str) -> T {
        text.parse().ok().unwrap_or_else(|| panic!("{text:?} is no number"))
    }

    fn rows(server: &Postgres, query: &str) -> Vec<Vec<String>> {
        let said = server.psql(query);
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.stdout.lines().map(|line| line.split('\t').map(str::to_string).collect()).collect()
    }

    #[test]
    fn a_database_is_kept_up_to_date_over_kills() {
        let Some(server) = Postgres::start_with_tls() else { return };
        let first = first_ratings(Rule::Last, Names::Texts, &mut Draws(34));
        let sandbox = fitted(&first, Rule::Last, "weighting = 'tfidf'\nnormalize = 'l2'");
        let passfile = sandbox.write("pgpass", format!("127.0.0.1:*:{DATABASE}:{USER}:{PASSWORD}\n"));
        std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o600)).expect("a file");
        let authority = server.authority.as_ref().expect("TLS").display();
        let address = format!(
            "postgres://{USER}@{}/{DATABASE}?sslmode=verify-full&sslrootcert={authority}&passfile={}",
            server.address,
            passfile.display()
        );
        let published = || {
            let there = rows(&server, "SELECT to_regclass('segmill.publications') IS NOT NULL");
            let count = || number(&rows(&server, "SELECT count(*) FROM segmill.publications")[0][0]);
            if there[0][0] == "t" { count() } else { 0 }
        };
        let whole = || {
            if published() > 0 {
                let sums =
                    "SELECT (SELECT sum(size) FROM segmill.segments), (SELECT count(*) FROM segmill.memberships)";
                let sums = &rows(&server, sums)[0];
                assert_eq!(sums[0], sums[1]);
            }
        };
        let looks = Looks { published: &published, whole: &whole };
        let ratings = follow_over_kills(&sandbox, &first, &["--publish", &address], &looks);
        assert_exact(&sandbox, "final", &ratings, "after the kills");
        let now: Placed = rows(&server, r#"SELECT "user", segment FROM segmill.memberships"#)
            .into_iter()
            .map(|row| (row[0].clone(), number(&row[1])))
            .collect();
        assert_eq!(now, segments(&sandbox.path("final")));
        let segment = |text: &str| (!text.is_empty()).then(|| number(text));
        let changes: Vec<Gone> = rows(&server, r#"SELECT publication, "user", "from", "to" FROM segmill.changes"#)
            .iter()
            .map(|row| (number(&row[0]), row[1].clone(), segment(&row[2]), segment(&row[3])))
            .collect();
        assert!(changes.len() > 10, "{changes:?}");
        undone(&now, changes);
        for name in ["told.jsonl", "state/publisher", "final/follow.json"] {
            assert!(!std::fs::read_to_string(sandbox.path(name)).expect("a file").contains(PASSWORD), "{name}");
        }
    }

    #[test]
    fn a_target_out_of_reach_holds_up_nobody_and_is_said_at_the_end() {
        let first = first_ratings(Rule::Last, Names::Texts, &mut Draws(35));
        let sandbox = fitted(&first, Rule::Last, "normalize = 'l2'");
        let line = |user: u64| Change::put(Names::Texts.user(user), Names::Texts.item(3), 4.0).json(false) + "\n";
        let input = sandbox.write("changes.log", line(1));
        let words = ["--input", "changes.log", "--state", "state", "--output", "told.jsonl"];
        let away = ["--publish", "postgres://ana@127.0.0.1:1/db"];
        let following = Following::start(&sandbox, &[&words[..], &away].concat());
        wait_until("the first batch", || n_batches(&sandbox.path("told.jsonl")) == 1);
        thread::sleep(Duration::from_millis(300));
        let mut file = OpenOptions::new().append(true).open(input).expect("a file");
        file.write_all(line(2).as_bytes()).expect("a line");
        wait_until("the second batch", || n_batches(&sandbox.path("told.jsonl")) == 2);
        let ended = following.terminate();
        assert_eq!(ended.code, 4, "{}", ended.stderr);
        assert!(ended.stderr.contains("following goes on"), "{}", ended.stderr);
        assert!(ended.stderr.lines().last().is_some_and(|line| line.contains("127.0.0.1:1/db")), "{}", ended.stderr);
        // Nothing is lost for one that can be reached.
        follow(&sandbox, &[&words[..], &["--publish", "shown", "--final", "final"]].concat());
        let version = whole_version(&sandbox).expect("a version");
        assert_eq!(placed(&version.join("memberships.parquet")), segments(&sandbox.path("final")));
    }
}
