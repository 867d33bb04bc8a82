//! Two months of planted data, of whose users a known tenth changes taste and in whose second a segment is born: whether the
//! segments are matched, the movers told, and what is wrong with an earlier run said in one line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::util::outputs::{assert_same_answer, csv_records, digests, parquet_rows, run_json, segments};
use crate::util::{Sandbox, cluster};

const SIZE: [&str; 12] = [
    "--items",
    "600",
    "--ratings-per-user",
    "60",
    "--segments",
    "8",
    "--born",
    "1",
    "--affinity",
    "0.9",
    "--seed",
    "4",
];

const STAGES: &str = "
[matrix]
normalize = 'l2'
[kmeans]
n_init = 4
[sweep]
clusters = []
[evidence]
enabled = false
";

/// Users of the first month alone, and of the second alone.
const GONE: usize = 40;
const NEW: usize = 100;

/// What a person has called segment 2 of the first month.
const NAME: &str = "Night owls & <b>\"others\"</b>";

/// The first month, fitted and a segment named, and the second month's ratings.
struct Months {
    sandbox: Sandbox,
}

fn job(ratings: &str, clusters: usize, rest: &str) -> String {
    format!("[input]\nratings = ['{ratings}']\n{STAGES}{rest}")
        .replace("n_init", &format!("clusters = {clusters}\nn_init"))
}

fn second(rest: &str) -> String {
    job("second.csv", 9, &format!("[compare]\nprevious = 'first'\n{rest}"))
}

impl Months {
    /// Made once for all tests.
    fn get() -> &'static Months {
        static MONTHS: OnceLock<Months> = OnceLock::new();
        MONTHS.get_or_init(Months::new)
    }

    fn new() -> Months {
        let sandbox = Sandbox::new();
        generate(&sandbox, &["--users", "6000", "--month", "0", "-o", "first.csv"]);
        let users = (6000 + NEW).to_string();
        generate(&sandbox, &["--users", &users, "--month", "1", "-o", "second.csv"]);
        let rows = std::fs::read_to_string(sandbox.path("second.csv")).expect("ratings");
        let stays = |row: &&str| row.split(',').next().is_some_and(|user| user.parse().unwrap_or(usize::MAX) > GONE);
        sandbox.write("second.csv", rows.lines().filter(stays).map(|row| format!("{row}\n")).collect::<String>());
        sandbox.run_to("first", &job("first.csv", 8, ""), &["-q"]).succeeded();
        rename(&sandbox.path("first"), 2, NAME);
        sandbox.run_to("second", &second(""), &["-w", "1", "-q"]).succeeded();
        Months { sandbox }
    }

    fn out(&self) -> PathBuf {
        self.sandbox.path("second")
    }

    fn continuity(&self) -> Value {
        run_json(&self.out())["continuity"].clone()
    }

    /// The planted segment of each user.
    fn planted(&self, month: &str) -> BTreeMap<String, u32> {
        let records = csv_records(&self.sandbox.path(&format!("{month}.labels.csv")));
        records.iter().map(|row| (row["user"].clone(), row["segment"].parse().expect("a segment"))).collect()
    }

    /// For each segment of a month, the planted one that most of its users have.
    fn tastes(&self, month: &str) -> Vec<u32> {
        let planted = self.planted(month);
        let mut counts: BTreeMap<(u32, u32), usize> = BTreeMap::new();
        for (user, segment) in segments(&self.sandbox.path(month)) {
            *counts.entry((segment, planted[&user])).or_default() += 1;
        }
        let most = |segment: u32| counts.iter().filter(|((s, _), _)| *s == segment).max_by_key(|(_, n)| **n);
        (0..).map_while(|segment| Some(most(segment)?.0.1)).collect()
    }
}

fn generate(sandbox: &Sandbox, words: &[&str]) {
    sandbox.segmill(&[&["generate", "-q"], &SIZE[..], words].concat()).succeeded();
}

/// What a person does with an editor.
fn rename(out: &Path, segment: usize, name: &str) {
    let file = out.join("model/model.json");
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&file).expect("model.json")).expect("JSON");
    manifest["segments"][segment]["name"] = name.into();
    std::fs::write(&file, serde_json::to_vec_pretty(&manifest).expect("JSON")).expect("model.json");
}

fn names(out: &Path) -> Vec<String> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(out.join("model/model.json")).unwrap()).unwrap();
    manifest["segments"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap().to_string()).collect()
}

fn count(value: &Value) -> usize {
    value.as_u64().expect("a count") as usize
}

/// Precision and recall.
fn found<'a>(found: &BTreeSet<&'a str>, wanted: &BTreeSet<&'a str>) -> (f64, f64) {
    let both = found.intersection(wanted).count() as f64;
    (both / found.len() as f64, both / wanted.len() as f64)
}

// ---- what must be found --------------------------------------------------------------------------------------

#[test]
fn segments_keep_their_numbers_and_names_and_the_born_one_is_told() {
    let months = Months::get();
    let (before, now) = (months.tastes("first"), months.tastes("second"));
    assert_eq!((before.len(), now.len()), (8, 9));
    assert_eq!(now[..8], before, "a segment with the same number has the same taste");
    assert_eq!(now[8], 8, "the born one has the free number");
    let told = months.continuity();
    for segment in 0..8 {
        let now = &told["segments"][segment];
        assert_eq!((&now["origin"], count(&now["earlier"])), (&"kept".into(), segment));
        let then = &told["earlier"][segment];
        assert_eq!((&then["fate"], &then["now"]), (&"kept".into(), &vec![segment].into()));
    }
    let born = &told["segments"][8];
    assert_eq!((&born["origin"], &born["earlier"], count(&born["stayed"])), (&"born".into(), &Value::Null, 0));
    let (planted, fitted) = (months.planted("second"), segments(&months.out()));
    let members: BTreeSet<&str> = fitted.iter().filter(|(_, s)| **s == 8).map(|(user, _)| user.as_str()).collect();
    let wanted: BTreeSet<&str> = fitted.keys().filter(|user| planted[*user] == 8).map(|user| user.as_str()).collect();
    let (precision, recall) = found(&members, &wanted);
    assert!(precision >= 0.9 && recall >= 0.9, "precision {precision}, recall {recall}");
    let names = names(&months.out());
    assert_eq!((names[2].as_str(), told["earlier"][2]["name"].as_str()), (NAME, Some(NAME)));
    assert_eq!(names[5], self::names(&months.sandbox.path("first"))[5]);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 9, "no two alike: {names:?}");
}

#[test]
fn the_movers_are_those_who_changed_taste() {
    let months = Months::get();
    let (before, now) = (months.planted("first"), months.planted("second"));
    let fitted = segments(&months.out());
    let both: Vec<&String> = fitted.keys().filter(|user| before.contains_key(*user)).collect();
    let wanted: BTreeSet<&str> =
        both.iter().filter(|user| before[**user] != now[**user]).map(|user| user.as_str()).collect();
    assert!((500..700).contains(&wanted.len()), "{}", wanted.len());
    let rows = parquet_rows(&months.out().join("moves.parquet"));
    let moved: BTreeSet<&str> = rows.iter().map(|row| row["user"].as_str()).collect();
    let (precision, recall) = found(&moved, &wanted);
    assert!(precision >= 0.9 && recall >= 0.9, "precision {precision}, recall {recall}");
    let told = months.continuity();
    let first = segments(&months.sandbox.path("first"));
    let names = names(&months.out());
    for row in &rows {
        assert_eq!((&row["from"], &row["to"]), (&first[&row["user"]].to_string(), &fitted[&row["user"]].to_string()));
        let (from, to): (usize, usize) = (row["from"].parse().unwrap(), row["to"].parse().unwrap());
        assert_eq!(row["from_name"], told["earlier"][from]["name"].as_str().unwrap());
        assert_eq!(row["to_name"], names[to]);
        assert!((0.2..=1.0).contains(&row["margin"].parse::<f64>().unwrap()));
    }
    assert_eq!((rows.len(), both.len()), (count(&told["moved"]), count(&told["users"])));
    assert_eq!((count(&told["gone_users"]), count(&told["new_users"])), (GONE, NEW));
    for segment in 0..9 {
        let parts = ["stayed", "crossed", "arrived", "new_users"].map(|key| count(&told["segments"][segment][key]));
        let size = fitted.values().filter(|s| **s == segment as u32).count();
        assert_eq!(parts.iter().sum::<usize>(), size, "{segment}: {parts:?}");
    }
    let flows = told["flows"].as_array().unwrap();
    assert_eq!(flows.iter().map(|flow| count(&flow["users"])).sum::<usize>(), rows.len());
    assert!(flows.windows(2).all(|pair| count(&pair[0]["users"]) >= count(&pair[1]["users"])));
}

#[test]
fn what_drove_them_is_the_taste_of_where_they_went() {
    let months = Months::get();
    let tastes = months.tastes("second");
    let items = csv_records(&months.sandbox.path("second.items.csv"));
    let theme: BTreeMap<&str, &str> = items.iter().map(|row| (row["item"].as_str(), row["theme"].as_str())).collect();
    // The theme of a segment is that of most items at the top of its profile.
    let top = parquet_rows(&months.out().join("profiles.parquet"));
    let theme_of = |segment: usize| {
        let first = top.iter().find(|row| row["segment"] == segment.to_string()).expect("a profile");
        theme[first["item"].as_str()]
    };
    let told = months.continuity();
    let mut driven = 0;
    for flow in told["flows"].as_array().unwrap().iter().take(20) {
        let first = &flow["items"][0];
        assert!(first["moved"].as_f64() > first["stayed"].as_f64(), "{first}");
        driven += usize::from(theme[first["item"].as_str().unwrap()] == theme_of(count(&flow["to"])));
        assert!(flow["items"].as_array().unwrap().len() <= 5);
    }
    assert!(driven >= 18, "{driven} of 20 flows are driven by the taste of where they went: {tastes:?}");
    let report = std::fs::read_to_string(months.out().join("report.html")).expect("a report");
    assert!(report.contains("id=\"chart-flows\"") && report.contains("<b>8 · "));
    assert!(report.contains("Night owls &amp; &lt;b&gt;") && !report.contains("Night owls & <b>"));
}

#[test]
fn the_comparison_has_the_same_bits_in_every_layout() {
    let months = Months::get();
    let continuity = months.continuity();
    for (processes, workers) in [(1, 2), (1, 3), (2, 1)] {
        let what = format!("{processes} processes of {workers} workers");
        let out = format!("again-{processes}-{workers}");
        months.sandbox.write(&format!("{out}.toml"), second(""));
        let job = format!("{out}.toml");
        for ran in cluster::run(&months.sandbox, &["run", &job, "-q", "-o", &out], processes, workers) {
            assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
        }
        let out = months.sandbox.path(&out);
        assert_same_answer(&months.out(), &out, &what);
        assert_eq!(run_json(&out)["continuity"], continuity, "{what}");
    }
    assert!(digests(&months.out()).contains_key("moves"));
}

#[test]
fn compared_with_itself_nobody_moves() {
    let months = Months::get();
    let job = job("first.csv", 8, "[compare]\nprevious = 'first'\n");
    months.sandbox.write("itself.toml", job);
    months.sandbox.segmill(&["run", "itself.toml", "-o", "itself", "-q"]).succeeded();
    let (first, itself) = (months.sandbox.path("first"), months.sandbox.path("itself"));
    let told = run_json(&itself)["continuity"].clone();
    assert_eq!((count(&told["moved"]), count(&told["crossed"]), count(&told["users"])), (0, 0, 6000));
    assert!(told["flows"].as_array().unwrap().is_empty());
    assert!(parquet_rows(&itself.join("moves.parquet")).is_empty());
    let (mut same, mut now) = (digests(&first), digests(&itself));
    assert!(now.remove("moves").is_some() && same.remove("moves").is_none());
    // The profiles name a segment as it was named after the first run.
    assert!(now.remove("profiles") != same.remove("profiles"));
    assert_eq!(now, same);
    assert_eq!(names(&itself), names(&first));
}

/// Text ids, other items, fewer segments than before: all users are found, and numbers past the last are given up.
#[test]
fn text_ids_and_fewer_segments_are_matched_too() {
    let sandbox = Sandbox::new();
    let rows = |taste: &dyn Fn(usize) -> usize, prefix: &str| -> String {
        let of_user = |user: usize| {
            let item = move |i: usize| format!("{prefix}{}", 10 * taste(user) + (user + i) % 10);
            (0..6).map(move |i| format!("{}{user},{}\n", if user.is_multiple_of(3) { "" } else { "u" }, item(i)))
        };
        (0..300).flat_map(|user| of_user(user).collect::<Vec<_>>()).collect()
    };
    // Five tastes, then four: the users of taste 3 have taken to taste 0.
    sandbox.write("a.csv", rows(&|user| user % 5, "i"));
    sandbox.write("b.csv", rows(&|user| if user % 5 == 3 { 0 } else { user % 5 }, "i"));
    let input = |file: &str, clusters: usize, rest: &str| {
        job(file, clusters, &format!("[pca]\ncomponents = 4\n{rest}"))
            .replace("[matrix]", "header = false\nrating = false\n[matrix]")
    };
    sandbox.run_to("a", &input("a.csv", 5, ""), &["-q"]).succeeded();
    sandbox.run_to("b", &input("b.csv", 4, "[compare]\nprevious = 'a'\n"), &["-w", "2", "-q"]).succeeded();
    let (before, now) = (segments(&sandbox.path("a")), segments(&sandbox.path("b")));
    let told = run_json(&sandbox.path("b"))["continuity"].clone();
    assert_eq!((count(&told["users"]), count(&told["moved"])), (300, 0), "{told}");
    let fate = |user: &str| told["earlier"][before[user] as usize]["fate"].clone();
    let origin = |user: &str| told["segments"][now[user] as usize].clone();
    // Users 3 and 5 are of the two that became one; 1, 2 and 4 of the others.
    assert!(fate("3") == "merged" || fate("u5") == "merged", "{told}");
    for user in ["u1", "u2", "u4"] {
        assert_eq!(fate(user), "kept");
        assert_eq!(count(&origin(user)["earlier"]), before[user] as usize);
        assert!(before[user] == now[user] || before[user] == 4);
    }
    assert!(sandbox.path("b/moves.parquet").exists());
}

// ---- what is refused -----------------------------------------------------------------------------------------

#[track_caller]
fn refused(sandbox: &Sandbox, job: &str, part: &str) {
    sandbox.write("refused.toml", job);
    for workers in ["1", "2"] {
        let ran = sandbox.segmill(&["run", "refused.toml", "-o", "refused", "-q", "-w", workers]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].contains("compare.previous: "), "{}", ran.stderr);
        assert!(lines[0].contains(part), "{part} is not in {}", lines[0]);
        assert!(!sandbox.path("refused").exists());
    }
}

#[test]
fn what_is_wrong_with_an_earlier_run_is_said_in_one_line() {
    let sandbox = Sandbox::new();
    let small = |rest: &str| {
        format!(
            "[input.generate]\nusers = 200\nitems = 60\nratings_per_user = 12\nsegments = 3\n[pca]\ncomponents = 3\n\
             [kmeans]\nclusters = 3\nn_init = 1\n[sweep]\nclusters = []\n[evidence]\nenabled = false\n{rest}"
        )
    };
    let compared = |folder: &str| small(&format!("[compare]\nprevious = '{folder}'\n"));
    sandbox.run_to("earlier", &small(""), &["-q"]).succeeded();
    let copy = |name: &str| {
        std::fs::create_dir_all(sandbox.path(name).join("model")).unwrap();
        for file in
            ["segments.parquet", "run.json", "model/model.json", "model/model.safetensors", "model/items.parquet"]
        {
            std::fs::copy(sandbox.path("earlier").join(file), sandbox.path(name).join(file)).unwrap();
        }
        sandbox.path(name)
    };
    refused(&sandbox, &compared("nowhere"), "there is no such folder");
    sandbox.write("file", "");
    refused(&sandbox, &compared("file"), "there is no such folder");
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    refused(&sandbox, &compared("empty"), "model.json");
    let other = copy("other");
    let json = std::fs::read_to_string(other.join("model/model.json")).unwrap();
    std::fs::write(other.join("model/model.json"), json.replacen("\"version\": 1", "\"version\": 9", 1)).unwrap();
    refused(&sandbox, &compared("other"), "version 9");
    let without = copy("without");
    std::fs::remove_file(without.join("segments.parquet")).unwrap();
    refused(&sandbox, &compared("without"), "segments.parquet");
    let swapped = copy("swapped");
    std::fs::copy(swapped.join("model/items.parquet"), swapped.join("segments.parquet")).unwrap();
    refused(&sandbox, &compared("swapped"), "no column is called \"user\"");
    let resized = copy("resized");
    std::fs::write(resized.join("model/model.json"), json.replacen("\"size\": ", "\"size\": 1", 1)).unwrap();
    refused(&sandbox, &compared("resized"), "segments.parquet has 200 users and model.json ");
    let bytes = std::fs::read(sandbox.path("earlier/segments.parquet")).unwrap();
    let cut = copy("cut");
    std::fs::write(cut.join("segments.parquet"), &bytes[..bytes.len() / 2]).unwrap();
    refused(&sandbox, &compared("cut"), "segments.parquet");
    // The footer is whole, the pages are not.
    let holes = copy("holes");
    let mut torn = bytes.clone();
    torn[4..bytes.len() / 3].fill(0xff);
    std::fs::write(holes.join("segments.parquet"), &torn).unwrap();
    refused(&sandbox, &compared("holes"), "segments.parquet");
    let strangers = compared("earlier").replace("[input.generate]", "[input]\nratings = ['strangers.csv']\n[nothing]");
    let strangers =
        strangers[..strangers.find("[nothing]").unwrap()].to_string() + &strangers[strangers.find("[pca]").unwrap()..];
    let rows = (0..400).map(|i| format!("a{},b{},{}\n", i % 40, i / 40 + i % 7 * 10, 1 + i % 5));
    sandbox.write("strangers.csv", rows.collect::<String>());
    refused(&sandbox, &strangers, "none of the 200 users and 60 items in earlier is in this run");
    // An output that would be replaced is no earlier run.
    let ran = sandbox.run_to("earlier", &compared("earlier"), &["-q"]);
    assert!(ran.code == 2 && ran.stderr.contains("the output of this very run"), "{}", ran.stderr);
    assert!(sandbox.path("earlier/segments.parquet").exists());
}

/// Whatever byte of `segments.parquet` is another, the run ends, and where it fails with one line.
#[test]
fn damage_anywhere_in_the_table_of_users_is_no_panic() {
    let sandbox = Sandbox::new();
    let job = "[input.generate]\nusers = 60\nitems = 20\nratings_per_user = 6\nsegments = 2\n[pca]\ncomponents = 2\n\
               [kmeans]\nclusters = 2\nn_init = 1\n[sweep]\nclusters = []\n[evidence]\nenabled = false\n";
    sandbox.run_to("earlier", job, &["-q"]).succeeded();
    let whole = std::fs::read(sandbox.path("earlier/segments.parquet")).unwrap();
    let compared = format!("{job}[compare]\nprevious = 'earlier'\n");
    for step in 0..24 {
        let mut damaged = whole.clone();
        for at in [step * whole.len() / 24, (step * 7919 + 13) % whole.len()] {
            damaged[at] ^= 1 << (step % 8);
        }
        sandbox.write("earlier/segments.parquet", &damaged);
        let ran = sandbox.run_to("again", &compared, &["-q", "-w", "2"]);
        assert!(ran.code == 0 || ran.code == 2, "{step}: {} {}", ran.code, ran.stderr);
        assert!(ran.code == 0 || ran.stderr.lines().count() == 1, "{step}: {}", ran.stderr);
    }
}

/// Looking at a job that compares is no work, and says nothing against it.
#[test]
fn a_job_that_compares_can_be_planned_and_run_dry() {
    let months = Months::get();
    months.sandbox.write("planned.toml", second(""));
    months.sandbox.segmill(&["plan", "planned.toml"]).succeeded();
    months.sandbox.segmill(&["run", "planned.toml", "--dry-run", "-o", "planned"]).succeeded();
    assert!(!months.sandbox.path("planned").exists());
}
