//! Drift and `--refit`: when it is said that the ratings have moved away from the model, and what is told, kept and written
//! when another takes its place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::exact::drawn;
use super::following::{
    Following, N_ITEMS, N_USERS, Names, first_ratings, fitted, follow, n_batches, n_lines, wait_until,
};
use super::layouts;
use super::reference::{Change, Op, Ratings, Rule, Tables, Verdict, assert_exact, assert_exact_by};
use super::told::Told;
use crate::util::draws::Draws;
use crate::util::outputs::{digests, titles};
use crate::util::{Sandbox, cluster};

const NAMES: Names = Names::Both;
/// One batch, however much comes.
const AT_ONCE: [&str; 2] = ["--every", "1000000"];

fn small(rule: Rule, matrix: &str, seed: u64) -> (Sandbox, Ratings) {
    let first = first_ratings(rule, NAMES, &mut Draws(seed));
    (fitted(&first, rule, matrix), first)
}

/// A user who takes back everything, and likes from now on what users of another kind do.
fn converted(ratings: &Ratings, user: u64, kind: u64, draws: &mut Draws) -> Vec<Change> {
    let user = NAMES.user(user);
    let mut changes: Vec<Change> = ratings.items_of(&user).map(|item| Change::withdraw(&user, item)).collect();
    for _ in 0..6 {
        changes.push(Change::put(&user, NAMES.item(kind % 3 * 4 + draws.below(5)), (draws.below(9) + 1) as f64 / 2.0));
    }
    changes
}

/// The users of these numbers, converted.
fn conversions(ratings: &Ratings, users: impl Iterator<Item = u64>, kinds: u64, draws: &mut Draws) -> Vec<Change> {
    users.flat_map(|user| converted(ratings, user, user + kinds, draws)).collect()
}

/// The changes as lines; all of them can be made.
fn applied(ratings: &mut Ratings, changes: &[Change]) -> String {
    changes.iter().for_each(|change| assert_eq!(ratings.apply(change), Verdict::Made, "{change:?}"));
    changes.iter().map(|change| change.json(false) + "\n").collect()
}

/// [`conversions`], applied.
fn convert(ratings: &mut Ratings, users: impl Iterator<Item = u64>, kinds: u64, draws: &mut Draws) -> String {
    let changes = conversions(ratings, users, kinds, draws);
    applied(ratings, &changes)
}

fn told_of(sandbox: &Sandbox, file: &str) -> Told {
    Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path(file))
}

/// `follow.json` of a folder of `--final`.
fn record(sandbox: &Sandbox, folder: &str) -> Value {
    let text = std::fs::read_to_string(sandbox.path(folder).join("follow.json")).expect("follow.json");
    serde_json::from_str(&text).expect("JSON")
}

/// The run whose model is in use at the end.
fn model_of(sandbox: &Sandbox, folder: &str) -> String {
    record(sandbox, folder)["model"].as_str().expect("a folder").to_string()
}

#[track_caller]
fn assert_same_model(sandbox: &Sandbox, one: &str, other: &str) {
    for file in ["model/model.json", "model/model.safetensors", "model/items.parquet"] {
        let [one, other] = [one, other].map(|of| std::fs::read(sandbox.path(of).join(file)).expect(file));
        assert!(one == other, "{file}");
    }
}

#[track_caller]
fn assert_near(found: &Value, expected: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what}: {found}"));
    assert!((found - expected).abs() <= 1e-9 + 1e-6 * expected.abs(), "{what}: {found}, and not {expected}");
}

fn mean_squared_distance(tables: &Tables) -> f64 {
    let distances = tables.segments.iter().map(|row| row["distance"].parse::<f64>().expect("a distance"));
    distances.map(|distance| distance * distance).sum::<f64>() / tables.segments.len() as f64
}

/// idf of each item, ln((1 + n)/(1 + df)) + 1, and who has it.
fn idf(ratings: &Ratings) -> BTreeMap<String, (f64, usize)> {
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Change { user, item, .. } in ratings.changes() {
        users.entry(item).or_default().insert(user);
    }
    let n = 1.0 + ratings.users().len() as f64;
    let idf = |users: BTreeSet<String>| ((n / (1.0 + users.len() as f64)).ln() + 1.0, users.len());
    users.into_iter().map(|(item, users)| (item, idf(users))).collect()
}

/// |idf now − idf of the fit|, averaged over what users have.
fn idf_drift(first: &Ratings, now: &Ratings) -> f64 {
    let (fit, now) = (idf(first), idf(now));
    let known = now.iter().filter_map(|(item, now)| Some((now, fit.get(item)?)));
    let (sum, users) =
        known.fold((0.0, 0), |(sum, users), ((now, n), (fit, _))| (sum + *n as f64 * (now - fit).abs(), users + n));
    sum / users as f64
}

#[test]
fn drift_is_told_when_it_comes_and_when_it_has_gone() {
    let (sandbox, first) = small(Rule::Last, "weighting = 'tfidf'\nnormalize = 'l2'", 110);
    let fit = Tables::of(&sandbox.path("out"));
    let mut ratings = first.clone();
    let there = conversions(&first, 0..N_USERS, 1, &mut Draws(111));
    sandbox.write("there", applied(&mut ratings, &there));
    let elsewhere = ratings.clone();
    let mut back: Vec<Change> = ratings.changes().map(|row| Change { op: Op::Withdraw, rating: None, ..row }).collect();
    back.extend(first.changes());
    sandbox.write("back", applied(&mut ratings, &back));

    let words = [&AT_ONCE[..], &["--state", "state", "--output", "told", "--drift", "0.2"]].concat();
    for (name, ratings) in [("there", &elsewhere), ("back", &first)] {
        let last = format!("final-{name}");
        follow(&sandbox, &[&words[..], &["--input", name, "--final", &last]].concat());
        assert_exact(&sandbox, &last, ratings, name);
        assert_same_model(&sandbox, &last, "out");
        assert!(!sandbox.path("state/refit-1").exists(), "nobody asked for a refit");
    }
    let told = told_of(&sandbox, "told");
    told.assert_ends_at(&Tables::of(&sandbox.path("final-back")), "back again");
    let [due, gone] = &told.drifts[..] else { panic!("{:?}", told.drifts) };

    assert_eq!((&due["batch"], &due["refit_due"]), (&1.into(), &true.into()), "{due}");
    let now = Tables::of(&sandbox.path("final-there"));
    assert_near(&due["inertia_per_user"], mean_squared_distance(&now), "inertia_per_user");
    assert_near(&due["inertia_per_user_fit"], mean_squared_distance(&fit), "inertia_per_user_fit");
    assert_near(&due["idf_drift"], idf_drift(&first, &elsewhere), "idf_drift");
    assert!(due["moved_share"].as_f64().is_some_and(|share| share > 0.2), "{due}");
    assert!(due["why"].as_str().is_some_and(|why| why.contains("another segment")), "{due}");
    let record_there = record(&sandbox, "final-there");
    for name in ["inertia_per_user", "inertia_per_user_fit", "moved_share", "idf_drift"] {
        assert_eq!(due[name], record_there[name], "{name}");
    }
    assert_eq!((&record_there["refit_due"], &record_there["refits"]), (&due["why"], &0.into()));

    assert_eq!((&gone["batch"], &gone["refit_due"], &gone["moved_share"]), (&2.into(), &false.into(), &0.0.into()));
    assert_near(&gone["inertia_per_user"], mean_squared_distance(&fit), "inertia_per_user as in the fit");
    assert_near(&gone["idf_drift"], 0.0, "idf_drift as in the fit");
    assert!(record(&sandbox, "final-back")["refit_due"].is_null());

    follow(&sandbox, &["--input", "there", "--state", "other", "--output", "calm", "--drift", "50", "--refit"]);
    assert!(told_of(&sandbox, "calm").drifts.is_empty() && !sandbox.path("other/refit-1").exists());
}

#[test]
fn a_refit_is_a_finished_run_whose_model_takes_over() {
    let raw_sums = (Rule::Sum, "", "1");
    let shaped = (Rule::Last, "weighting = 'tfidf'\nnormalize = 'l2'", "2");
    let centred = (Rule::Error, "weighting = 'log1p'\nmissing = 'user-mean'", "3");
    for (seed, (rule, matrix, workers)) in (120..).zip([raw_sums, shaped, centred]) {
        let (sandbox, first) = small(rule, matrix, seed);
        let (mut ratings, mut draws) = (first, Draws(seed));
        let words = [&AT_ONCE[..], &["--state", "state", "--output", "told", "--drift", "0.1", "-w", workers]].concat();

        // Users like something else, and items that nobody had.
        let mut changes = conversions(&ratings, 0..20, 1, &mut draws);
        changes.extend((0..N_USERS).map(|user| Change::put(NAMES.user(user), NAMES.item(N_ITEMS + user % 3), 5.0)));
        sandbox.write("first", applied(&mut ratings, &changes));
        follow(&sandbox, &[&words[..], &["--refit", "--input", "first", "--final", "final-1"]].concat());
        assert_took_over(&sandbox, 1, &ratings);
        let told = told_of(&sandbox, "told");
        assert_eq!((told.refits.len(), &told.last["unknown"]), (1, &N_USERS.into()), "{}", told.last);
        assert_eq!(told.last["unknown_items"], 0, "the model knows them now");
        let known: BTreeSet<String> = titles(&sandbox.path("state/refit-1")).into_keys().collect();
        assert!((N_ITEMS..N_ITEMS + 3).all(|item| known.contains(&NAMES.item(item))), "{known:?}");

        // Another session goes on from there, calmly; the next makes a refit again; and the next goes on from that.
        sandbox.write("second", applied(&mut ratings, &[Change::put(NAMES.user(0), NAMES.item(N_ITEMS), 3.0)]));
        follow(&sandbox, &[&words[..], &["--refit", "--input", "second", "--final", "final-2"]].concat());
        assert_exact_by(&sandbox, "state/refit-1", "final-2", &ratings, "a small change after a refit");
        let told = told_of(&sandbox, "told");
        assert_eq!((told.refit_due, &told.last["unknown"]), (false, &0.into()), "{}", told.last);
        sandbox.write("third", convert(&mut ratings, 5..25, 2, &mut draws));
        follow(&sandbox, &[&words[..], &["--refit", "--input", "third", "--final", "final-3"]].concat());
        assert_took_over(&sandbox, 2, &ratings);
        sandbox.write("fourth", convert(&mut ratings, 0..9, 1, &mut draws));
        follow(&sandbox, &[&words[..], &["--input", "fourth", "--final", "final-4"]].concat());
        assert_exact_by(&sandbox, "state/refit-2", "final-4", &ratings, "without --refit after refits");
        let told = told_of(&sandbox, "told");
        told.assert_ends_at(&Tables::of(&sandbox.path("final-4")), "four sessions");
        assert_eq!((told.starts, told.refits.len(), told.batch), (4, 2, 4));
    }
}

/// The run's filter left these items out of the model, not out of the ratings.
#[test]
fn items_that_the_filter_of_the_run_left_out_come_back_with_all_their_ratings() {
    for (rule, workers) in [(Rule::Last, "1"), (Rule::Sum, "3")] {
        let (mut ratings, mut draws) = (first_ratings(rule, NAMES, &mut Draws(150)), Draws(151));
        let rare = |n: u64| NAMES.item(N_ITEMS + n);
        for user in 0..3 {
            (0..2).for_each(|n| _ = ratings.apply(&Change::put(NAMES.user(user), rare(n), (user + 2) as f64)));
        }
        let sandbox = fitted(&ratings, rule, "[filter]\nmin_users_per_item = 4");
        assert!(!titles(&sandbox.path("out")).contains_key(&rare(0)), "it is left out");
        let words = ["--state", "state", "--output", "told", "--drift", "0.1", "-w", workers];
        let words = [&words[..], &AT_ONCE].concat();

        let gone = [Change::withdraw(NAMES.user(0), rare(0)), Change::put(NAMES.user(9), rare(0), 4.0)];
        sandbox.write("first", applied(&mut ratings, &gone));
        follow(&sandbox, &[&words[..], &["--input", "first", "--final", "final-1"]].concat());
        assert_exact(&sandbox, "final-1", &ratings, "items that the model does not know");
        let told = told_of(&sandbox, "told");
        assert_eq!((&told.last["unknown"], &told.last["unknown_items"]), (&2.into(), &2.into()), "{}", told.last);

        sandbox.write("second", convert(&mut ratings, 5..20, 1, &mut draws));
        follow(&sandbox, &[&words[..], &["--refit", "--input", "second", "--final", "final-2"]].concat());
        assert_eq!(model_of(&sandbox, "final-2"), "state/refit-1");
        assert!([0, 1].iter().all(|&n| titles(&sandbox.path("state/refit-1")).contains_key(&rare(n))));
        assert_exact_by(&sandbox, "state/refit-1", "final-2", &ratings, "items that came back");
    }
}

/// The last of all batches ended with refit `n`, and `ratings` are what it was made of.
#[track_caller]
fn assert_took_over(sandbox: &Sandbox, n: usize, ratings: &Ratings) {
    let (run, told) = (format!("state/refit-{n}"), told_of(sandbox, "told"));
    let last = format!("final-{}", told.batch);
    let refit = told.refits.last().expect("a refit");
    assert_eq!((&refit["batch"], &refit["model"]), (&told.batch.into(), &run.as_str().into()), "{refit}");
    assert_exact_by(sandbox, &run, &last, ratings, &run);
    assert_same_model(sandbox, &last, &run);
    let [found, fitted] = [&last, &run].map(|of| Tables::of(&sandbox.path(of)));
    assert_eq!(found.segments, fitted.segments, "as it was fitted");
    told.assert_ends_at(&found, &run);
    let record = record(sandbox, &last);
    assert_eq!((&record["model"], &record["refits"]), (&run.as_str().into(), &n.into()), "{record}");
    assert!(record["refit_due"].is_null() && record["moved_share"] == 0.0, "{record}");
    assert_near(&record["inertia_per_user"], mean_squared_distance(&fitted), "inertia_per_user");
    assert_near(&record["inertia_per_user_fit"], mean_squared_distance(&fitted), "inertia_per_user_fit");
    assert_near(&record["idf_drift"], 0.0, "idf_drift");
    std::fs::remove_file(sandbox.path(&run).join("report.html")).expect("a report");
    sandbox.segmill(&["report", &run, "-q"]).succeeded();
    assert!(sandbox.path(&run).join("report.html").exists());
}

/// Random changes of every kind, under every rule, with a refit now and then.
#[test]
fn whatever_happens_the_tables_are_those_of_the_last_refit() {
    let jobs = [
        (Rule::Error, "weighting = 'log1p'\nnormalize = 'l2'\nmissing = 'user-mean'", Names::Texts),
        (Rule::Last, "weighting = 'bm25'", Names::Numbers),
        (Rule::Sum, "weighting = 'bm25'\nnormalize = 'l2'\nmissing = 'user-mean'", Names::Both),
        (Rule::Mean, "weighting = 'tfidf'\nmissing = 'user-mean'", Names::Numbers),
        (Rule::Max, "", Names::Both),
        (Rule::Last, "weighting = 'bm25'\nnormalize = 'l2'\n# refined\n", Names::Texts),
    ];
    for (seed, (rule, matrix, names)) in (130..).zip(jobs) {
        let mut draws = Draws(seed);
        let first = first_ratings(rule, names, &mut draws);
        let sandbox = fitted(&first, rule, matrix);
        let mut ratings = first;
        for run in 0..4 {
            let changes = drawn(&mut ratings, names, &mut draws);
            sandbox.write("changes", &changes.lines);
            // Another file of the same name, every time.
            let input = format!("changes-{run}");
            std::fs::rename(sandbox.path("changes"), sandbox.path(&input)).expect("a file");
            let mut words = vec!["--input", &input, "--state", "state", "--output", "told", "--final", "final"];
            words.extend(["--every", *draws.of(&["5", "40", "batch"]), "-w", *draws.of(&["1", "2", "3"])]);
            words.extend(["--refit", "--drift", *draws.of(&["0.02", "0.1"])]);
            follow(&sandbox, &words);
            let what = format!("{rule:?}, {matrix:?}, seed {seed}, run {run}, {words:?}");
            assert_exact_by(&sandbox, &model_of(&sandbox, "final"), "final", &ratings, &what);
            told_of(&sandbox, "told").assert_ends_at(&Tables::of(&sandbox.path("final")), &what);
        }
        let refits = told_of(&sandbox, "told").refits.len();
        assert!(refits > 1, "{rule:?}: {refits} refits are no test");
    }
}

#[test]
fn a_refit_is_the_same_on_any_layout() {
    let sandbox = layouts::generated();
    let mut ratings = layouts::rows_of(&sandbox.path("r.csv"));
    sandbox.write("changes.jsonl", layouts::changes(&mut ratings, 1_500, &mut Draws(140)));
    let words = |layout: &str| {
        let names = ["--state", "--output", "--final"].map(|flag| (flag, format!("{}-{layout}", &flag[2..])));
        let words = ["follow", "out", "--input", "changes.jsonl", "--stop-at-end", "--every", "250"];
        let named = names.into_iter().flat_map(|(flag, name)| [flag.to_string(), name]);
        let words = words.into_iter().chain(["--refit", "--drift", "0.05"]).map(String::from);
        words.chain(named).collect::<Vec<String>>()
    };
    for workers in ["1", "2"] {
        let words = words(workers);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["-w", workers]).collect();
        sandbox.segmill(&words).succeeded();
    }
    let of_two = words("2x1");
    let of_two: Vec<&str> = of_two.iter().map(String::as_str).collect();
    cluster::run(&sandbox, &of_two, 2, 1).into_iter().for_each(|ran| _ = ran.succeeded());

    let told = |layout: &str| {
        let text = std::fs::read_to_string(sandbox.path(&format!("output-{layout}"))).expect("what was told");
        text.replace(&format!("state-{layout}/"), "state/")
    };
    let read = |name: String| std::fs::read(sandbox.path(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let of_one = told_of(&sandbox, "output-1");
    let n_refits = of_one.refits.len();
    assert!(n_refits > 0, "no refit is no test");
    for layout in ["2", "2x1"] {
        assert!(told(layout) == told("1"), "{layout}: what was told differs");
        for file in ["segments.parquet", "profiles.parquet", "model/model.json", "model/model.safetensors"] {
            assert!(read(format!("final-{layout}/{file}")) == read(format!("final-1/{file}")), "{layout}: {file}");
        }
        assert_eq!(layouts::digests(&sandbox, layout), layouts::digests(&sandbox, "1"), "{layout}");
        for refit in 1..=n_refits {
            let [one, other] = ["1", layout].map(|of| digests(&sandbox.path(&format!("state-{of}/refit-{refit}"))));
            assert_eq!(one, other, "{layout}: refit {refit}");
        }
    }
    assert_exact_by(&sandbox, &model_of(&sandbox, "final-1"), "final-1", &ratings, "all layouts");
    of_one.assert_ends_at(&Tables::of(&sandbox.path("final-1")), "all layouts");
}

fn n_refits(sandbox: &Sandbox) -> usize {
    let text = std::fs::read_to_string(sandbox.path("told")).unwrap_or_default();
    text.lines().filter(|line| line.contains("\"event\":\"refit\"")).count()
}

/// What refits have in the state before they are whole.
fn in_the_making(sandbox: &Sandbox) -> BTreeSet<String> {
    let entries = std::fs::read_dir(sandbox.path("state")).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(".refit-")).collect()
}

#[test]
fn kills_around_refits_lose_nothing_and_tell_nothing_twice() {
    let (sandbox, first) = small(Rule::Last, "weighting = 'tfidf'\nnormalize = 'l2'", 150);
    let (mut ratings, mut draws) = (first, Draws(151));
    let mut lines = String::new();
    for round in 0..6 {
        lines += &convert(&mut ratings, 0..N_USERS, 1 + round % 2, &mut draws);
        let news = Change::put(NAMES.user(draws.below(N_USERS)), NAMES.item(N_ITEMS + round), 4.0);
        lines += &applied(&mut ratings, &[news]);
    }
    let n = lines.lines().count() as u64;
    sandbox.write("changes", lines);
    let words = ["--input", "changes", "--state", "state", "--output", "told", "--every", "40", "--refit", "-w", "2"];
    // Who waits for more than is there does not get the last batch, which is smaller.
    let n_told = n as usize / 40;
    let mut kills = 0;
    while n_batches(&sandbox.path("told")) < n_told {
        let (refits, left) = (n_refits(&sandbox), in_the_making(&sandbox));
        let following = Following::start(&sandbox, &words);
        let is_over = || n_refits(&sandbox) > refits || n_batches(&sandbox.path("told")) == n_told;
        match kills % 3 {
            0 => wait_until("a refit is made", || in_the_making(&sandbox).difference(&left).count() > 0 || is_over()),
            1 => wait_until("a refit is told", is_over),
            _ => std::thread::sleep(std::time::Duration::from_millis(draws.below(300))),
        }
        following.kill();
        kills += 1;
    }
    assert!(kills > 3, "{kills} kills are no test");
    follow(&sandbox, &[&words[..], &["--final", "final"]].concat());
    let model = model_of(&sandbox, "final");
    assert_exact_by(&sandbox, &model, "final", &ratings, "after the kills");
    let told = told_of(&sandbox, "told");
    told.assert_ends_at(&Tables::of(&sandbox.path("final")), "after the kills");
    assert_eq!((told.changes, told.batch), (n, n.div_ceil(40)));
    assert_eq!(told.refits.last().expect("a refit")["model"], model.as_str());
    assert_eq!(in_the_making(&sandbox), BTreeSet::new());
}

/// A batch that was told as one without `--refit` is that again when it is applied again.
#[test]
fn what_was_asked_when_a_batch_came_holds_when_it_is_applied_again() {
    let (sandbox, first) = small(Rule::Last, "", 160);
    let (mut ratings, mut draws) = (first, Draws(161));
    let path = sandbox.write("changes", "");
    let words = ["--input", "changes", "--state", "state", "--output", "told"];
    let following = Following::start(&sandbox, &[&words[..], &["--refit"]].concat());
    wait_until("it has begun", || n_lines(&sandbox.path("told")) == 1);
    following.kill();

    std::fs::write(&path, convert(&mut ratings, 0..N_USERS, 1, &mut draws)).expect("lines");
    let following = Following::start(&sandbox, &words);
    wait_until("it is told", || n_batches(&sandbox.path("told")) == 1);
    following.kill();

    follow(&sandbox, &[&words[..], &["--refit", "--final", "final"]].concat());
    assert!(told_of(&sandbox, "told").refit_due && !sandbox.path("state/refit-1").exists());
    assert_exact(&sandbox, "final", &ratings, "the batch came without --refit");

    // Now that it is asked for, it is made with the next batch.
    let more = applied(&mut ratings, &[Change::put(NAMES.user(1), NAMES.item(2), 3.0)]);
    std::fs::write(&path, std::fs::read_to_string(&path).expect("lines") + &more).expect("lines");
    let following = Following::start(&sandbox, &[&words[..], &["--refit"]].concat());
    wait_until("it is told", || n_batches(&sandbox.path("told")) == 2);
    following.kill();
    follow(&sandbox, &[&words[..], &["--final", "final"]].concat());
    assert_exact_by(&sandbox, "state/refit-1", "final", &ratings, "the batch came with --refit");
    let told = told_of(&sandbox, "told");
    told.assert_ends_at(&Tables::of(&sandbox.path("final")), "with and without --refit");
    assert_eq!((told.refits.len(), told.drifts.len()), (1, 1));
}

/// Too few, all alike, or nothing that counts: the model stays as it is until there is something to fit.
#[test]
fn a_refit_that_cannot_be_made_ends_nothing() {
    let (sandbox, first) = small(Rule::Last, "weighting = 'tfidf'\nnormalize = 'l2'", 170);
    let mut ratings = Ratings::none(Rule::Last);
    let put = |user: u64, item: u64, rating: f64| Change::put(NAMES.user(user), NAMES.item(item), rating);
    let phases: [(&str, Vec<Change>); 7] = [
        ("one user", vec![put(0, 0, 3.0)]),
        ("all alike", (0..N_USERS).map(|user| put(user, 0, 3.0)).collect()),
        ("only zeros", (0..N_USERS).map(|user| put(user, 0, 0.0)).collect()),
        ("of two kinds", (0..N_USERS).map(|user| put(user, user % 2, 2.0)).collect()),
        ("nothing", (0..N_USERS).flat_map(|user| (0..2).map(move |item| (user, item))).map(back).collect()),
        ("one item that is new", (0..N_USERS).map(|user| put(user, 50, 2.0)).collect()),
        ("as in the run", first.changes().collect()),
    ];
    let mut refits = Vec::new();
    for (n, (what, changes)) in phases.iter().enumerate() {
        let changes: Vec<&Change> = changes.iter().filter(|change| ratings.apply(change) == Verdict::Made).collect();
        let input = format!("changes-{n}");
        sandbox.write(&input, changes.iter().map(|change| change.json(false) + "\n").collect::<String>());
        let words = ["--input", &input, "--state", "state", "--output", "told", "--final", "final", "--empty"];
        let words = [&AT_ONCE[..], &words[..], &["--refit", "--drift", "0.01", "-w", "2"]].concat();
        follow(&sandbox, &if n == 0 { words } else { words.into_iter().filter(|word| *word != "--empty").collect() });
        assert_exact_by(&sandbox, &model_of(&sandbox, "final"), "final", &ratings, what);
        let told = Told::from(None).read(&sandbox.path("told"));
        told.assert_ends_at(&Tables::of(&sandbox.path("final")), what);
        refits.push(told.refits.len());
    }
    assert_eq!(refits[..3], [0, 0, 0], "there was nothing to fit");
    assert_eq!(refits[6], refits[5] + 1, "{refits:?}");
}

fn back((user, item): (u64, u64)) -> Change {
    Change::withdraw(NAMES.user(user), NAMES.item(item))
}

/// Members of a cluster that would not do the same are told so before they begin.
#[test]
fn members_follow_with_the_same_options() {
    let (sandbox, _) = small(Rule::Last, "", 180);
    sandbox.write("changes", "");
    let hosts = sandbox.write("hosts", cluster::free_addresses(2).join("\n"));
    let words = ["follow", "out", "--input", "changes", "--stop-at-end"];
    let other = [&words[..], &["--refit"]].concat();
    let members =
        [cluster::start(&sandbox, &words, &hosts, 2, 0, 1), cluster::start(&sandbox, &other, &hosts, 2, 1, 1)];
    let deadline = std::time::Instant::now() + super::following::PATIENCE;
    let said: Vec<_> = members.into_iter().map(|member| cluster::finish(member, deadline)).collect();
    assert!(said.iter().any(|ran| ran.code == 2 && ran.stderr.contains("--refit")), "{said:?}");
    assert!(said.iter().all(|ran| ran.code != 0 && ran.stderr.lines().count() == 1), "{said:?}");
}
