//! `segmill publish` with the real binary, a real PostgreSQL over TLS, and a folder: what is published is what `segments.parquet` has,
//! only differences follow, kills at any moment leave no trace, and readers never see a half.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

#[cfg(feature = "postgres")]
use crate::util::Ran;
use crate::util::draws::Draws;
use crate::util::outputs::{parquet_rows, segments};
#[cfg(feature = "postgres")]
use crate::util::postgres::{DATABASE, PASSWORD, Postgres, USER};
use crate::util::{ENVIRONMENT, Sandbox};

const N_KILLS: u64 = 50;
const FIRST: usize = 1500;
const SECOND: usize = 1540;

const STAGES: &str = "
[matrix]
normalize = 'l2'
[pca]
components = 6
[kmeans]
clusters = 6
n_init = 1
[sweep]
clusters = []
[validate]
folds = 2
[evidence]
enabled = false
";

/// Where every user is.
type Placed = BTreeMap<String, u32>;

/// A user who went: publication, user, from, to.
type Gone = (u64, String, Option<u32>, Option<u32>);

/// Two months of the same users, of whom a tenth changes taste, some leave and some are new; and a run that goes on from neither.
fn months() -> &'static Sandbox {
    static MONTHS: OnceLock<Sandbox> = OnceLock::new();
    MONTHS.get_or_init(|| {
        let sandbox = Sandbox::new();
        for (month, users) in [("0", FIRST), ("1", SECOND)] {
            let users = users.to_string();
            let size = "--items 120 --ratings-per-user 25 --segments 6 --affinity 0.9 --seed 4";
            let words: Vec<&str> =
                ["generate", "--users", &users, "--month", month].into_iter().chain(size.split(' ')).collect();
            sandbox.segmill(&[&words[..], &["-o", &format!("{month}.csv"), "-q"]].concat()).succeeded();
        }
        let stays = |row: &&str| !row.starts_with("7,") && !row.starts_with("8,");
        let rows = std::fs::read_to_string(sandbox.path("1.csv")).expect("ratings");
        sandbox.write("1.csv", rows.lines().filter(stays).map(|row| format!("{row}\n")).collect::<String>());
        let text: String = rows.lines().map(|row| format!("u{row}\n")).collect();
        sandbox.write("text.csv", text.replace("uuser", "user"));
        let job = |ratings: &str| format!("[input]\nratings = ['{ratings}']\n{STAGES}");
        sandbox.run_to("first", &job("0.csv"), &["-q"]).succeeded();
        let compare = "[compare]\nprevious = 'first'\n";
        sandbox.run_to("second", &(job("1.csv") + compare), &["-q"]).succeeded();
        sandbox.run_to("stranger", &job("1.csv"), &["-q", "--set", "seed=9"]).succeeded();
        sandbox.run_to("text", &job("text.csv"), &["-q"]).succeeded();
        sandbox
    })
}

/// Somewhere to publish, and what is there.
trait Target: Sync {
    fn words(&self) -> Vec<String>;

    fn memberships(&self) -> BTreeMap<String, (u32, String)>;

    /// Name and size by number.
    fn segments(&self) -> Vec<(String, u64)>;

    fn changes(&self) -> Vec<Gone>;

    fn n_publications(&self) -> u64;

    /// What one reader sees at once: the sum of the sizes, members, and users by the record of the publication, if there is any.
    fn glimpse(&self) -> Option<[u64; 3]>;

    fn placed(&self) -> Placed {
        self.memberships().into_iter().map(|(user, (segment, _))| (user, segment)).collect()
    }
}

fn publish(target: &dyn Target, run: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segmill"));
    ENVIRONMENT.iter().for_each(|name| _ = command.env_remove(name));
    command.current_dir(months().path("")).args(["publish", run]).args(target.words()).args(more);
    #[cfg(feature = "postgres")]
    command.env("PGPASSWORD", PASSWORD);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[track_caller]
fn published(target: &dyn Target, run: &str, more: &[&str]) -> String {
    let output = publish(target, run, more).output().expect("segmill starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The target has the run, row by row.
#[track_caller]
fn assert_has(target: &dyn Target, run: &str) {
    let out = months().path(run);
    let expected = segments(&out);
    assert_eq!(target.placed(), expected, "{run}");
    let manifest = std::fs::read_to_string(out.join("model/model.json")).expect("the manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let named = manifest["segments"].as_array().expect("segments").iter();
    let named: Vec<(String, u64)> =
        named.map(|s| (s["name"].as_str().expect("a name").into(), s["size"].as_u64().expect("a size"))).collect();
    assert_eq!(target.segments(), named, "{run}");
    assert_eq!(named.iter().map(|(_, size)| size).sum::<u64>(), expected.len() as u64);
}

/// The changes of one publication, made to what was there before it.
#[track_caller]
fn applied(before: &Placed, changes: &[Gone], publication: u64) -> Placed {
    let mut placed = before.clone();
    for (_, user, from, to) in changes.iter().filter(|change| change.0 == publication) {
        assert_eq!(placed.remove(user), *from, "{user}");
        to.iter().for_each(|&to| _ = placed.insert(user.clone(), to));
    }
    placed
}

fn differences(target: &dyn Target, fresh: &dyn Target) {
    assert!(published(target, "first", &[]).contains("1,500 users, publication 1"));
    assert_has(target, "first");
    assert_eq!(target.changes(), []);
    assert!(published(target, "first", &[]).contains("has this run already"));
    assert_eq!(target.n_publications(), 1);
    let (first, since) = (target.placed(), target.memberships());
    published(target, "second", &[]);
    assert_has(target, "second");
    let changes = target.changes();
    assert_eq!(applied(&first, &changes, 2), target.placed());
    // Who left, who came, who moved; nobody else.
    let kinds = |kind: &dyn Fn(&Gone) -> bool| changes.iter().filter(|change| kind(change)).count();
    assert_eq!(kinds(&|change| change.3.is_none()), 2);
    assert_eq!(kinds(&|change| change.2.is_none()), SECOND - FIRST);
    assert!(kinds(&|change| change.2.is_some() && change.3.is_some()) > 20, "{changes:?}");
    for (user, (segment, time)) in target.memberships() {
        let stayed = since.get(&user).filter(|(before, _)| *before == segment);
        let is_change = changes.iter().any(|change| change.1 == user);
        assert_eq!(stayed.is_none(), is_change, "{user}");
        assert!(stayed.is_none_or(|(_, before)| *before == time), "{user} has stayed");
        assert!(is_change || since.values().any(|(_, before)| *before == time));
    }
    // Published at once, it is the same but for the times and the changes.
    published(fresh, "second", &[]);
    assert_eq!((fresh.placed(), fresh.segments()), (target.placed(), target.segments()));
    assert_eq!(fresh.changes(), []);
    // Back again.
    published(target, "first", &[]);
    assert_has(target, "first");
    assert_eq!(applied(&fresh.placed(), &target.changes(), 3), first);
    // Other segments.
    let refused = publish(target, "stranger", &[]).output().expect("segmill starts");
    let line = String::from_utf8_lossy(&refused.stderr);
    assert_eq!((refused.status.code(), line.lines().count()), (Some(2), 1), "{line}");
    assert!(line.contains("--to: ") && line.contains("compare.previous") && line.contains("--new-segments"), "{line}");
    assert_has(target, "first");
    published(target, "stranger", &["--new-segments"]);
    assert_has(target, "stranger");
    assert_eq!(applied(&first, &target.changes(), 4), target.placed());
    let everybody: BTreeMap<String, ()> =
        target.changes().into_iter().filter(|change| change.0 == 4).map(|change| (change.1, ())).collect();
    assert_eq!(everybody.len(), FIRST + (SECOND - FIRST), "whoever was there or is");
    // Ids that are text from now on.
    published(target, "text", &["--new-segments"]);
    assert_has(target, "text");
}

/// 50 processes are killed while they publish one run or the other; others read all the while.
fn kills(target: &dyn Target) {
    published(target, "first", &[]);
    let started = Instant::now();
    published(target, "second", &[]);
    let whole = started.elapsed();
    let (over, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut cut = 0;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let [sizes, members, users] = target.glimpse().expect("something is published");
                    assert!(sizes == members && members == users, "{sizes} {members} {users}");
                    assert!([FIRST as u64, SECOND as u64 - 2].contains(&users), "{users}");
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut draws = Draws(8);
        for kill in 0..N_KILLS {
            let run = ["first", "second"][kill as usize % 2];
            let mut child: Child = publish(target, run, &[]).spawn().expect("segmill starts");
            thread::sleep(Duration::from_micros(draws.below(whole.as_micros() as u64)));
            cut += u64::from(child.try_wait().expect("a process").is_none());
            child.kill().ok();
            child.wait().expect("a process");
            published(target, run, &[]);
            assert_has(target, run);
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(cut >= N_KILLS / 3, "only {cut} were still at work");
    assert!(seen.load(Ordering::Relaxed) > 20);
    // As if nobody had been killed: a publication for each time that the run was another one.
    assert_eq!(target.n_publications(), 2 + N_KILLS);
    let mut placed = segments(&months().path("first"));
    let changes = target.changes();
    for publication in 2..=target.n_publications() {
        placed = applied(&placed, &changes, publication);
        let run = ["first", "second"][(publication as usize + 1) % 2];
        assert_eq!(placed, segments(&months().path(run)), "publication {publication}");
    }
}

/// A folder to publish in.
struct Folder(PathBuf);

impl Folder {
    fn called(name: &str) -> Folder {
        Folder(months().path(name))
    }

    fn version(&self) -> Option<PathBuf> {
        Some(self.0.join(std::fs::read_link(self.0.join("current")).ok()?))
    }
}

fn record(version: &Path) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(version.join("publication.json")).ok()?).ok()
}

impl Target for Folder {
    fn words(&self) -> Vec<String> {
        vec!["--to".into(), self.0.display().to_string()]
    }

    fn memberships(&self) -> BTreeMap<String, (u32, String)> {
        let rows = parquet_rows(&self.version().expect("a version").join("memberships.parquet"));
        let row = |row: &BTreeMap<String, String>| (row["segment"].parse().expect("a segment"), row["since"].clone());
        rows.iter().map(|of_user| (of_user["user"].clone(), row(of_user))).collect()
    }

    fn segments(&self) -> Vec<(String, u64)> {
        let rows = parquet_rows(&self.version().expect("a version").join("segments.parquet"));
        let profile = |row: &BTreeMap<String, String>| serde_json::from_str::<Value>(&row["profile"]).expect("JSON");
        assert!(rows.iter().all(|row| profile(row)["items"][0]["rank"] == 1));
        rows.iter().map(|row| (row["name"].clone(), row["size"].parse().expect("a size"))).collect()
    }

    fn changes(&self) -> Vec<Gone> {
        let folder = self.version().expect("a version").join("changes");
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut changes: Vec<Gone> = entries
            .flat_map(|part| parquet_rows(&part))
            .map(|row| {
                let segment = |text: &str| (!text.is_empty()).then(|| text.parse().expect("a segment"));
                let publication = row["publication"].parse().expect("a number");
                (publication, row["user"].clone(), segment(&row["from"]), segment(&row["to"]))
            })
            .collect();
        changes.sort();
        changes
    }

    fn n_publications(&self) -> u64 {
        record(&self.version().expect("a version")).expect("a record")["publication"].as_u64().expect("a number")
    }

    fn glimpse(&self) -> Option<[u64; 3]> {
        // A reader who is slow begins again: the version may be gone.
        for _ in 0..100 {
            let version = self.version()?;
            let files = ["segments.parquet", "memberships.parquet"].map(|name| std::fs::File::open(version.join(name)));
            let [Ok(_segments), Ok(_memberships)] = files else { continue };
            let Some(record) = record(&version) else { continue };
            let read = std::panic::catch_unwind(|| {
                let sizes = parquet_rows(&version.join("segments.parquet"));
                let members = parquet_rows(&version.join("memberships.parquet")).len() as u64;
                [sizes.iter().map(|row| row["size"].parse::<u64>().expect("a size")).sum(), members]
            });
            match read {
                Ok([sizes, members]) => return Some([sizes, members, record["users"].as_u64().expect("a number")]),
                Err(_) if !version.exists() => {}
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        panic!("no version stays long enough")
    }
}

#[test]
fn a_folder_gets_a_run_and_then_what_differs() {
    differences(&Folder::called("shown"), &Folder::called("fresh"));
    let versions = std::fs::read_dir(months().path("shown/versions")).expect("versions").count();
    assert_eq!(versions, 3, "older ones are gone");
}

#[test]
fn a_folder_is_whole_whenever_publishers_are_killed() {
    kills(&Folder::called("killed"));
}

#[test]
fn what_cannot_be_published_is_refused_in_one_line() {
    let sandbox = months();
    let publish = |words: &[&str]| sandbox.segmill(&[&["publish"], words].concat());
    publish(&["first", "--to", "first"]).refused(4, &["first", "which no publication has"]);
    publish(&["0.csv", "--to", "x"]).refused(4, &["run.json", "finished run"]);
    publish(&["first", "--to", "https://example.com/x"]).refused(2, &["--to", "neither a database nor a folder"]);
    publish(&["first", "--to", "x", "--schema", "y"]).refused(2, &["--schema"]);
    assert_eq!(publish(&["first"]).code, 2);
    let with_password = publish(&["first", "--to", "postgres://ana:geheim@127.0.0.1:1/db"]);
    assert!(!with_password.stderr.contains("geheim"), "{}", with_password.stderr);
    with_password.refused(2, &["--to"]);
    #[cfg(feature = "postgres")]
    publish(&["first", "--to", "postgres://ana@127.0.0.1:1/db"]).refused(4, &["ana@127.0.0.1:1/db", "refused"]);
    #[cfg(not(feature = "postgres"))]
    publish(&["first", "--to", "postgres://ana@127.0.0.1:1/db"]).refused(2, &["--to", "--features postgres"]);
    assert!(!sandbox.path("x").exists());
}

#[cfg(feature = "postgres")]
mod database {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A schema of the server that all tests here share.
    struct Schema<'a>(&'a Postgres, &'a str);

    fn address(server: &Postgres, more: &str) -> String {
        let authority = server.authority.as_ref().expect("TLS").display();
        format!("postgres://{USER}@{}/{DATABASE}?sslmode=verify-full&sslrootcert={authority}{more}", server.address)
    }

    impl Schema<'_> {
        fn rows(&self, query: &str) -> Vec<Vec<String>> {
            // Several readers at once: each has a process, and no file in common.
            let query = query.replace("SCHEMA", self.1);
            let said = self.0.client().args(["-qAtX", "-F", "\t", "-c", &query]).output().expect("psql starts");
            let said = Ran::from(said);
            assert_eq!(said.code, 0, "{}", said.stderr);
            said.stdout.lines().map(|line| line.split('\t').map(str::to_string).collect()).collect()
        }
    }

    fn number<T: std::str::FromStr>(text: &str) -> T {
        text.parse().ok().unwrap_or_else(|| panic!("{text:?} is no number"))
    }

    impl Target for Schema<'_> {
        fn words(&self) -> Vec<String> {
            ["--to", &address(self.0, ""), "--schema", self.1].map(String::from).to_vec()
        }

        fn memberships(&self) -> BTreeMap<String, (u32, String)> {
            let rows = self.rows(r#"SELECT "user", segment, since FROM SCHEMA.memberships"#);
            rows.into_iter().map(|row| (row[0].clone(), (number(&row[1]), row[2].clone()))).collect()
        }

        fn segments(&self) -> Vec<(String, u64)> {
            let rows = self
                .rows("SELECT number, name, size, profile->'items'->0->>'rank' FROM SCHEMA.segments ORDER BY number");
            assert!(rows.iter().enumerate().all(|(at, row)| row[0] == at.to_string() && row[3] == "1"), "{rows:?}");
            rows.into_iter().map(|row| (row[1].clone(), number(&row[2]))).collect()
        }

        fn changes(&self) -> Vec<Gone> {
            let segment = |text: &str| (!text.is_empty()).then(|| number(text));
            let rows = self.rows(r#"SELECT publication, "user", "from", "to" FROM SCHEMA.changes"#);
            let mut changes: Vec<Gone> =
                rows.iter().map(|row| (number(&row[0]), row[1].clone(), segment(&row[2]), segment(&row[3]))).collect();
            changes.sort();
            changes
        }

        fn n_publications(&self) -> u64 {
            number(&self.rows("SELECT max(publication) FROM SCHEMA.publications")[0][0])
        }

        fn glimpse(&self) -> Option<[u64; 3]> {
            let rows = self.rows(
                "SELECT (SELECT sum(size) FROM SCHEMA.segments), (SELECT count(*) FROM SCHEMA.memberships),
                 (SELECT users FROM SCHEMA.publications ORDER BY publication DESC LIMIT 1)",
            );
            Some([0, 1, 2].map(|column: usize| number(&rows[0][column])))
        }
    }

    #[test]
    fn a_database_gets_a_run_and_then_what_differs() {
        let Some(server) = Postgres::start_with_tls() else { return };
        differences(&Schema(&server, "shown"), &Schema(&server, "fresh"));
        let encrypted = "SELECT count(*) > 0 FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()";
        assert_eq!(server.psql(encrypted).stdout.trim(), "t");
    }

    #[test]
    fn a_database_is_whole_whenever_publishers_are_killed() {
        let Some(server) = Postgres::start_with_tls() else { return };
        kills(&Schema(&server, "killed"));
    }

    #[test]
    fn two_publishers_wait_for_each_other() {
        let Some(server) = Postgres::start_with_tls() else { return };
        let target = Schema(&server, "shared");
        let children: Vec<Child> = (0..6)
            .map(|at| publish(&target, ["first", "second"][at % 2], &[]).spawn().expect("segmill starts"))
            .collect();
        for child in children {
            let output = child.wait_with_output().expect("a process");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let [sizes, members, users] = target.glimpse().expect("something");
        assert!(sizes == members && members == users && target.n_publications() >= 2);
    }

    #[test]
    fn a_server_has_to_be_who_it_says_and_secrets_stay_secret() {
        let Some(server) = Postgres::start_with_tls() else { return };
        let sandbox = months();
        let secret = [("PGPASSWORD", PASSWORD)];
        let publish = |variables: &[(&str, &str)], address: &str| {
            sandbox.segmill_with(variables, &["publish", "first", "--to", address, "--schema", "secrets"])
        };
        // Another authority; another name; no TLS.
        let other = sandbox.path("other.crt");
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x -days 2 -keyout";
        let made = Command::new("openssl")
            .args(words.split(' '))
            .arg(sandbox.path("other.key"))
            .arg("-out")
            .arg(&other)
            .output();
        assert!(made.expect("openssl starts").status.success());
        let at = format!("postgres://{USER}@{}/{DATABASE}", server.address);
        for mode in ["require", "verify-ca", "verify-full"] {
            publish(&secret, &format!("{at}?sslmode={mode}&sslrootcert={}", other.display()))
                .refused(4, &[&server.address, "certificate", "sslrootcert"]);
        }
        publish(&secret, &format!("{at}?sslmode=verify-full")).refused(2, &["--to", "sslrootcert"]);
        publish(&secret, &format!("{at}?sslmode=disable")).refused(4, &["pg_hba.conf"]);
        // 127.0.0.2 is loopback too, but not in the certificate, and the server does not listen there: the name is checked by localhost.
        let named = address(&server, "").replace("127.0.0.1", "localhost");
        publish(&secret, &named).succeeded();
        publish(&secret, &format!("{at}?sslmode=require")).succeeded();
        // Passwords.
        publish(&[("PGPASSWORD", "geheim")], &address(&server, "")).refused(4, &["28P01", "PGPASSWORD"]);
        let home = [("HOME", sandbox.path("").to_str().expect("text").to_string())];
        let home = home.each_ref().map(|(name, value)| (*name, value.as_str()));
        publish(&home, &address(&server, "")).refused(4, &["wants a password", ".pgpass"]);
        let passfile = sandbox.write(".pgpass", format!("*:*:*:*:{PASSWORD}\n"));
        std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o644)).expect("a file");
        publish(&home, &address(&server, "")).refused(4, &["chmod 600"]);
        std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o600)).expect("a file");
        publish(&home, &address(&server, "")).succeeded();
        let named = format!("postgres://{USER}:{PASSWORD}@{}/{DATABASE}", server.address);
        let refused = publish(&[], &named);
        assert!(!refused.stderr.contains(PASSWORD));
        refused.refused(2, &["PGPASSWORD", ".pgpass"]);
        let run = std::fs::read_to_string(sandbox.path("first/run.json")).expect("a record");
        assert!(!run.contains(PASSWORD));
    }
}
