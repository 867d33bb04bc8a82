//! Ratings and items in a database: a PostgreSQL server on loopback, over TLS, started by the test.
#![cfg(feature = "postgres")]

use std::collections::BTreeMap;

use crate::util::data::{Row, SMALL_JOB, delimited, small_ratings};
use crate::util::outputs::{assert_same_answer, ledger, titles};
use crate::util::postgres::{DATABASE, PASSWORD, Postgres, USER};
use crate::util::{Ran, Sandbox, cluster};

fn many_ratings() -> Vec<Row> {
    (0..200_000u32).map(|n| (n / 60 + 1, (n % 60) * (n / 60 % 7 + 1) + 1, f64::from(n * 7 % 9 + 2) / 2.0)).collect()
}

/// A server, and a folder to run segmill in.
struct Here {
    postgres: Postgres,
    sandbox: Sandbox,
}

impl Here {
    fn start() -> Option<Here> {
        Some(Here { postgres: Postgres::start_with_tls()?, sandbox: Sandbox::new() })
    }

    fn sql(&self, script: &str) -> String {
        self.postgres.psql(script).succeeded().stdout
    }

    /// The address of a table or query.
    fn address(&self, rows: &str) -> String {
        format!("postgres://{USER}@{}/{DATABASE}?{rows}", self.postgres.address)
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        let authority = self.postgres.authority.as_ref().and_then(|path| path.to_str()).expect("TLS is on");
        vec![("PGPASSWORD", PASSWORD), ("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", authority)]
    }

    fn run(&self, out: &str, rows: &str, keys: &str, words: &[&str]) -> Ran {
        self.sandbox.write("job.toml", self.job(rows, keys));
        self.sandbox.segmill_with(&self.variables(), &[&["run", "job.toml", "-o", out], words].concat())
    }

    fn job(&self, rows: &str, keys: &str) -> String {
        format!("[input]\nratings = \"\"\"{}\"\"\"\n{keys}\n{SMALL_JOB}", self.address(rows))
    }
}

/// Lines that COPY takes.
fn lines(rows: &[Row]) -> String {
    delimited(rows, None, "\t", "\n")
}

#[test]
fn tables_and_queries_give_the_answer_of_files_in_every_layout() {
    let Some(here) = Here::start() else { return };
    let rows = many_ratings();
    here.sandbox.write("r.csv", delimited(&rows, Some("user_id,movie_id,rating"), ",", "\n"));
    here.sandbox.run_to("csv", &format!("[input]\nratings = 'r.csv'\n{SMALL_JOB}"), &["-w", "1"]).succeeded();
    here.sql(&format!(
        "CREATE SCHEMA shop;
        CREATE TABLE shop.ratings (user_id int, movie_id bigint, rating real, at timestamptz DEFAULT now());
        COPY shop.ratings (user_id, movie_id, rating) FROM STDIN;
{}\\.
        CREATE TABLE parts (movie_id int, user_id int, rating numeric(3,1)) PARTITION BY RANGE (user_id);
        CREATE TABLE parts_b PARTITION OF parts FOR VALUES FROM (1000) TO (MAXVALUE);
        CREATE TABLE parts_a (rating numeric(3,1), user_id int, movie_id int);
        ALTER TABLE parts ATTACH PARTITION parts_a FOR VALUES FROM (MINVALUE) TO (1000);
        INSERT INTO parts SELECT movie_id, user_id, rating FROM shop.ratings;
        CREATE VIEW seen AS SELECT * FROM shop.ratings;
        CREATE TYPE mood AS ENUM ('a');
        ANALYZE;",
        lines(&rows)
    ));
    for (out, rows, keys, workers) in [
        ("table", "table=shop.ratings", "rating = 'rating'\nduplicates = 'error'", "1"),
        ("table-3", "table=shop.ratings", "rating = 'rating'\nduplicates = 'error'", "3"),
        ("partitions", "table=parts", "user = 'user_id'\nitem = 'movie_id'\nrating = 'rating'", "2"),
        ("view", "table=seen", "rating = 'rating'\nduplicates = 'error'", "2"),
        (
            "query",
            "query=SELECT user_id::text AS user_id, movie_id, rating::float8 FROM shop.ratings -- all\n;",
            "",
            "2",
        ),
        ("escaped", "query=SELECT%20user_id%2C%20movie_id%2C%20rating%20FROM%20shop.ratings", "", "1"),
        (
            "ordered",
            "query=SELECT user_id, movie_id, rating FROM shop.ratings ORDER BY movie_id, user_id",
            "duplicates = 'last'",
            "2",
        ),
    ] {
        let ran = here.run(out, rows, keys, &["-w", workers]).succeeded();
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(PASSWORD));
        assert_same_answer(&here.sandbox.path("csv"), &here.sandbox.path(out), out);
        assert_eq!(ledger(&here.sandbox.path(out)), [200_000, 200_000, 0, 0], "{out}");
        let record = std::fs::read_to_string(here.sandbox.path(out).join("run.json")).expect("run.json");
        assert!(!record.contains(PASSWORD) && record.contains("postgres://"), "{record}");
    }
    let seen = here
        .run("dry", "table=shop.ratings", "rating = 'rating'\nduplicates = 'error'", &["--dry-run"])
        .succeeded()
        .stdout;
    assert!(seen.contains("PostgreSQL, a table of about 200,000 rows, read over several connections"), "{seen}");
    let seen = here
        .run("dry", "query=SELECT user_id, movie_id, rating FROM shop.ratings", "", &["--dry-run"])
        .succeeded()
        .stdout;
    assert!(seen.contains("PostgreSQL, a query of about 200,000 rows, read over one connection"), "{seen}");
    let plan = here.sandbox.segmill_with(&here.variables(), &["plan", "job.toml"]).succeeded().stdout;
    assert!(!plan.is_empty());
}

#[test]
fn every_process_reads_the_state_that_the_run_began_with() {
    let Some(here) = Here::start() else { return };
    let rows = many_ratings();
    here.sql(&format!("CREATE TABLE r (u int, i int, r float8); COPY r FROM STDIN;\n{}\\.\n", lines(&rows)));
    let keys = "user = 'u'\nitem = 'i'\nrating = 'r'";
    here.run("alone", "table=r", keys, &["-w", "1"]).succeeded();
    // Somebody writes all the time.
    let writer = here
        .postgres
        .client()
        .args(["-q", "-c", "DO $$ BEGIN FOR n IN 1..100000 LOOP INSERT INTO r VALUES (n, -n, 1); COMMIT; PERFORM pg_sleep(0.001); END LOOP; END $$"])
        .stderr(std::process::Stdio::null())
        .spawn();
    let mut writer = writer.expect("psql starts");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let authority = here.postgres.authority.as_ref().expect("TLS is on").display().to_string();
    here.sandbox.write(
        "job.toml",
        here.job(&format!("sslmode=verify-full&sslrootcert={authority}&passfile=pgpass&table=r"), keys),
    );
    let (host, port) = here.postgres.address.split_once(':').expect("host and port");
    let pgpass = here.sandbox.write("pgpass", format!("{host}:{port}:*:{USER}:{PASSWORD}\n"));
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&pgpass, private).expect("the file is ours");
    for out in ["one", "two"] {
        for ran in cluster::run(&here.sandbox, &["run", "job.toml", "-o", out], 2, 2) {
            ran.succeeded();
        }
        let [read, accepted, ..] = ledger(&here.sandbox.path(out));
        assert!(read == accepted && read > rows.len() as u64, "{read}");
    }
    let _ = writer.kill();
    let _ = writer.wait();
}

#[test]
fn types_nulls_and_dirt_follow_the_rules_of_text() {
    let Some(here) = Here::start() else { return };
    here.sql(
        "CREATE TYPE mood AS ENUM ('happy', 'sad', 'calm', 'cross', 'glad');
        CREATE DOMAIN stars AS numeric CHECK (VALUE <> 99);
        CREATE TABLE t (u uuid, i mood, r stars, d date, s timestamp);
        INSERT INTO t SELECT gen_random_uuid(), (ARRAY['happy','sad','calm','cross','glad']::mood[])[1 + n % 5], n % 5 + 0.5, '2024-01-01'::date + n, now()
          FROM generate_series(1, 30) n;
        INSERT INTO t VALUES (NULL, 'sad', 1, '2024-01-01', now()), (gen_random_uuid(), NULL, 1, '2024-01-01', now()),
          (gen_random_uuid(), 'sad', NULL, '2024-01-01', now()), (gen_random_uuid(), 'sad', 'NaN', '2024-01-01', now()),
          (gen_random_uuid(), 'sad', -1, '2024-01-01', now()), (gen_random_uuid(), 'sad', 3, 'infinity', now());",
    );
    let keys = "user = 'u'\nitem = 'i'\nrating = 'r'\ntime = 'd'\non_bad = 'reject'\nmax_bad = 0.9\nduplicates = 'error'\n[filter]\nafter = '2024-01-02'";
    here.run("out", "table=t", keys, &["-w", "2"]).succeeded();
    let rejects = std::fs::read_to_string(here.sandbox.path("out/rejects.tsv")).expect("rejects");
    let mut codes = BTreeMap::new();
    rejects.lines().skip(1).for_each(|line| {
        *codes
            .entry(
                line.split('\t')
                    .find(|cell| cell.contains('_') && cell.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
                    .unwrap_or("NEGATIVE"),
            )
            .or_insert(0) += 1
    });
    assert_eq!(rejects.lines().count(), 7, "{rejects}");
    assert_eq!((codes["EMPTY_ID"], codes["BAD_TIME"]), (2, 1), "{rejects}");
    // Its number is that of its place, (0,31).
    assert!(rejects.contains("\t32\t31\tEMPTY_ID"), "{rejects}");
    let keys = keys.replace("on_bad = 'reject'\nmax_bad = 0.9\n", "");
    here.run("refused", "table=t", &keys, &["-w", "2"]).refused(3, &["in the row of t at ctid (0,", "; fix the row"]);
}

#[test]
fn a_second_row_is_shown_with_its_values() {
    let Some(here) = Here::start() else { return };
    let mut rows = small_ratings();
    rows.push(rows[7]);
    here.sql(&format!("CREATE TABLE r (u int, i int, r float8); COPY r FROM STDIN;\n{}\\.\n", lines(&rows)));
    let keys = "user = 'u'\nitem = 'i'\nrating = 'r'\nduplicates = 'error'\non_bad = 'reject'\nmax_bad = 0.5";
    here.run("out", "table=r", keys, &["-w", "2"]).succeeded();
    let rejects = std::fs::read_to_string(here.sandbox.path("out/rejects.tsv")).expect("rejects");
    let (user, item, rating) = rows[7];
    assert!(rejects.contains(&format!("{user},{item},{rating}")) && rejects.contains("DUPLICATE"), "{rejects}");
    here.run("last", "table=r", "user = 'u'\nitem = 'i'\nrating = 'r'\nduplicates = 'last'", &[])
        .refused(2, &["input.duplicates", "ORDER BY"]);
}

#[test]
fn items_come_from_a_table_too() {
    let Some(here) = Here::start() else { return };
    here.sql("CREATE TABLE items (id int, title text, genre text); INSERT INTO items SELECT n, 'Item ' || n, 'g' || n % 2 FROM generate_series(1, 8) n;");
    here.sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    let job = format!(
        "[input]\nratings = 'r.csv'\n[input.items]\npath = \"{}\"\nid = 'id'\ntitle = 'title'\nmetadata = ['genre']\n{SMALL_JOB}",
        here.address("table=items")
    );
    here.sandbox.write("job.toml", job);
    here.sandbox.segmill_with(&here.variables(), &["run", "job.toml", "-o", "out"]).succeeded();
    let titles = titles(&here.sandbox.path("out"));
    assert!(titles.len() == 8 && titles.iter().all(|(id, title)| *title == format!("Item {id}")), "{titles:?}");
}

#[test]
fn what_goes_wrong_is_said_in_a_line_without_a_secret() {
    let Some(here) = Here::start() else { return };
    here.sql("CREATE TABLE r (u int, i int, r float8, l int[]); INSERT INTO r VALUES (1, 2, 3, NULL);");
    let keys = "user = 'u'\nitem = 'i'\nrating = 'r'";
    for (rows, keys, parts) in [
        ("table=nothing", keys, ["input.ratings", "there is no table called nothing"]),
        ("query=SELEC u FROM r", keys, ["the server refuses it", "syntax error"]),
        ("query=SELECT u, i, r FROM missing", keys, ["the server refuses it", "\"missing\" does not exist"]),
        ("query=SELECT u, i, 1/(u-1) AS r FROM r", keys, ["cannot read on", "division by zero"]),
        ("table=r", "user = 'who'\nitem = 'i'\nrating = 'r'", ["input.user", "the columns are u, i, r, l"]),
        ("table=r", "user = 'l'\nitem = 'i'\nrating = 'r'", ["input.user", "holds lists or groups"]),
        ("sslmode=disable&table=r", keys, ["cannot connect", "no encryption"]),
        ("query=DELETE FROM r RETURNING u, i, r", keys, ["the server refuses it", "syntax error"]),
        ("nothing=1", keys, ["input.ratings", "names no table and no query"]),
    ] {
        let ran = here.run("out", rows, keys, &[]);
        assert!(!ran.stderr.contains(PASSWORD) && (2..=4).contains(&ran.code), "{}", ran.stderr);
        let code = ran.code;
        ran.refused(code, &parts);
    }
    here.sandbox
        .write("job.toml", here.job("table=r", keys).replace(&format!("{USER}@"), &format!("{USER}:{PASSWORD}@")));
    let ran = here.sandbox.segmill_with(&here.variables(), &["run", "job.toml", "-o", "out"]);
    assert!(!ran.stderr.contains(PASSWORD), "{}", ran.stderr);
    ran.refused(2, &["input.ratings", "password"]);
    assert_eq!(here.sql("SELECT count(*) FROM r"), "1\n");
}
