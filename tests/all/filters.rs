//! What filters leave, as if the rest had never been in the files.

use std::collections::{BTreeMap, BTreeSet};

use crate::util::data::{SMALL_JOB, ml100k, quoted};
use crate::util::files::{Values, properties, write_parquet};
use crate::util::outputs::{assert_same_answer, filtered, ledger, parquet_rows};
use crate::util::{Sandbox, cluster};
use parquet::basic::Compression;

/// User, item, rating, second.
type Event = (u32, u32, f64, i64);

/// 2024-05-01, midnight.
const DAY: i64 = 1_714_521_600;

/// Forty users, twenty items, each user with another number of them; later ones are rarer.
fn events() -> Vec<Event> {
    let mut events = Vec::new();
    for user in 1..=40u32 {
        for item in 1..=20u32 {
            let draw = segmill::kernel::keyed::mix(u64::from(user * 64 + item));
            if draw % 60 < u64::from(58 - user.min(34) - item) {
                let seconds = DAY + (draw >> 8) as i64 % 200_000 - 100_000;
                events.push((user, item, f64::from((draw >> 40) as u32 % 9) / 2.0 + 0.5, seconds));
            }
        }
    }
    events
}

fn text(events: &[Event]) -> String {
    events.iter().map(|(user, item, rating, seconds)| format!("{user},{item},{rating},{seconds}\n")).collect()
}

fn job(file: &str, keys: &str, filter: &str) -> String {
    format!("[input]\nratings = ['{file}']\nheader = false\n{keys}\n{SMALL_JOB}[filter]\n{filter}\n")
}

/// Asserts that `filter` gives the answer of the events that are `kept`, in several layouts.
#[track_caller]
fn assert_leaves(events: &[Event], keys: &str, filter: &str, kept: &[Event]) {
    assert!(!kept.is_empty() && kept.len() < events.len(), "{filter} leaves {} of {}", kept.len(), events.len());
    let sandbox = Sandbox::new();
    sandbox.write("all.csv", text(events));
    sandbox.write("kept.csv", text(kept));
    sandbox.run_to("kept", &job("kept.csv", "", ""), &["-w", "1"]).succeeded();
    assert_eq!(filtered(&sandbox.path("kept")), 0);
    let holds = |out: &str| {
        assert_same_answer(&sandbox.path("kept"), &sandbox.path(out), &format!("{filter}, {out}"));
        let (all, left) = (events.len() as u64, kept.len() as u64);
        assert_eq!(ledger(&sandbox.path(out)), [all, left, 0, 0], "{filter}");
        assert_eq!(filtered(&sandbox.path(out)), all - left, "{filter}");
        let items = |out: &str| parquet_rows(&sandbox.path(out).join("model/items.parquet"));
        assert_eq!(items("kept"), items(out), "{filter}: another dictionary");
    };
    for workers in ["1", "3"] {
        sandbox.run_to(workers, &job("all.csv", keys, filter), &["-w", workers]).succeeded();
        holds(workers);
    }
    sandbox.write("job.toml", format!("memory = '1MiB'\n{}", job("all.csv", keys, filter)));
    for ran in cluster::run(&sandbox, &["run", "job.toml", "-o", "cluster"], 2, 2) {
        ran.succeeded();
    }
    holds("cluster");
}

/// Leaves out users and items with too few, one after the other, as long as there are any.
fn core(events: &[Event], least_ratings: usize, least_users: usize) -> Vec<Event> {
    let mut kept = events.to_vec();
    loop {
        let n = kept.len();
        let (mut of_user, mut of_item) = (BTreeMap::new(), BTreeMap::new());
        kept.iter().for_each(|event| *of_user.entry(event.0).or_insert(0) += 1);
        kept.retain(|event| of_user[&event.0] >= least_ratings);
        kept.iter().for_each(|event| *of_item.entry(event.1).or_insert(0) += 1);
        kept.retain(|event| of_item[&event.1] >= least_users);
        if kept.len() == n {
            return kept;
        }
    }
}

#[test]
fn ratings_in_a_range() {
    let events = events();
    let kept: Vec<Event> = events.iter().copied().filter(|event| (1.5..=4.0).contains(&event.2)).collect();
    assert_leaves(&events, "", "min_rating = 1.5\nmax_rating = 4", &kept);
}

#[test]
fn rows_in_a_window_of_time() {
    let events = events();
    let window = |from: i64, to: i64| -> Vec<Event> {
        events.iter().copied().filter(|event| (from..to).contains(&event.3)).collect()
    };
    assert_leaves(&events, "time = 3", "after = 2024-05-01", &window(DAY, i64::MAX));
    assert_leaves(&events, "time = 3", &format!("before = {DAY}"), &window(0, DAY));
    let filter = "after = '2024-04-30T18:00:00Z'\nbefore = '2024-05-01T20:30:00+02:00'";
    assert_leaves(&events, "time = 3", filter, &window(DAY - 6 * 3600, DAY + 18 * 3600 + 1800));
}

#[test]
fn users_and_items_with_enough() {
    let events = events();
    // Limits at which leaving out the one takes too many from the other.
    let limits = (4..15).flat_map(|ratings| (4..30).map(move |users| (ratings, users)));
    let one_goes_after_the_other = |&(ratings, users): &(usize, usize)| {
        let kept = core(&events, ratings, users).len();
        kept > 100 && kept < core(&core(&events, ratings, 1), 1, users).len()
    };
    let (ratings, users) = limits.into_iter().find(one_goes_after_the_other).expect("such limits");
    assert_leaves(&events, "", &format!("min_ratings_per_user = {ratings}"), &core(&events, ratings, 1));
    assert_leaves(&events, "", &format!("min_users_per_item = {users}"), &core(&events, 1, users));
    let both = format!("min_ratings_per_user = {ratings}\nmin_users_per_item = {users}");
    assert_leaves(&events, "", &both, &core(&events, ratings, users));
}

#[test]
fn the_items_that_most_users_rated() {
    let events = events();
    let users: BTreeMap<u32, BTreeSet<u32>> = events.iter().fold(BTreeMap::new(), |mut users, event| {
        users.entry(event.1).or_insert_with(BTreeSet::new).insert(event.0);
        users
    });
    let mut items: Vec<u32> = users.keys().copied().collect();
    items.sort_by_key(|item| (std::cmp::Reverse(users[item].len()), *item));
    let top: Vec<Event> = events.iter().copied().filter(|event| items[..7].contains(&event.1)).collect();
    assert_leaves(&events, "", "top_items = 7", &top);
    assert_leaves(&events, "", "top_items = 7\nmin_ratings_per_user = 4\nmin_users_per_item = 3", &core(&top, 4, 3));
}

#[test]
fn rows_are_looked_at_before_ratings_are_counted() {
    let events = events();
    let late: Vec<Event> = events.iter().copied().filter(|event| event.3 >= DAY && event.2 >= 1.0).collect();
    let filter = "after = 2024-05-01\nmin_rating = 1\nmin_ratings_per_user = 4\nmin_users_per_item = 4";
    assert_leaves(&events, "time = 3", filter, &core(&late, 4, 4));
}

#[test]
fn times_in_other_units_and_files() {
    let events = events();
    let sandbox = Sandbox::new();
    let kept: Vec<Event> = events.iter().copied().filter(|event| event.3 >= DAY).collect();
    sandbox.write("kept.csv", text(&kept));
    sandbox.run_to("kept", &job("kept.csv", "", ""), &["-w", "1"]).succeeded();
    let filter = "after = 2024-05-01";
    let reads = |file: &str, keys: &str| {
        sandbox.run_to("other", &job(file, keys, filter), &["-w", "2"]).succeeded();
        assert_same_answer(&sandbox.path("kept"), &sandbox.path("other"), file);
        assert_eq!(filtered(&sandbox.path("other")), (events.len() - kept.len()) as u64, "{file}");
    };
    let in_text = |name: &str, time: &dyn Fn(i64) -> String| {
        let row = |(user, item, rating, seconds): &Event| format!("{user},{item},{rating},{}\n", time(*seconds));
        sandbox.write(name, events.iter().map(row).collect::<String>());
    };
    in_text("ms.csv", &|seconds| format!("{seconds}999"));
    reads("ms.csv", "time = 3\ntime_unit = 'ms'");
    in_text("ns.csv", &|seconds| format!(" {seconds}000000000"));
    reads("ns.csv", "time = 3\ntime_unit = 'ns'");
    in_text("s.csv", &|seconds| format!("\"{seconds}.75\""));
    reads("s.csv", "time = 3");
    in_text("iso.csv", &|seconds| {
        let of_day = seconds.rem_euclid(86_400);
        let day =
            ["2024-04-29", "2024-04-30", "2024-05-01", "2024-05-02"][((seconds - DAY).div_euclid(86_400) + 2) as usize];
        format!("{day}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
    });
    reads("iso.csv", "time = 3");

    let columns = |scale: i64| {
        let ids = |of: fn(&Event) -> u32| events.iter().map(|event| Some(of(event) as i32)).collect();
        [
            Values::Int64(events.iter().map(|event| Some(event.3 * scale)).collect()),
            Values::Int32(ids(|event| event.0)),
            Values::Int32(ids(|event| event.1)),
            Values::Double(events.iter().map(|event| Some(event.2)).collect()),
        ]
    };
    for (kind, scale) in [("", 1), ("(TIMESTAMP(MILLIS,true))", 1_000), ("(TIMESTAMP(NANOS,false))", 1_000_000_000)] {
        let schema = format!(
            "message m {{ optional int64 at {kind}; optional int32 user; optional int32 item; optional double stars; }}"
        );
        write_parquet(&sandbox.path("t.parquet"), &schema, &columns(scale), 100, properties(Compression::SNAPPY));
        let keys = "user = 'user'\nitem = 'item'\nrating = 'stars'\ntime = 'at'";
        sandbox.write("job.toml", job("t.parquet", keys, filter).replace("header = false\n", ""));
        sandbox.segmill(&["run", "job.toml", "-o", "other"]).succeeded();
        assert_same_answer(&sandbox.path("kept"), &sandbox.path("other"), kind);
    }
}

/// A third column of times is not the rating, whether somebody asks for the times or not.
#[test]
fn times_are_not_taken_for_ratings() {
    let events = events();
    let sandbox = Sandbox::new();
    let row = |(user, item, _, seconds): &Event| format!("{user},{item},{seconds}\n");
    sandbox.write("times.csv", events.iter().map(row).collect::<String>());
    sandbox.write("bare.csv", events.iter().map(|event| format!("{},{}\n", event.0, event.1)).collect::<String>());
    sandbox.run_to("bare", &job("bare.csv", "", ""), &["-w", "1"]).succeeded();
    for filter in ["", "after = 1990-01-01"] {
        sandbox.run_to("other", &job("times.csv", "time = 2", filter), &["-w", "2"]).succeeded();
        assert_same_answer(&sandbox.path("bare"), &sandbox.path("other"), filter);
    }
}

#[test]
fn a_row_without_a_time_is_bad_where_the_time_counts() {
    let events = events();
    let sandbox = Sandbox::new();
    sandbox.write("all.csv", text(&events) + "1,1,3,soon\n1,2,3,\n");
    let keys = "time = 3\nduplicates = 'max'";
    let filter = "before = 2030-01-01";
    sandbox.run(&job("all.csv", keys, filter), &[]).refused(3, &["all.csv:", "time \"soon\" is no point in time"]);
    sandbox.run(&job("all.csv", &format!("{keys}\non_bad = 'reject'"), filter), &["-w", "2"]).succeeded();
    let rejects = std::fs::read_to_string(sandbox.path("out/rejects.tsv")).expect("rejects.tsv is there");
    let codes: Vec<&str> = rejects.lines().skip(1).map(|line| line.split('\t').nth(3).expect("a code")).collect();
    assert_eq!(codes, ["BAD_TIME", "BAD_TIME"]);
    sandbox.run(&job("all.csv", keys, ""), &[]).succeeded();
    sandbox.run(&job("all.csv", "time = 9", filter), &[]).refused(2, &["input.time", "there is no column 9"]);
}

#[test]
fn filters_that_leave_nothing_are_named() {
    let sandbox = Sandbox::new();
    sandbox.write("all.csv", text(&events()));
    for (filter, place) in [
        ("min_rating = 100", "filter.min_rating: no rating is left"),
        ("after = 2050-01-01\nmax_rating = 5", "filter.max_rating, filter.after: no rating is left"),
        ("min_ratings_per_user = 21", "filter.min_ratings_per_user: no rating is left"),
        ("min_rating = 1\nmin_users_per_item = 41", "filter.min_users_per_item: no rating is left"),
    ] {
        sandbox.run(&job("all.csv", "time = 3", filter), &["-w", "2"]).refused(3, &[place]);
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn generated_data_are_filtered_too() {
    let sandbox = Sandbox::new();
    let job = "[input.generate]\nusers = 300\nitems = 60\nratings_per_user = 8\nsegments = 3\n[kmeans]\nclusters = 3\n\
               n_init = 1\n[sweep]\nclusters = []\n[filter]\nmin_rating = 2\nmin_ratings_per_user = 3\ntop_items = 40\n";
    sandbox.run_to("one", job, &["-w", "1"]).succeeded();
    sandbox.run_to("three", job, &["-w", "3"]).succeeded();
    assert_same_answer(&sandbox.path("one"), &sandbox.path("three"), "generated");
    assert_eq!(ledger(&sandbox.path("one")), ledger(&sandbox.path("three")));
    assert!(filtered(&sandbox.path("one")) > 0);
    assert!(parquet_rows(&sandbox.path("one/model/items.parquet")).len() <= 40);
}

#[test]
fn movielens_100k_with_its_own_times() {
    let Some(folder) = ml100k() else { return };
    let sandbox = Sandbox::new();
    let text = std::fs::read_to_string(folder.join("u.data")).expect("u.data can be read");
    let all: Vec<Event> = text
        .lines()
        .map(|line| {
            let fields: Vec<i64> = line.split('\t').map(|field| field.parse().expect("a number")).collect();
            (fields[0] as u32, fields[1] as u32, fields[2] as f64, fields[3])
        })
        .collect();
    let late: Vec<Event> = all.iter().copied().filter(|event| event.3 >= 883_612_800).collect();
    let kept = core(&late, 20, 10);
    let job = |ratings: &str, filter: &str| {
        format!(
            "[input]\nratings = [{ratings}]\nheader = false\ntime = 3\n[pca]\ncomponents = 5\n[kmeans]\nclusters = 5\nn_init = 1\n\
             [sweep]\nclusters = []\n[filter]\n{filter}\n"
        )
    };
    sandbox.write("kept.csv", self::text(&kept));
    sandbox.run_to("kept", &job("'kept.csv'", ""), &["-w", "2"]).succeeded();
    let filter = "after = 1998-01-01\nmin_ratings_per_user = 20\nmin_users_per_item = 10";
    sandbox.run(&job(&quoted(&folder.join("u.data")), filter), &["-w", "2"]).succeeded();
    assert_same_answer(&sandbox.path("kept"), &sandbox.path("out"), "MovieLens since 1998");
    assert_eq!(filtered(&sandbox.path("out")), (all.len() - kept.len()) as u64);
}
