//! The job of a finished run, for other ratings, or for the same ratings that are then followed.
//!
//! The ratings are read as in the run, except for keys that are set anew; these go through the same check as a job file. The
//! filters of rows stay too. The filters that count ratings have chosen the users and items of the model; they are dropped.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

use super::checked::Job;
use super::column::RatingColumn;
use super::filter::Filter;
use super::input::{FilesSpec, Find, Input, OnBad, STDIN, Source};
use super::load::overridden;
use super::refuse::refuse;
use super::spec::{CategoriesSpec, ColumnOrNone, InputSpec, JobSpec, Paths, Repeats, Share, Size, Switch};

/// Keys that can be set in addition to those of `[input]`.
const ALSO: [&str; 6] =
    ["memory", "scratch", "filter.min_rating", "filter.max_rating", "filter.after", "filter.before"];

impl Job {
    /// This job for the ratings in `files`, with some keys of `[input]`, the filters of rows, `memory` or `scratch` set as by
    /// `--set`. Paths are relative to the working directory. Titles are left out.
    pub fn for_ratings(&self, files: &[PathBuf], overrides: &[(String, String)]) -> Result<Job> {
        for (key, _) in overrides {
            refuse_others(key)?;
        }
        let given = overridden(overrides)?;
        let decimal = given.input.decimal;
        let of_run = JobSpec { memory: Size::Bytes(self.memory), ..JobSpec::default() };
        let memory = if overrides.iter().any(|(key, _)| key == "memory") { given.memory } else { of_run.memory };
        let input = InputSpec { ratings: Some(Paths::Many(files.to_vec())), ..with(given.input, &self.input) };
        let spec = JobSpec { memory, input, filter: given.filter, ..JobSpec::default() };
        let mut checked = spec.check(Path::new(""), PathBuf::from("out"))?;
        let filter = of_rows(&checked.filter, &self.filter);
        if let Source::Files(files) = &mut checked.input.source {
            // The columns are those of the run.
            files.find = Find::default();
            if let (Source::Files(ran), None) = (&self.input.source, decimal) {
                files.numbers = ran.numbers.clone();
            }
            match &mut files.time {
                Some(time) => time.asked = filter.looks_at_time(),
                None => refuse_times(&filter)?,
            }
        }
        Ok(Job {
            input: checked.input,
            filter,
            memory: checked.memory,
            scratch: given.scratch.or_else(|| self.scratch.clone()),
            ..self.clone()
        })
    }
}

/// Keys of `[input]` that have a meaning for generated ratings.
const OF_GENERATED: [&str; 3] = ["input.duplicates", "input.on_bad", "input.max_bad"];

impl Job {
    /// This job for the ratings of the run, which are read again before changes to them are followed. Keys are set as in
    /// [`Job::for_ratings`]. With `empty` the ratings are not read, and the keys apply to the changes only.
    ///
    /// # Errors
    /// If the ratings came from standard input and are to be read.
    pub fn for_following(&self, overrides: &[(String, String)], empty: bool) -> Result<Job> {
        if self.input.reads_stdin() && !empty {
            let problem = "the ratings of the run came from standard input, which cannot be read again";
            let remedy = "begin without them (--empty), or run the job again with its ratings in a file";
            return Err(Error::job("input.ratings", problem, remedy));
        }
        match &self.input.source {
            Source::Files(files) => self.for_ratings(&files.ratings, overrides),
            Source::Generate(_) => {
                for (key, _) in overrides {
                    refuse_of_files(key)?;
                }
                // All but the source is checked as if there were a file.
                let job = self.for_ratings(&[STDIN.into()], overrides)?;
                Ok(Job { input: Input { source: self.input.source.clone(), ..job.input }, ..job })
            }
        }
    }
}

/// The filters of rows that are given; otherwise those of the run.
fn of_rows(given: &Filter, ran: &Filter) -> Filter {
    Filter {
        min_rating: given.min_rating.or(ran.min_rating),
        max_rating: given.max_rating.or(ran.max_rating),
        after: given.after.or(ran.after),
        before: given.before.or(ran.before),
        min_ratings_per_user: None,
        min_users_per_item: None,
        top_items: None,
    }
}

/// A filter of times where the run knows none.
fn refuse_times(filter: &Filter) -> Result<()> {
    match filter.looks_at_time() {
        true => refuse("filter.after", "nothing says which column has the time", "name it in input.time"),
        false => Ok(()),
    }
}

fn refuse_others(key: &str) -> Result<()> {
    let place = format!("--set {key}");
    if key == "input.ratings" {
        return Err(Error::job(place, "the ratings are named on the command line", "name them there"));
    }
    const NO_PART: [&str; 4] = ["input.items", "input.generate", "input.title", "input.categories"];
    if NO_PART.iter().any(|section| key.starts_with(section)) {
        return Err(Error::job(place, "it plays no part here", "remove it"));
    }
    if !key.starts_with("input.") && !ALSO.contains(&key) {
        let remedy = "set keys of [input], filters of rows, memory or scratch, or run the job again with another model";
        return Err(Error::job(place, "the model is as it was fitted", remedy));
    }
    Ok(())
}

fn refuse_of_files(key: &str) -> Result<()> {
    if key.starts_with("input.") && !OF_GENERATED.contains(&key) {
        let problem = "the ratings of the run are generated, and changes have their columns in order";
        return Err(Error::job(format!("--set {key}"), problem, "remove it"));
    }
    Ok(())
}

/// The keys of `given`; for those it leaves out, the input of the run.
fn with(given: InputSpec, ran: &Input) -> InputSpec {
    let Input { source, duplicates, on_bad, max_bad, items: _ } = ran;
    let bad = given.on_bad.unwrap_or(*on_bad);
    // A limit has a meaning only if bad rows are rejected, in the run and now.
    let limit = (bad == OnBad::Reject && *on_bad == OnBad::Reject).then_some(Share::Number(*max_bad));
    let files = match source {
        Source::Files(files) => of_files(files),
        Source::Generate(_) => InputSpec::default(),
    };
    InputSpec {
        ratings: None,
        format: given.format.or(files.format),
        delimiter: given.delimiter.or(files.delimiter),
        header: given.header.or(files.header),
        user: given.user.or(files.user),
        item: given.item.or(files.item),
        rating: given.rating.or(files.rating),
        decimal: given.decimal,
        time: given.time.or(files.time),
        time_unit: given.time_unit.or(files.time_unit),
        // The items are those of the model.
        title: Some(ColumnOrNone::Switch(false)),
        categories: Some(CategoriesSpec::Switch(false)),
        duplicates: given.duplicates.or(Some(Repeats::Rule(*duplicates))),
        on_bad: Some(bad),
        max_bad: given.max_bad.or(limit),
        items: None,
        generate: None,
    }
}

fn of_files(files: &FilesSpec) -> InputSpec {
    let FilesSpec { ratings: _, format, delimiter, header, user, item, rating, numbers: _, time, items: _, find: _ } =
        files;
    let rating = match rating {
        RatingColumn::Given(column) => Some(ColumnOrNone::Column(column.clone())),
        RatingColumn::Default => None,
        RatingColumn::None => Some(ColumnOrNone::Switch(false)),
    };
    InputSpec {
        format: Some(*format),
        delimiter: delimiter.clone(),
        header: header.map(Switch::Is),
        user: Some(user.clone()),
        item: Some(item.clone()),
        rating,
        time: time.as_ref().map(|time| time.column.clone()),
        time_unit: time.as_ref().map(|time| time.unit),
        ..InputSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Column, Duplicates, load};

    fn job(text: &str) -> Job {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.toml");
        std::fs::write(&path, text).unwrap();
        let mut job = load(&path, &[], None).unwrap();
        // The run has found what it was to find.
        if let Source::Files(files) = &mut job.input.source {
            files.find = Find::default();
        }
        job
    }

    fn files_of(job: &Job) -> &FilesSpec {
        match &job.input.source {
            Source::Files(files) => files,
            Source::Generate(_) => panic!("files are read"),
        }
    }

    fn set(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    const RAN: &str = "memory = '1GiB'\n[input]\nratings = ['old.csv']\ndelimiter = 'tab'\nuser = 'who'\nitem = 2\n\
        rating = false\nheader = true\nduplicates = 'sum'\non_bad = 'reject'\nmax_bad = '1%'\n[kmeans]\nclusters = 7\n";

    #[test]
    fn the_input_of_the_run_holds_for_other_files() {
        let ran = job(RAN);
        let again = ran.for_ratings(&["new.csv".into()], &[]).unwrap();
        let files = files_of(&again);
        assert_eq!(files.ratings, [PathBuf::from("new.csv")]);
        assert_eq!(FilesSpec { ratings: files_of(&ran).ratings.clone(), ..files.clone() }, *files_of(&ran));
        assert_eq!(Input { source: ran.input.source.clone(), ..again.input }, ran.input);
        assert_eq!((again.memory, again.kmeans), (1 << 30, ran.kmeans));
    }

    #[test]
    fn what_is_set_wins_and_the_rest_stays() {
        let ran = job(RAN);
        let sets = set(&[("input.user", "0"), ("input.duplicates", "last"), ("memory", "2GiB"), ("scratch", "/big")]);
        let again = ran.for_ratings(&["new.csv".into()], &sets).unwrap();
        assert_eq!((&files_of(&again).user, &files_of(&again).item), (&Column::Index(0), &Column::Index(2)));
        assert_eq!((again.input.duplicates, again.input.max_bad), (Duplicates::Last, 0.01));
        assert_eq!((again.memory, again.scratch), (2 << 30, Some("/big".into())));
        let strict = ran.for_ratings(&["new.csv".into()], &set(&[("input.on_bad", "fail")])).unwrap();
        assert_eq!((strict.input.on_bad, strict.input.max_bad), (OnBad::Fail, 0.0));
        let made = job("[input.generate]\nfeedback = 'implicit'\n");
        let lenient = made.for_ratings(&["new.csv".into()], &set(&[("input.on_bad", "reject")])).unwrap();
        assert_eq!((lenient.input.duplicates, lenient.input.max_bad), (Duplicates::Sum, 1.0));
    }

    #[test]
    fn filters_of_rows_hold_and_those_that_count_do_not() {
        let filtered =
            format!("{RAN}[filter]\nmin_rating = 2\nafter = 2024-01-01\ntop_items = 9\nmin_ratings_per_user = 3\n");
        let ran = job(&filtered.replace("item = 2", "item = 2\ntime = 'when'"));
        let again = ran.for_ratings(&["new.csv".into()], &[]).unwrap();
        assert_eq!(again.filter, Filter { top_items: None, min_ratings_per_user: None, ..ran.filter });
        assert!(files_of(&again).time.as_ref().is_some_and(|time| time.asked));
        let moved = ran.for_ratings(&["new.csv".into()], &set(&[("filter.after", "2024-02-01")])).unwrap();
        assert_eq!(moved.filter.after.unwrap() - ran.filter.after.unwrap(), 31 * 86_400 * 1_000_000);
    }

    #[test]
    fn what_would_change_the_model_is_refused() {
        for key in [
            "kmeans.clusters",
            "seed",
            "filter.top_items",
            "input.ratings",
            "input.items.path",
            "input.generate.users",
            "output",
        ] {
            let error = job(RAN).for_ratings(&["new.csv".into()], &set(&[(key, "3")])).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().starts_with(&format!("--set {key}: ")), "{error}");
        }
        let error = job(RAN).for_ratings(&["new.csv".into()], &set(&[("input.usr", "3")])).unwrap_err();
        assert!(error.to_string().contains("input.user"), "{error}");
    }

    #[test]
    fn ratings_that_are_followed_are_those_of_the_run_read_as_they_were() {
        let ran = job(&format!("{RAN}[filter]\nmin_rating = 2\ntop_items = 9\n"));
        let again = ran.for_following(&[], false).unwrap();
        assert_eq!(again.input, ran.input, "the paths are those of the record");
        assert_eq!(again.filter, Filter { top_items: None, ..ran.filter });
        assert_eq!((again.memory, again.profile), (ran.memory, ran.profile));
        let set_anew = ran.for_following(&set(&[("input.user", "0"), ("memory", "2GiB")]), false).unwrap();
        assert_eq!((&files_of(&set_anew).user, set_anew.memory), (&Column::Index(0), 2 << 30));
        assert_eq!(files_of(&set_anew).ratings, files_of(&ran).ratings);
        for key in ["kmeans.clusters", "input.ratings", "output"] {
            let error = ran.for_following(&set(&[(key, "3")]), true).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().starts_with(&format!("--set {key}: ")), "{error}");
        }
    }

    #[test]
    fn standard_input_cannot_be_read_again_but_need_not_be() {
        let ran = job(&RAN.replace("old.csv", "-"));
        let error = ran.for_following(&[], false).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains("--empty"), "{error}");
        assert_eq!(ran.for_following(&[], true).unwrap().input, ran.input);
    }

    #[test]
    fn generated_ratings_stay_generated() {
        let made = job("[input.generate]\nfeedback = 'implicit'\nusers = 70\n");
        let again = made.for_following(&[], false).unwrap();
        assert_eq!(again, made);
        let last =
            made.for_following(&set(&[("input.duplicates", "last"), ("filter.min_rating", "2")]), false).unwrap();
        assert_eq!((&last.input.source, last.input.duplicates), (&made.input.source, Duplicates::Last));
        assert_eq!(last.filter.min_rating, Some(2.0));
        let error = made.for_following(&set(&[("input.user", "who")]), false).unwrap_err();
        assert!(error.to_string().starts_with("--set input.user: "), "{error}");
    }
}
