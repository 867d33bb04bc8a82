//! Every refusal, and what a job file means: the checked-once invariant.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::*;
use crate::error::{Error, Result};

const MINIMAL: &str = "[input]\nratings = [\"r.csv\"]\n";

fn job_with(text: &str, overrides: &[(&str, &str)]) -> Result<Job> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.toml");
    std::fs::write(&path, text).unwrap();
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    load(&path, &overrides, None)
}

fn job(text: &str) -> Job {
    job_with(text, &[]).unwrap()
}

/// The one-line message of a refused job file, with the folder cut off.
fn refusal(result: Result<Job>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Job { .. }), "{error:?}");
    assert_eq!(error.exit_code(), 2);
    let message = error.to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("; "), "no remedy: {message}");
    match message.find("some.toml") {
        Some(at) => message[at..].to_string(),
        None => message,
    }
}

fn files(job: &Job) -> &FilesSpec {
    match &job.input.source {
        Source::Files(files) => files,
        Source::Generate(_) => panic!("not files"),
    }
}

#[test]
fn everything_but_the_ratings_has_a_default() {
    let job = job(MINIMAL);
    assert_eq!((job.seed, job.memory), (0, 4 << 30));
    assert_eq!(job.output, Path::new("out/some"));
    assert_eq!((job.pca.solver, job.pca.tol, job.pca.report), (Solver::Auto, 1e-8, 20));
    assert!(job.choices.by_key().iter().all(|(_, by)| by.is_open()));
    assert_eq!((job.kmeans.n_init, job.kmeans.max_iter, job.kmeans.tol), (10, 300, 1e-4));
    assert_eq!(job.sweep, None, "the choice of a number compares enough of them");
    let sweep = self::job(&format!("{MINIMAL}[kmeans]\nclusters = 25\n")).sweep.unwrap();
    assert_eq!((sweep.clusters.as_slice(), sweep.explicit), (&DEFAULT_SWEEP[..], false));
    assert!(sweep.projected && sweep.full);
    assert_eq!(job.validate, ValidateParams { model: BayesModel::Multinomial, folds: 5 });
    assert_eq!(job.profile, ProfileParams { top: 10 });
    assert_eq!((job.input.duplicates, job.input.on_bad, job.input.max_bad), (Duplicates::Error, OnBad::Fail, 0.0));
    let files = files(&job);
    assert_eq!((&files.delimiter, files.header), (&None, None));
    assert_eq!((&files.user, &files.item), (&Column::Index(0), &Column::Index(1)));
    assert_eq!(files.rating, RatingColumn::Default);
}

#[test]
fn what_is_given_is_no_choice_of_the_run() {
    let given = "[matrix]\nweighting = 'raw'\nmissing = 'auto'\n[pca]\ncomponents = 'auto'\n[kmeans]\nclusters = 7\n";
    let job = job(&format!("{MINIMAL}{given}"));
    let open: Vec<&str> = job.choices.by_key().iter().filter(|(_, by)| by.is_open()).map(|(key, _)| *key).collect();
    assert_eq!(open, ["matrix.normalize", "matrix.missing", "pca.components"]);
    assert_eq!((job.matrix.weighting, job.kmeans.clusters), (Weighting::Raw, 7));
    let matrix = Matrix { weighting: Weighting::Raw, normalize: Normalize::L2, missing: Missing::Zero };
    let settled = job.settled(matrix, 4, job.kmeans);
    assert!(!settled.choices.any_open() && settled.kmeans.spherical && settled.pca.components == 4);
    assert_eq!((settled.choices.clusters, settled.choices.components), (By::Given, By::Chosen));
}

#[test]
fn the_names_of_the_keys_are_those_that_serde_reads() {
    let sections: BTreeSet<&str> =
        keys::KEYS.iter().map(|key| key.rsplit_once('.').map_or("", |(section, _)| section)).collect();
    for section in sections {
        let mut table = toml::Table::from_iter([("?".to_string(), toml::Value::Boolean(true))]);
        for name in section.rsplit('.').filter(|name| !name.is_empty()) {
            table = toml::Table::from_iter([(name.to_string(), toml::Value::Table(table))]);
        }
        let message = JobSpec::deserialize(table).unwrap_err().message().to_string();
        let read: BTreeSet<&str> = message.split('`').skip(3).step_by(2).collect();
        let below = |key: &&'static str| match section {
            "" => key.split('.').next(),
            _ => key.strip_prefix(section)?.strip_prefix('.')?.split('.').next(),
        };
        assert_eq!(keys::KEYS.iter().filter_map(below).collect::<BTreeSet<_>>(), read, "[{section}]: {message}");
    }
}

#[test]
fn filters_are_read_and_times_may_be_written_in_any_way() {
    let filters = "min_ratings_per_user = 5\nmin_users_per_item = 3\ntop_items = 100\nmin_rating = 0.5\nmax_rating = 4";
    let read = job(&format!("{MINIMAL}[filter]\n{filters}\n")).filter;
    assert_eq!((read.min_ratings_per_user, read.min_users_per_item, read.top_items), (Some(5), Some(3), Some(100)));
    assert_eq!((read.min_rating, read.max_rating, read.after), (Some(0.5), Some(4.0), None));
    let day = 1_714_521_600;
    for (after, unit) in [
        ("2024-05-01", "s"),
        ("'2024-05-01'", "s"),
        ("2024-05-01T02:00:00+02:00", "ms"),
        ("' 2024-05-01 00:00 '", "s"),
        (&day.to_string(), "s"),
        (&format!("{day}.0"), "s"),
        (&format!("'{day}000'"), "ms"),
    ] {
        let job =
            job(&format!("{MINIMAL}time = 3\ntime_unit = '{unit}'\n[filter]\nafter = {after}\nbefore = 2024-06-01\n"));
        assert_eq!(job.filter.after, Some(day * 1_000_000), "{after}");
        assert!(files(&job).time.as_ref().is_some_and(|time| time.column == Column::Index(3)));
    }
    let nobody_asks = job(&format!("{MINIMAL}time = 3\n"));
    assert!(files(&nobody_asks).time.as_ref().is_some_and(|time| !time.asked));
    assert_eq!(job(MINIMAL).filter, Filter::default());
}

#[test]
fn filters_that_pass_nothing_or_ask_for_nothing_are_refused() {
    for (text, message) in [
        ("[filter]\ntop_items = 0", "filter.top_items: 0 is too small; write 1 or more"),
        ("[filter]\nmin_rating = -1.0", "filter.min_rating: -1 is no rating; write a number, 0 or more"),
        ("[filter]\nmin_rating = nan", "filter.min_rating: NaN is no rating; write a number, 0 or more"),
        (
            "[filter]\nmin_rating = 3.0\nmax_rating = 2.0",
            "filter.max_rating: 2 is less than filter.min_rating = 3, so no rating passes; raise it, or remove one of them",
        ),
        (
            "time = 3\n[filter]\nbefore = 'tomorrow'",
            "filter.before: \"tomorrow\" is no point in time; write a date such as \"2024-05-01\", or a date and time such as \
             \"2024-05-01T17:30:00Z\"",
        ),
        (
            "time = 3\n[filter]\nbefore = 07:32:00",
            "filter.before: \"07:32:00\" is no point in time; write a date such as \"2024-05-01\", or a date and time such as \
             \"2024-05-01T17:30:00Z\"",
        ),
        (
            "time = 3\n[filter]\nafter = 2024-05-01\nbefore = 2024-05-01",
            "filter.before: it is not later than filter.after, so no row passes; name a later time",
        ),
        (
            "user = 1\nitem = 0\ntime = 1",
            "input.time: it is the same column as input.user; name another column, or \
          input.rating = false for no rating",
        ),
    ] {
        assert_eq!(refusal(job_with(&format!("{MINIMAL}{text}\n"), &[])), message, "{text}");
    }
    let made = "[input.generate]\n[filter]\nafter = 2024-05-01\n";
    let expected = "filter.after: data that are made have no time; remove it";
    assert_eq!(refusal(job_with(made, &[])), expected);
    assert!(refusal(job_with("[input]\ntime = 3\n[input.generate]\n", &[])).starts_with("input.time: it says how"));
}

#[test]
fn a_full_job_file_is_read() {
    let job = job(r#"
        seed = 7
        memory = "512MiB"
        output = "results/x"
        [input]
        ratings = "r.csv"
        format = "delimited"
        delimiter = "::"
        header = true
        user = "who"
        item = 3
        rating = "stars"
        duplicates = "mean"
        on_bad = "reject"
        max_bad = "1.5%"
        [input.items]
        path = "/abs/t.csv"
        delimiter = "|"
        header = false
        id = 1
        title = 0
        encoding = "latin1"
        [matrix]
        weighting = "bm25"
        normalize = "l2"
        missing = "zero"
        [sweep]
        clusters = [9, 3, 9]
        spaces = ["full"]
    "#);
    assert_eq!((job.seed, job.memory, job.output.as_path()), (7, 512 << 20, Path::new("results/x")));
    let files = files(&job);
    assert!(files.ratings[0].is_absolute() && files.ratings[0].ends_with("r.csv"), "relative to the job file");
    assert_eq!((files.delimiter.as_deref(), files.header), (Some("::"), Some(true)));
    assert_eq!((&files.user, &files.item), (&Column::Name("who".into()), &Column::Index(3)));
    assert_eq!(files.rating, RatingColumn::Given(Column::Name("stars".into())));
    assert_eq!((job.input.duplicates, job.input.on_bad, job.input.max_bad), (Duplicates::Mean, OnBad::Reject, 0.015));
    let titles = job.input.items.as_ref().unwrap();
    assert_eq!((titles.path.as_path(), titles.encoding), (Path::new("/abs/t.csv"), Encoding::Latin1));
    assert_eq!(job.matrix, Matrix { weighting: Weighting::Bm25, normalize: Normalize::L2, missing: Missing::Zero });
    let sweep = job.sweep.as_ref().unwrap();
    assert_eq!((sweep.clusters.as_slice(), sweep.explicit), (&[3, 9][..], true));
    assert!(!sweep.projected && sweep.full);
}

#[test]
fn metadata_are_columns_lists_or_flags() {
    let text = format!(
        "{MINIMAL}[input.items]\npath = 'i.csv'\nmetadata = ['theme', 4, {{ column = 'genres', name = 'genre', separator = '|' }}, \
         {{ name = 'kind', flags = {{ b = 7, a = 'x' }} }}]\n"
    );
    let metadata = job(&text).input.items.unwrap().metadata;
    let column = |column: Column, separator: Option<&str>| {
        let separator = separator.map(str::to_string);
        MetadataFrom::Column { column, separator }
    };
    let expected = [
        ("theme", column(Column::Name("theme".into()), None)),
        ("column 4", column(Column::Index(4), None)),
        ("genre", column(Column::Name("genres".into()), Some("|"))),
        ("kind", MetadataFrom::Flags(vec![("a".into(), Column::Name("x".into())), ("b".into(), Column::Index(7))])),
    ];
    let expected = expected.map(|(name, from)| MetadataSpec { name: name.into(), from });
    assert_eq!(metadata, expected);
    let again: Vec<MetadataSpec> = serde_json::from_str(&serde_json::to_string(&metadata).unwrap()).unwrap();
    assert_eq!(again, metadata);
    let tables = "[[input.items.metadata]]\nname = 'kind'\n[input.items.metadata.flags]\nb = 7\na = 'x'\n";
    let spelt_out = job(&format!("{MINIMAL}[input.items]\npath = 'i.csv'\n{tables}"));
    assert_eq!(spelt_out.input.items.unwrap().metadata, expected[3..]);
}

#[test]
fn metadata_that_say_nothing_are_refused() {
    for (entries, message) in [
        ("{ name = 'genre' }", "\"genre\" names no column; name its column, or the columns of its values in flags"),
        ("{ column = 3, flags = { a = 4 } }", "\"column 3\" names both a column and flags; remove one of them"),
        ("{ flags = { a = 4 } }", "an entry has no name; give it one, as in { name = \"genre\", ... }"),
        (
            "{ name = 'kind', flags = {} }",
            "the flags of \"kind\" name no values; name each value and its column, as in flags = { Action = 6, Comedy = 10 }",
        ),
        (
            "{ name = 'kind', flags = { a = 4 }, separator = '|' }",
            "\"kind\" has flags, and so nothing to separate; remove its separator",
        ),
        (
            "{ column = 'genre', separator = '' }",
            "the separator of \"genre\" is empty; write what parts the values, or remove it",
        ),
        ("0", "\"column 0\" is in the same column as input.items.id; name another column"),
        ("'genre', { column = 5, name = 'genre' }", "two entries are called \"genre\"; give one of them another name"),
    ] {
        let text = format!("{MINIMAL}[input.items]\npath = 'i.csv'\nmetadata = [{entries}]\n");
        assert_eq!(refusal(job_with(&text, &[])), format!("input.items.metadata: {message}"), "{entries}");
    }
    for entries in ["true", "{ colum = 'genre' }", "{ column = [1] }"] {
        let text = format!("{MINIMAL}[input.items]\npath = 'i.csv'\nmetadata = [{entries}]\n");
        let refused = refusal(job_with(&text, &[]));
        assert!(refused.starts_with("some.toml:5:1: input.items.metadata cannot be "), "{refused}");
        assert!(refused.contains("; write a list of columns, each an index, a name, or a table such as"), "{refused}");
    }
}

#[test]
fn a_generator_alone_is_a_job() {
    let made = |text: &str| match job(text).input.source {
        Source::Generate(made) => made,
        Source::Files(_) => panic!("files"),
    };
    assert_eq!(made("[input.generate]\n").affinity, DEFAULT_AFFINITY);
    assert_eq!(made("input.generate.users = 77").users, 77);
    assert_eq!(job("[input.generate]\n").input.duplicates, Duplicates::Error);
    assert_eq!(job("[input.generate]\nfeedback = \"implicit\"").input.duplicates, Duplicates::Sum);
}

#[test]
fn words_mean_what_they_say() {
    let set = |key: &str, value: &str| job_with(MINIMAL, &[(key, value)]).unwrap();
    for (text, bytes) in [("2GB", 2_000_000_000), ("1.5 GiB", 3 << 29), ("3000000", 3_000_000), ("64m", 64 << 20)] {
        assert_eq!(set("memory", text).memory, bytes, "{text}");
    }
    for (text, delimiter) in [("tab", "\t"), ("\\t", "\t"), (",", ","), ("'|'", "|"), ("::", "::")] {
        assert_eq!(files(&set("input.delimiter", text)).delimiter.as_deref(), Some(delimiter), "{text}");
    }
    assert_eq!(files(&set("input.delimiter", "auto")).delimiter, None);
    assert_eq!(files(&set("input.rating", "false")).rating, RatingColumn::None);
    assert_eq!(files(&set("input.header", "auto")).header, None);
    assert_eq!(set("sweep.clusters", "[]").sweep, None);
    for (text, share) in [("0%", 0.0), ("\"100%\"", 1.0), ("0.25", 0.25), ("1", 1.0)] {
        assert_eq!(
            job_with(MINIMAL, &[("input.on_bad", "reject"), ("input.max_bad", text)]).unwrap().input.max_bad,
            share
        );
    }
    assert_eq!(set("input.on_bad", "reject").input.max_bad, 1.0, "rejecting without a limit");
}

#[test]
fn overrides_win_over_the_file_and_the_output_flag_over_all() {
    let text = format!("output = \"a\"\n{MINIMAL}[pca]\ncomponents = 3\n");
    let job = job_with(&text, &[("pca.components", "4"), ("pca.solver", "gram"), ("output", "b")]).unwrap();
    assert_eq!((job.pca.components, job.pca.solver, job.output.as_path()), (4, Solver::Gram, Path::new("b")));
    assert_eq!(job_with(&text, &[("pca", "{ components = 5 }")]).unwrap().pca.components, 5);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.toml");
    std::fs::write(&path, &text).unwrap();
    assert_eq!(load(&path, &[], Some(PathBuf::from("c"))).unwrap().output, Path::new("c"));
}

#[test]
fn an_override_cannot_smuggle_in_another_key() {
    let refused = refusal(job_with(MINIMAL, &[("seed", "1\nmemory = 5")]));
    assert!(refused.starts_with("--set seed: seed cannot be "), "{refused}");
}

#[test]
fn a_job_survives_serialisation() {
    let before = job(MINIMAL);
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), before);
}

#[test]
fn what_is_not_toml_is_refused_with_line_and_column() {
    let refused = refusal(job_with("seed = 1\n[input\n", &[]));
    assert!(refused.starts_with("some.toml:2:7: this is not TOML: "), "{refused}");
    let twice = refusal(job_with("seed = 1\nseed = 2\n", &[]));
    assert!(twice.starts_with("some.toml:2:1: this is not TOML: duplicate key"), "{twice}");
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let missing = load(Path::new("/nowhere/job.toml"), &[], None).unwrap_err();
    assert_eq!(missing.exit_code(), 2);
    assert!(missing.to_string().starts_with("/nowhere/job.toml: cannot read the job file: "), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.toml");
    std::fs::write(&path, b"seed = \xff").unwrap();
    assert!(refusal(load(&path, &[], None)).contains("not UTF-8"));
}

#[test]
fn an_unknown_key_is_refused_with_its_neighbours() {
    for (text, message) in [
        ("[pca]\ncomponets = 3\n", "some.toml:2:1: there is no key pca.componets; did you mean pca.components?"),
        ("[kmeens]\nclusters = 3\n", "some.toml:2:1: there is no key kmeens.clusters; did you mean kmeans.clusters?"),
        ("sed = 3\n", "some.toml:1:1: there is no key sed; did you mean seed?"),
        (
            "[validate]\nzzzzzzzz = 1\n",
            "some.toml:2:1: there is no key validate.zzzzzzzz; the keys of [validate] are model, folds",
        ),
    ] {
        assert_eq!(refusal(job_with(text, &[])), message);
    }
    let refused = refusal(job_with(MINIMAL, &[("kmeans.cluster", "3")]));
    assert_eq!(refused, "--set kmeans.cluster: there is no key kmeans.cluster; did you mean kmeans.clusters?");
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    for (key, value, remedy) in [
        ("seed", "-1", "write a whole number, 0 or more"),
        ("pca.components", "ten", "write a whole number, 0 or more"),
        ("kmeans.n_init", "2.5", "write a whole number, 0 or more"),
        ("kmeans.tol", "small", "write a number"),
        ("pca.solver", "grm", "write one of \"auto\", \"gram\", \"krylov\""),
        ("matrix.weighting", "idf", "write one of \"raw\", \"binary\", \"log1p\", \"tfidf\", \"bm25\""),
        ("matrix.normalize", "l1", "write \"none\" or \"l2\""),
        ("matrix.missing", "mean", "write \"zero\" or \"user-mean\""),
        ("input.duplicates", "first", "write \"auto\", \"error\", \"last\", \"sum\", \"mean\" or \"max\""),
        ("input.on_bad", "skip", "write \"fail\" or \"reject\""),
        ("input.format", "csv", "write one of \"auto\", \"delimited\", \"parquet\", \"arrow\""),
        ("input.ratings", "3", "write a list of files"),
        ("input.user", "-1", "write a column: its index from 0"),
        ("input.rating", "[1]", "write a column"),
        ("input.header", "3", "write true, false or \"auto\""),
        ("input.max_bad", "true", "write a share such as"),
        ("input.items.encoding", "ebcdic", "\"utf8\""),
        ("input.generate.feedback", "loud", "write \"explicit\" or \"implicit\""),
        ("sweep.clusters", "5", "write a list"),
        ("sweep.spaces", "[\"half\"]", "write \"projected\" or \"full\""),
        ("validate.model", "bayes", "write one of \"multinomial\", \"bernoulli\", \"gaussian\""),
        ("memory", "true", "write a size such as"),
        ("output", "3", "write a text in quotes"),
        ("pca", "3", "write its keys below a line [pca]"),
    ] {
        let refused = refusal(job_with(MINIMAL, &[(key, value)]));
        assert!(refused.starts_with(&format!("--set {key}: {key} ")), "{refused}");
        assert!(refused.contains(remedy), "{refused}");
    }
    let in_file = refusal(job_with("[kmeans]\n# how many\n  clusters = \"many\"\n", &[]));
    assert_eq!(
        in_file,
        "some.toml:3:3: kmeans.clusters cannot be \"many\"; write a whole number, 0 or more, or \"auto\""
    );
}

#[test]
fn a_value_out_of_range_is_refused_by_its_key() {
    for (key, value) in [
        ("memory", "4"),
        ("memory", "4 apples"),
        ("memory", "-4GiB"),
        ("output", "\"\""),
        ("output", ".."),
        ("input.ratings", "[]"),
        ("input.ratings", "\"\""),
        ("input.delimiter", "\"\""),
        ("input.delimiter", "ato"),
        ("input.header", "maybe"),
        ("input.rating", "true"),
        ("input.max_bad", "150%"),
        ("input.max_bad", "few"),
        ("input.max_bad", "nan"),
        ("input.max_bad", "1%"),
        ("pca.components", "0"),
        ("pca.report", "0"),
        ("pca.tol", "0"),
        ("pca.tol", "nan"),
        ("kmeans.clusters", "1"),
        ("kmeans.n_init", "0"),
        ("kmeans.max_iter", "0"),
        ("kmeans.tol", "-1"),
        ("kmeans.tol", "inf"),
        ("sweep.clusters", "[5, 1]"),
        ("sweep.spaces", "[]"),
        ("validate.folds", "1"),
        ("profile.top", "0"),
    ] {
        let refused = refusal(job_with(MINIMAL, &[(key, value)]));
        assert!(refused.starts_with(&format!("{key}: ")), "{key} = {value}: {refused}");
    }
}

#[test]
fn a_generator_out_of_range_is_refused_by_its_key() {
    for (key, value) in [
        ("users", "0"),
        ("items", "0"),
        ("segments", "0"),
        ("segments", "1001"),
        ("ratings_per_user", "0"),
        ("ratings_per_user", "inf"),
        ("ratings_per_user", "1001"),
        ("affinity", "1.1"),
        ("affinity", "nan"),
        ("movers", "-0.1"),
        ("month", "121"),
        ("born", "993"),
    ] {
        let key = format!("input.generate.{key}");
        let refused = refusal(job_with("[input.generate]\n", &[(&key, value)]));
        assert!(refused.starts_with(&format!("{key}: ")), "{key} = {value}: {refused}");
    }
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    assert!(refusal(job_with("seed = 1\n", &[])).starts_with("input.ratings: the job names no ratings"));
    let both = format!("{MINIMAL}[input.generate]\n");
    assert!(refusal(job_with(&both, &[])).starts_with("input.ratings: the job names ratings and [input.generate]"));
    for (key, value) in [("header", "true"), ("delimiter", ","), ("rating", "2"), ("items.path", "t.csv")] {
        let refused = refusal(job_with("[input.generate]\n", &[(&format!("input.{key}"), value)]));
        assert!(refused.contains("[input.generate] makes the data"), "{refused}");
    }
    let no_path = refusal(job_with(&format!("{MINIMAL}[input.items]\nid = 0\n"), &[]));
    assert!(no_path.starts_with("input.items.path: it is missing"), "{no_path}");
    let same = refusal(job_with(&format!("{MINIMAL}[input.items]\npath = \"t\"\ntitle = 0\n"), &[]));
    assert!(same.starts_with("input.items.title: "), "{same}");
}

fn jobs_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs")
}

#[test]
fn the_jobs_that_people_copy_are_accepted() {
    for name in ["quickstart", "movielens-100k", "movielens-25m", "page-views"] {
        let job = load(&jobs_folder().join(name).with_extension("toml"), &[], None);
        assert_eq!(job.unwrap_or_else(|e| panic!("{e}")).output, Path::new("out").join(name));
    }
}

#[test]
fn the_guide_explains_every_key() {
    let guide = std::fs::read_to_string(jobs_folder().join("README.md")).unwrap();
    for key in keys::KEYS {
        assert_eq!(guide.matches(&format!("\n| `{key}` | ")).count(), 1, "{key}");
    }
}
