//! `segmill init`: the job file of some data, with what was found in them.

use std::fmt::Write;
use std::path::Path;

use crate::collective::Solo;
use crate::error::{Error, Result};
use crate::ingest::plan;
use crate::job::{Column, Decimal, Duplicates, FilesSpec, Job, MetadataFrom, MetadataSpec, RatingColumn, Source};

use super::room::scratch_folder;

/// Looks at the input of `job`, and says in a job file what was found there.
///
/// # Errors
/// Those of finding and opening the input, and of columns that have to be named.
pub fn job_file(job: &Job) -> Result<String> {
    let planned = plan::plan(&mut Solo, &job.input, &scratch_folder(job, &job.output))?;
    let Source::Files(files) = &planned.input.source else {
        return Err(Error::job("segmill init", "this job makes its data", "name files with ratings"));
    };
    Ok(text(job, files, planned.input.duplicates, &planned.found))
}

fn text(job: &Job, files: &FilesSpec, duplicates: Duplicates, found: &[String]) -> String {
    let mut text = String::from(
        "# A job for segmill. jobs/README.md explains every key; those that are left out have a default.\n",
    );
    let mut line = |line: String| writeln!(text, "{line}").expect("text can be written");
    line(format!("output = {}", quoted(&job.output.to_string_lossy())));
    line("\n[input]".to_string());
    let paths: Vec<String> = files.ratings.iter().map(|path| quoted(&absolute(path))).collect();
    line(format!("ratings = [{}]", paths.join(", ")));
    found.iter().for_each(|found| line(format!("# {}", found.replace(|letter: char| letter.is_control(), " "))));
    line(format!("user = {}", column(&files.user)));
    line(format!("item = {}", column(&files.item)));
    match &files.rating {
        RatingColumn::Given(given) => line(format!("rating = {}", column(given))),
        RatingColumn::None => line("rating = false".to_string()),
        // It is where it usually is, or there is none.
        RatingColumn::Default => {}
    }
    if files.numbers.decimal != Decimal::Plain {
        let decimal = if files.numbers.decimal == Decimal::Comma { "," } else { "." };
        line(format!("decimal = {}", quoted(decimal)));
    }
    if let Some(time) = &files.time {
        line(format!("time = {}", column(&time.column)));
        line(format!("time_unit = {}", quoted(&format!("{:?}", time.unit).to_lowercase())));
    }
    if let Some(title) = &files.items.title {
        line(format!("title = {}", column(title)));
    }
    if !files.items.categories.is_empty() {
        let categories: Vec<String> = files.items.categories.iter().map(category).collect();
        line(format!("categories = [{}]", categories.join(", ")));
    }
    line(format!("duplicates = {}", quoted(&format!("{duplicates:?}").to_lowercase())));
    line(
        "# on_bad = \"reject\"        # rows that cannot be read go to rejects.tsv, instead of ending the run"
            .to_string(),
    );
    if files.items.title.is_none() {
        line("\n# [input.items]            # what items are called".to_string());
        line("# path = \"items.csv\"\n# id = 0\n# title = 1".to_string());
    }
    line("\n# What is left out here, the run chooses by evidence.".to_string());
    line("# [matrix]\n# weighting = \"bm25\"\n# normalize = \"l2\"".to_string());
    let clusters = if job.choices.clusters.is_open() { "\"auto\"".into() } else { job.kmeans.clusters.to_string() };
    line(format!("\n[kmeans]\nclusters = {clusters}"));
    text
}

/// Paths of a job file are relative to it, and where it will be is not known here.
fn absolute(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_placed = text == "-" || text.contains("://");
    let placed = if is_placed { path.to_path_buf() } else { std::path::absolute(path).unwrap_or_else(|_| path.into()) };
    placed.to_string_lossy().into_owned()
}

fn column(column: &Column) -> String {
    match column {
        Column::Index(index) => index.to_string(),
        Column::Name(name) => quoted(name),
    }
}

/// An entry of `input.categories`.
fn category(category: &MetadataSpec) -> String {
    let name = quoted(&category.name);
    match &category.from {
        MetadataFrom::Column { column: Column::Name(of), separator: None } if *of == category.name => name,
        MetadataFrom::Column { column: of, separator } => {
            let separator = separator.as_ref().map(|text| format!(", separator = {}", quoted(text)));
            format!("{{ column = {}, name = {name}{} }}", column(of), separator.unwrap_or_default())
        }
        MetadataFrom::Flags(flags) => {
            let flags = flags.iter().map(|(value, of)| format!("{} = {}", quoted(value), column(of)));
            format!("{{ name = {name}, flags = {{ {} }} }}", flags.collect::<Vec<_>>().join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
