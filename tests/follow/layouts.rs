//! The same changes on any number of workers and processes: the same lines, the same tables, byte for byte.

use std::path::Path;

use super::reference::{Change, Ratings, Rule, Tables, assert_exact};
use super::told::Told;
use crate::util::draws::Draws;
use crate::util::{Sandbox, cluster};

const N_USERS: u64 = 400;
const N_ITEMS: u64 = 120;

pub fn generated() -> Sandbox {
    let sandbox = Sandbox::new();
    let words = ["generate", "--users", "400", "--items", "120", "--ratings-per-user", "20", "--segments", "5"];
    sandbox.segmill(&[&words[..], &["--seed", "5", "-o", "r.csv"]].concat()).succeeded();
    let job = "[input]\nratings = ['r.csv']\nduplicates = 'last'\n[matrix]\nweighting = 'tfidf'\nnormalize = 'l2'\n\
               [pca]\ncomponents = 6\n[kmeans]\nclusters = 8\nn_init = 2\n[sweep]\nclusters = []\n\
               [validate]\nfolds = 2\n[evidence]\nenabled = false\n";
    sandbox.run(job, &["-q"]).succeeded();
    sandbox
}

/// The rows of a CSV file with a header.
pub fn rows_of(path: &Path) -> Ratings {
    let mut ratings = Ratings::none(Rule::Last);
    for line in std::fs::read_to_string(path).expect("ratings").lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        ratings.apply(&Change::put(fields[0], fields[1], fields[2].parse().expect("a rating")));
    }
    ratings
}

/// Puts, and withdrawals of what there is.
pub fn changes(ratings: &mut Ratings, n: usize, draws: &mut Draws) -> String {
    let mut lines = String::new();
    for _ in 0..n {
        let known = ratings.any(draws).map(|(user, item, _)| (user.to_string(), item.to_string()));
        let rating = (draws.below(10) + 1) as f64 / 2.0;
        let change = match (draws.below(4), known) {
            (0, Some((user, item))) => Change::withdraw(user, item),
            (1, Some((user, item))) => Change::put(user, item, rating),
            _ => Change::put(draws.below(N_USERS + 20), draws.below(N_ITEMS + 4), rating),
        };
        ratings.apply(&change);
        lines += &(change.json(false) + "\n");
    }
    lines
}

#[test]
fn any_layout_tells_the_same_and_ends_with_the_same() {
    let sandbox = generated();
    let mut ratings = rows_of(&sandbox.path("r.csv"));
    sandbox.write("changes.jsonl", changes(&mut ratings, 2_050, &mut Draws(3)));
    let words = |layout: &str| {
        let names = ["--state", "--output", "--final"].map(|flag| (flag, format!("{}-{layout}", &flag[2..])));
        let words = ["follow", "out", "--input", "changes.jsonl", "--stop-at-end", "--every", "100"];
        let named = names.into_iter().flat_map(|(flag, name)| [flag.to_string(), name]);
        words.map(String::from).into_iter().chain(named).collect::<Vec<String>>()
    };
    for workers in ["1", "2", "4"] {
        let words = words(workers);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["-w", workers]).collect();
        sandbox.segmill(&words).succeeded();
    }
    let of_two = words("2x2");
    let of_two: Vec<&str> = of_two.iter().map(String::as_str).collect();
    cluster::run(&sandbox, &of_two, 2, 2).into_iter().for_each(|ran| _ = ran.succeeded());

    let read = |name: String| std::fs::read(sandbox.path(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    for layout in ["2", "4", "2x2"] {
        assert!(read(format!("output-{layout}")) == read("output-1".into()), "{layout}: what was told differs");
        for file in ["segments.parquet", "profiles.parquet", "model/model.json", "model/model.safetensors"] {
            assert!(read(format!("final-{layout}/{file}")) == read(format!("final-1/{file}")), "{layout}: {file}");
        }
        assert_eq!(digests(&sandbox, layout), digests(&sandbox, "1"), "{layout}");
    }
    assert_exact(&sandbox, "final-1", &ratings, "all layouts");
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("output-1"));
    assert_eq!((told.batch, told.changes), (21, 2_050));
    told.assert_ends_at(&Tables::of(&sandbox.path("final-1")), "all layouts");
    assert!(told.moves > 20, "{} moves are no test", told.moves);
}

pub fn digests(sandbox: &Sandbox, layout: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(sandbox.path(&format!("final-{layout}/follow.json"))).expect("follow.json");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(json["digests"]["segments"].is_string() && json["digests"]["profiles"].is_string(), "{json}");
    json["digests"].clone()
}

/// A state that one layout has left is gone on from by another.
#[test]
fn a_state_does_not_mind_by_how_many_it_is_kept() {
    let sandbox = generated();
    let mut ratings = rows_of(&sandbox.path("r.csv"));
    let mut draws = Draws(4);
    for (n, workers) in [3, 1, 2].into_iter().enumerate() {
        let input = format!("changes-{n}.jsonl");
        sandbox.write(&input, changes(&mut ratings, 300, &mut draws));
        let last = format!("final-{n}");
        let words = ["follow", "out", "--input", &input, "--stop-at-end", "--output", "told", "--final", &last];
        match workers {
            2 => cluster::run(&sandbox, &words, 2, 1).into_iter().for_each(|ran| _ = ran.succeeded()),
            workers => _ = sandbox.segmill(&[&words[..], &["-w", &workers.to_string()]].concat()).succeeded(),
        }
        assert_exact(&sandbox, &last, &ratings, &last);
    }
    assert!(sandbox.path("out.follow").is_dir(), "{:?}", sandbox.listing());
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told"));
    assert_eq!((told.starts, told.changes), (3, 900));
    told.assert_ends_at(&Tables::of(&sandbox.path("final-2")), "the third start");
}
