//! The check: the only way from a [`JobSpec`] to a [`Job`]. Each refusal names the key and the remedy.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};

use super::spec::{
    DEFAULT_SWEEP, EvidenceSpec, FilterSpec, InputSpec, ItemsSpec, JobSpec, KMeansSpec, MatrixSpec, MetadataEntry,
    MetadataTable, Moment, Paths, PcaSpec, ProfileSpec, RatingSpec, Share, Size, Space, SweepSpec, Switch,
    ValidateSpec,
};
use super::*;

/// Less memory than this is a forgotten unit.
const MIN_MEMORY: u64 = 1 << 20;

impl JobSpec {
    /// Checks every value. Relative input paths are resolved against `folder`, the job file's; `output` and
    /// `scratch` stay relative to the working directory; `output` is `default_output` where the job names none.
    pub fn check(self, folder: &Path, default_output: PathBuf) -> Result<Job> {
        let filter = filter(&self.filter, &self.input)?;
        Ok(Job {
            seed: self.seed,
            memory: bytes(&self.memory)?,
            scratch: self.scratch,
            checkpoint_every: seconds("checkpoint_every", self.checkpoint_every)?,
            output: output(self.output.unwrap_or(default_output))?,
            input: input(self.input, folder, &filter)?,
            filter,
            matrix: matrix(self.matrix)?,
            pca: pca(self.pca)?,
            kmeans: kmeans(self.kmeans, self.matrix.normalize)?,
            sweep: sweep(self.sweep)?,
            validate: validate(self.validate)?,
            profile: profile(self.profile)?,
            evidence: evidence(self.evidence)?,
            compare: self.compare.previous.map(|path| resolve_output(&path)).transpose()?,
        })
    }
}

impl Job {
    /// Refuses a job that was changed by hand after it was checked, as far as it could not run.
    pub fn check_again(&self) -> Result<()> {
        at_least("memory", self.memory, MIN_MEMORY)?;
        output(self.output.clone())?;
        for (key, value, least) in [
            ("pca.components", self.pca.components, 1),
            ("pca.report", self.pca.report, 1),
            ("kmeans.clusters", self.kmeans.clusters, 2),
            ("kmeans.n_init", self.kmeans.n_init, 1),
            ("kmeans.max_iter", self.kmeans.max_iter, 1),
            ("validate.folds", self.validate.folds, 2),
            ("profile.top", self.profile.top, 1),
        ] {
            at_least(key, value, least)?;
        }
        for (key, value) in [("pca.tol", self.pca.tol), ("kmeans.tol", self.kmeans.tol)] {
            at_least(key, value, 0.0)?;
        }
        if let Some(sweep) = &self.sweep {
            at_least("sweep.clusters", sweep.clusters.first().copied().unwrap_or_default(), 2)?;
            if !sweep.clusters.is_sorted_by(|a, b| a < b) {
                return refuse("sweep.clusters", "the numbers do not rise", "sort them");
            }
        }
        match &self.input.source {
            Source::Generate(made) => made.check(|field| format!("input.generate.{field}")),
            Source::Files(_) => Ok(()),
        }
    }
}

fn seconds(key: &str, value: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(value)
        .or_else(|_| refuse(key, format!("{value} is no time"), "write a number of seconds from 0 on"))
}

/// Past these the generator's tables and keys would not hold.
const MAX_GENERATED_USERS: u64 = 1 << 31;
const MAX_GENERATED_ITEMS: u64 = 1 << 31;
const MAX_GENERATED_MEAN: f64 = 1e6;
/// Ten years: what a user likes in a month follows from all months before.
const MAX_GENERATED_MONTH: u64 = 120;

impl GenerateSpec {
    /// Refuses what no data can be made from. `name` says how the reader spells a field: as a job key or as a flag.
    pub fn check(&self, name: impl Fn(&str) -> String) -> Result<()> {
        let (users, items, segments, mean) = (self.users, self.items, self.segments, self.ratings_per_user);
        for (field, value) in [("users", users), ("items", items), ("segments", segments)] {
            at_least(&name(field), value, 1)?;
        }
        for (field, value, most) in [("users", users, MAX_GENERATED_USERS), ("items", items, MAX_GENERATED_ITEMS)] {
            if value > most {
                return refuse(name(field), format!("{value} is too large"), format!("write {most} or less"));
            }
        }
        if !(0.0..=1.0).contains(&self.movers) {
            return refuse(name("movers"), format!("{} is not a share", self.movers), "write a number from 0 to 1");
        }
        if self.month > MAX_GENERATED_MONTH {
            let remedy = format!("write {MAX_GENERATED_MONTH} or less");
            return refuse(name("month"), format!("{} is too large", self.month), remedy);
        }
        if self.born > items.saturating_sub(segments) && segments <= items {
            let problem = format!("{segments} segments and {} more do not fit {items} items", self.born);
            return refuse(name("born"), problem, format!("write {} or less", items - segments));
        }
        if segments > users.min(items) {
            let problem = format!("{segments} segments cannot be planted in {users} users and {items} items");
            return refuse(name("segments"), problem, format!("write {} or less", users.min(items)));
        }
        if !(0.0..=1.0).contains(&self.affinity) {
            return refuse(name("affinity"), format!("{} is not a share", self.affinity), "write a number from 0 to 1");
        }
        if !(1.0..=MAX_GENERATED_MEAN).contains(&mean) {
            let problem = format!("a mean of {mean} ratings is not possible");
            return refuse(name("ratings_per_user"), problem, format!("write a number from 1 to {MAX_GENERATED_MEAN}"));
        }
        let available = if self.affinity == 1.0 { items / (segments + self.born) } else { items };
        if self.feedback == Feedback::Explicit && mean > available as f64 {
            let problem =
                format!("{mean} different items per user do not fit the {available} that a user chooses from");
            return refuse(
                name("ratings_per_user"),
                problem,
                format!("write {available} or less, or make it implicit"),
            );
        }
        Ok(())
    }
}

fn refuse<T>(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Result<T> {
    Err(Error::job(place, problem, remedy))
}

fn at_least<T: PartialOrd + Display>(key: &str, value: T, least: T) -> Result<T> {
    if value < least {
        return refuse(key, format!("{value} is too small"), format!("write {least} or more"));
    }
    Ok(value)
}

/// A number of bytes. Units are powers of 1000 (`MB`) or 1024 (`MiB`, or `M` for short), in any case.
fn bytes(size: &Size) -> Result<u64> {
    let (bytes, text) = match size {
        Size::Bytes(bytes) => (Some(*bytes), bytes.to_string()),
        Size::Text(text) => (parse_size(text), format!("{text:?}")),
    };
    match bytes {
        Some(bytes) if bytes >= MIN_MEMORY => Ok(bytes),
        Some(_) => {
            refuse("memory", format!("{text} is less than 1 MiB"), "write a size with its unit, such as \"4GiB\"")
        }
        None => {
            refuse("memory", format!("{text} is not a size"), "write a size such as \"4GiB\", \"512MiB\" or \"2GB\"")
        }
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = unit(text[digits..].trim())?;
    let number: f64 = text[..digits].parse().ok()?;
    let bytes = number * unit as f64;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

fn unit(name: &str) -> Option<u64> {
    Some(match name.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    })
}

/// The output folder is replaced whole, so it must have a name of its own.
fn output(path: PathBuf) -> Result<PathBuf> {
    if path.file_name().is_none() {
        let problem = format!("{path:?} does not name a folder that could be written anew");
        return refuse("output", problem, "name a folder such as \"out/my-job\"");
    }
    Ok(path)
}

fn input(spec: InputSpec, folder: &Path, filter: &Filter) -> Result<Input> {
    let on_bad = spec.on_bad.unwrap_or(OnBad::Fail);
    let max_bad = max_bad(spec.max_bad.as_ref(), on_bad)?;
    let duplicates = spec.duplicates.unwrap_or_else(|| default_duplicates(&spec));
    let items = spec.items.clone().map(|items| titles(items, folder)).transpose()?;
    let source = source(spec, folder, filter)?;
    Ok(Input { source, duplicates, on_bad, max_bad, items })
}

/// A generated event log repeats by design; in files a repeated row is a mistake until the job says otherwise.
fn default_duplicates(spec: &InputSpec) -> Duplicates {
    match &spec.generate {
        Some(made) if made.feedback == Feedback::Implicit => Duplicates::Sum,
        _ => Duplicates::Error,
    }
}

fn source(spec: InputSpec, folder: &Path, filter: &Filter) -> Result<Source> {
    match (&spec.ratings, &spec.generate) {
        (None, None) => refuse(
            "input.ratings",
            "the job names no ratings",
            "name files, as in input.ratings = [\"ratings.csv\"], or have data made with [input.generate]",
        ),
        (Some(_), Some(_)) => refuse(
            "input.ratings",
            "the job names ratings and [input.generate], but can run on one of them only",
            "remove either",
        ),
        (None, Some(made)) => {
            refuse_keys_of_files(&spec)?;
            made.check(|field| format!("input.generate.{field}"))?;
            Ok(Source::Generate(made.clone()))
        }
        (Some(_), None) => Ok(Source::Files(files(spec, folder, filter)?)),
    }
}

/// Keys that say how files are read mean nothing where none are.
fn refuse_keys_of_files(spec: &InputSpec) -> Result<()> {
    for (key, given) in [
        ("input.format", spec.format.is_some()),
        ("input.delimiter", spec.delimiter.is_some()),
        ("input.header", spec.header.is_some()),
        ("input.user", spec.user.is_some()),
        ("input.item", spec.item.is_some()),
        ("input.rating", spec.rating.is_some()),
        ("input.time", spec.time.is_some()),
        ("input.time_unit", spec.time_unit.is_some()),
        ("input.items", spec.items.is_some()),
    ] {
        if given {
            return refuse(key, "it says how files are read, but [input.generate] makes the data", "remove it");
        }
    }
    Ok(())
}

fn files(spec: InputSpec, folder: &Path, filter: &Filter) -> Result<FilesSpec> {
    let ratings = match spec.ratings {
        Some(Paths::One(path)) => vec![path],
        Some(Paths::Many(paths)) => paths,
        None => Vec::new(),
    };
    if ratings.is_empty() {
        return refuse("input.ratings", "the list is empty", "name at least one file, folder, glob or address");
    }
    let user = spec.user.unwrap_or(Column::Index(0));
    let item = spec.item.unwrap_or(Column::Index(1));
    let rating = rating(spec.rating)?;
    let columns =
        [("user", Some(&user)), ("item", Some(&item)), ("rating", given(&rating)), ("time", spec.time.as_ref())];
    refuse_shared_columns(columns)?;
    let unit = spec.time_unit.unwrap_or_default();
    let asked = filter.looks_at_time();
    let time = spec.time.map(|column| Time { column, unit, asked });
    Ok(FilesSpec {
        ratings: ratings.iter().map(|path| resolve("input.ratings", path, folder)).collect::<Result<_>>()?,
        format: spec.format.unwrap_or_default(),
        delimiter: delimiter("input.delimiter", spec.delimiter.as_deref())?,
        header: switch("input.header", spec.header.as_ref())?,
        user,
        item,
        rating,
        time,
    })
}

fn rating(spec: Option<RatingSpec>) -> Result<RatingColumn> {
    match spec {
        None => Ok(RatingColumn::Default),
        Some(RatingSpec::Switch(false)) => Ok(RatingColumn::None),
        Some(RatingSpec::Switch(true)) => refuse(
            "input.rating",
            "true does not say which column",
            "write its index from 0 or its name, or false for none",
        ),
        Some(RatingSpec::Column(column)) => Ok(RatingColumn::Given(column)),
    }
}

fn given(rating: &RatingColumn) -> Option<&Column> {
    match rating {
        RatingColumn::Given(column) => Some(column),
        RatingColumn::Default | RatingColumn::None => None,
    }
}

fn refuse_shared_columns(columns: [(&str, Option<&Column>); 4]) -> Result<()> {
    for (i, (name, column)) in columns.iter().enumerate() {
        if let Some((earlier, _)) = columns[..i].iter().find(|(_, c)| c.is_some() && c == column) {
            let problem = format!("it is the same column as input.{earlier}");
            return refuse(
                format!("input.{name}"),
                problem,
                "name another column, or input.rating = false for no rating",
            );
        }
    }
    Ok(())
}

fn resolve(key: &str, path: &Path, folder: &Path) -> Result<PathBuf> {
    let text = path.to_string_lossy();
    if text.is_empty() {
        return refuse(key, "a path is empty", "name a file, folder, glob or address");
    }
    // An address has its place already, and so has standard input.
    let is_placed = text.contains("://") || text == STDIN;
    Ok(if is_placed { path.to_path_buf() } else { folder.join(path) })
}

/// `None` for `"auto"`. A tab may be written as such, as `tab`, or as `\t` where the shell leaves the backslash.
fn delimiter(key: &str, text: Option<&str>) -> Result<Option<String>> {
    let text = match text {
        None | Some("auto") => return Ok(None),
        Some("tab" | "\\t") => "\t",
        Some(text) => text,
    };
    let wrong = |c: char| c.is_alphanumeric() || matches!(c, '\n' | '\r' | '"' | '.' | '-' | '+');
    if text.is_empty() || text.contains(wrong) {
        let remedy = "write \"auto\", \"tab\" or the characters between two fields, such as \",\" or \"::\"";
        return refuse(key, format!("{text:?} cannot part fields"), remedy);
    }
    Ok(Some(text.to_string()))
}

fn switch(key: &str, value: Option<&Switch>) -> Result<Option<bool>> {
    match value {
        None => Ok(None),
        Some(Switch::Is(is)) => Ok(Some(*is)),
        Some(Switch::Text(text)) if text == "auto" => Ok(None),
        Some(Switch::Text(text)) => refuse(key, format!("{text:?} is not known"), "write true, false or \"auto\""),
    }
}

/// Left out, nothing bad passes under `fail` and any share under `reject`.
fn max_bad(share: Option<&Share>, on_bad: OnBad) -> Result<f64> {
    let (value, text) = match share {
        None if on_bad == OnBad::Reject => return Ok(1.0),
        None => return Ok(0.0),
        Some(Share::Number(value)) => (Some(*value), value.to_string()),
        Some(Share::Text(text)) => (parse_share(text), format!("{text:?}")),
    };
    match value {
        Some(value) if (0.0..=1.0).contains(&value) => match on_bad {
            OnBad::Fail if value > 0.0 => refuse(
                "input.max_bad",
                format!("{text} has no meaning while input.on_bad = \"fail\" ends the run at the first bad row"),
                "set input.on_bad = \"reject\" or remove it",
            ),
            _ => Ok(value),
        },
        _ => refuse(
            "input.max_bad",
            format!("{text} is not a share"),
            "write a share such as \"1.5%\", or a number from 0 to 1",
        ),
    }
}

fn parse_share(text: &str) -> Option<f64> {
    match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.trim().parse().ok(),
    }
}

fn titles(spec: ItemsSpec, folder: &Path) -> Result<TitlesSpec> {
    let Some(path) = spec.path else {
        return refuse("input.items.path", "it is missing", "name the file with the titles, or remove [input.items]");
    };
    if spec.id == spec.title {
        return refuse("input.items.title", "it is the same column as input.items.id", "name another column");
    }
    let metadata = spec.metadata.into_iter().map(|entry| metadata(entry, &spec.id)).collect::<Result<Vec<_>>>()?;
    refuse_names_given_twice(&metadata)?;
    Ok(TitlesSpec {
        metadata,
        path: resolve("input.items.path", &path, folder)?,
        delimiter: delimiter("input.items.delimiter", spec.delimiter.as_deref())?,
        header: switch("input.items.header", spec.header.as_ref())?,
        id: spec.id,
        title: spec.title,
        encoding: spec.encoding,
    })
}

const METADATA: &str = "input.items.metadata";

/// A piece of metadata. Without a name it is called as its column is.
fn metadata(entry: MetadataEntry, id: &Column) -> Result<MetadataSpec> {
    let table = match entry {
        MetadataEntry::Column(column) => MetadataTable { column: Some(column), ..MetadataTable::default() },
        MetadataEntry::Table(table) => table,
    };
    let MetadataTable { column, name, separator, flags } = table;
    let default_name = match &column {
        Some(Column::Name(name)) => name.clone(),
        Some(Column::Index(index)) => format!("column {index}"),
        None => String::new(),
    };
    let name = name.unwrap_or(default_name).trim().to_string();
    let from = match (column, flags) {
        (Some(column), None) => MetadataFrom::Column { column, separator },
        (None, Some(_)) if separator.is_some() => {
            return refuse(METADATA, format!("{name:?} has flags, and so nothing to separate"), "remove its separator");
        }
        (None, Some(flags)) => MetadataFrom::Flags(flags.into_iter().collect()),
        (Some(_), Some(_)) => {
            return refuse(METADATA, format!("{name:?} names both a column and flags"), "remove one of them");
        }
        (None, None) => {
            let remedy = "name its column, or the columns of its values in flags";
            return refuse(METADATA, format!("{name:?} names no column"), remedy);
        }
    };
    let is_empty = |text: &str| text.trim().is_empty();
    if is_empty(&name) {
        return refuse(METADATA, "an entry has no name", "give it one, as in { name = \"genre\", ... }");
    }
    if matches!(&from, MetadataFrom::Column { separator: Some(separator), .. } if separator.is_empty()) {
        return refuse(
            METADATA,
            format!("the separator of {name:?} is empty"),
            "write what parts the values, or remove it",
        );
    }
    if matches!(&from, MetadataFrom::Flags(flags) if flags.is_empty() || flags.iter().any(|(value, _)| is_empty(value)))
    {
        let remedy = "name each value and its column, as in flags = { Action = 6, Comedy = 10 }";
        return refuse(METADATA, format!("the flags of {name:?} name no values"), remedy);
    }
    if from.columns().any(|column| column == id) {
        return refuse(METADATA, format!("{name:?} is in the same column as input.items.id"), "name another column");
    }
    Ok(MetadataSpec { name, from })
}

fn refuse_names_given_twice(metadata: &[MetadataSpec]) -> Result<()> {
    let twice = (1..metadata.len()).find(|&at| metadata[..at].iter().any(|earlier| earlier.name == metadata[at].name));
    match twice {
        None => Ok(()),
        Some(at) => {
            let problem = format!("two entries are called {:?}", metadata[at].name);
            refuse(METADATA, problem, "give one of them another name")
        }
    }
}

fn filter(spec: &FilterSpec, input: &InputSpec) -> Result<Filter> {
    let count = |key: &str, count: Option<u64>| count.map(|count| at_least(key, count, 1)).transpose();
    let moment = |key: &str, moment: &Option<Moment>| match moment {
        Some(moment) if input.time.is_some() => {
            point_in_time(key, moment, input.time_unit.unwrap_or_default()).map(Some)
        }
        Some(_) if input.generate.is_some() => refuse(key, "data that are made have no time", "remove it"),
        Some(_) => refuse(key, "nothing says which column has the time", "name it in input.time"),
        None => Ok(None),
    };
    let filter = Filter {
        min_ratings_per_user: count("filter.min_ratings_per_user", spec.min_ratings_per_user)?,
        min_users_per_item: count("filter.min_users_per_item", spec.min_users_per_item)?,
        top_items: count("filter.top_items", spec.top_items)?,
        min_rating: spec.min_rating.map(|value| rating_bound("filter.min_rating", value)).transpose()?,
        max_rating: spec.max_rating.map(|value| rating_bound("filter.max_rating", value)).transpose()?,
        after: moment("filter.after", &spec.after)?,
        before: moment("filter.before", &spec.before)?,
    };
    if let (Some(least), Some(most)) = (filter.min_rating, filter.max_rating)
        && least > most
    {
        let problem = format!("{most} is less than filter.min_rating = {least}, so no rating passes");
        return refuse("filter.max_rating", problem, "raise it, or remove one of them");
    }
    if let (Some(first), Some(end)) = (filter.after, filter.before)
        && first >= end
    {
        return refuse("filter.before", "it is not later than filter.after, so no row passes", "name a later time");
    }
    Ok(filter)
}

fn rating_bound(key: &str, value: f64) -> Result<f64> {
    if !(value >= 0.0 && value.is_finite()) {
        return refuse(key, format!("{value} is no rating"), "write a number, 0 or more");
    }
    // Adding 0 turns −0 into 0.
    Ok(value + 0.0)
}

fn point_in_time(key: &str, moment: &Moment, unit: TimeUnit) -> Result<i64> {
    let (found, text) = match moment {
        Moment::Whole(number) => (unit.of_number(*number), number.to_string()),
        Moment::Number(number) => (unit.read(number.to_string().as_bytes()), number.to_string()),
        Moment::Text(text) => (unit.read(text.trim().as_bytes()), format!("{text:?}")),
    };
    let remedy = "write a date such as \"2024-05-01\", or a date and time such as \"2024-05-01T17:30:00Z\"";
    found.map_or_else(|| refuse(key, format!("{text} is no point in time"), remedy), Ok)
}

fn matrix(spec: MatrixSpec) -> Result<Matrix> {
    let MatrixSpec { weighting, normalize, missing } = spec;
    if missing == Missing::UserMean && weighting == Weighting::Binary {
        let problem = "with matrix.weighting = \"binary\" every weight is 1, and so is every user's mean";
        return refuse("matrix.missing", problem, "write \"zero\", or another weighting");
    }
    Ok(Matrix { weighting, normalize, missing })
}

fn pca(spec: PcaSpec) -> Result<PcaParams> {
    if !(spec.tol > 0.0 && spec.tol.is_finite()) {
        let problem = format!("{} is not a tolerance that can be met", spec.tol);
        return refuse("pca.tol", problem, "write a number above 0, such as 1e-8");
    }
    Ok(PcaParams {
        components: at_least("pca.components", spec.components, 1)?,
        solver: spec.solver,
        tol: spec.tol,
        report: at_least("pca.report", spec.report, 1)?,
    })
}

fn kmeans(spec: KMeansSpec, normalize: Normalize) -> Result<KMeansParams> {
    if !(spec.tol >= 0.0 && spec.tol.is_finite()) {
        return refuse("kmeans.tol", format!("{} is not a tolerance", spec.tol), "write 0 or more, such as 1e-4");
    }
    Ok(KMeansParams {
        clusters: at_least("kmeans.clusters", spec.clusters, 2)?,
        n_init: at_least("kmeans.n_init", spec.n_init, 1)?,
        max_iter: at_least("kmeans.max_iter", spec.max_iter, 1)?,
        tol: spec.tol,
        spherical: normalize == Normalize::L2,
    })
}

fn sweep(spec: SweepSpec) -> Result<Option<SweepParams>> {
    if spec.spaces.is_empty() {
        let remedy = "name \"projected\", \"full\" or both; sweep.clusters = [] switches the sweep off";
        return refuse("sweep.spaces", "the list is empty", remedy);
    }
    let explicit = spec.clusters.is_some();
    let mut clusters = spec.clusters.unwrap_or_else(|| DEFAULT_SWEEP.to_vec());
    clusters.sort_unstable();
    clusters.dedup();
    let Some(least) = clusters.first() else { return Ok(None) };
    at_least("sweep.clusters", *least, 2)?;
    let has = |space| spec.spaces.contains(&space);
    Ok(Some(SweepParams { clusters, explicit, projected: has(Space::Projected), full: has(Space::Full) }))
}

fn validate(spec: ValidateSpec) -> Result<ValidateParams> {
    Ok(ValidateParams { model: spec.model, folds: at_least("validate.folds", spec.folds, 2)? })
}

fn profile(spec: ProfileSpec) -> Result<ProfileParams> {
    Ok(ProfileParams { top: at_least("profile.top", spec.top, 1)? })
}

fn evidence(spec: EvidenceSpec) -> Result<Option<EvidenceParams>> {
    let refits = at_least("evidence.refits", spec.refits, 2)?;
    Ok(spec.enabled.then_some(EvidenceParams { refits }))
}

/// Like `output`, it is relative to the working directory.
fn resolve_output(path: &Path) -> Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return refuse("compare.previous", "the path is empty", "name the output folder of an earlier run");
    }
    Ok(path.to_path_buf())
}
