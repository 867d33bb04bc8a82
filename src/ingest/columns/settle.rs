//! A job's input, with what was found in place of what was open.

use super::choose::{Chosen, Given, Meaning, Open, Roles, Why, choose};
use super::look::{Look, called, glance, look};
use super::written::written;
use crate::error::{Error, Result};
use crate::ingest::source::InputFile;
use crate::job::{
    Column, Duplicates, FilesSpec, Find, Input, ItemColumns, MetadataFrom, MetadataSpec, OnBad, RatingColumn, Source,
    Time, TimeUnit,
};

/// Where ratings are in the usual order, behind user and item.
const RATING: usize = 2;
/// The most files whose headers are compared.
const MOST_COMPARED: usize = 64;

/// An input in which nothing is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    pub input: Input,
    /// What was found and why, a line each; nothing of columns in the usual order.
    pub found: Vec<String>,
}

/// Finds what `input` leaves open in its files.
///
/// # Errors
/// [`Error::Job`] where two readings are close, or none is possible; those of reading the files.
pub fn settle(input: &Input, files: &[InputFile]) -> Result<Settled> {
    let (Source::Files(spec), Some(first)) = (&input.source, files.iter().find(|file| file.bytes > 0)) else {
        return Ok(Settled { input: input.clone(), found: Vec::new() });
    };
    // Columns by default: what they do not fit is refused where it is read.
    let by_default = FilesSpec { find: Find::default(), ..spec.clone() };
    let by_default = Settled { input: Input { source: Source::Files(by_default), ..input.clone() }, found: Vec::new() };
    if spec.find.is_nothing() {
        return Ok(by_default);
    }
    let Some(look) = look(spec, first)? else { return Ok(by_default) };
    let Some(given) = given(spec, &look).filter(|_| !look.rows.is_empty()) else { return Ok(by_default) };
    let roles = choose(&look, &given).map_err(|open| question(&open, &look, first))?;
    let alike = are_alike(spec, files, &look)?;
    // Titles are nothing that a file would have to have.
    let roles = if alike { roles } else { Roles { title: None, categories: Vec::new(), ..roles } };
    let names = look.names.as_deref().filter(|_| alike);
    let found = Finder { spec, look: &look, names, roles: &roles };
    check_time(spec, &roles, first)?;
    let of_rating = roles.rating.as_ref().filter(|_| spec.find.numbers);
    let written = of_rating.map(|rating| written(&look, rating.column, spec.numbers.decimal, input.on_bad, first));
    let (numbers, of_numbers) = written.transpose()?.unwrap_or_default();
    let duplicates = if spec.find.duplicates { found.duplicates(input.on_bad) } else { input.duplicates };
    let said = found.said(first, duplicates, of_numbers);
    let source = Source::Files(FilesSpec { numbers, ..found.settled() });
    Ok(Settled { input: Input { source, duplicates, ..input.clone() }, found: said })
}

/// A filter that looks at times needs one whose unit it knows.
fn check_time(spec: &FilesSpec, roles: &Roles, file: &InputFile) -> Result<()> {
    let refuse = |key: &str, problem: &str, remedy: &str| {
        Err(Error::job(format!("input.{key}"), format!("{}: {problem}", file.path.display()), remedy))
    };
    match (&roles.time, spec.find) {
        (None, Find { time_is_asked: true, .. }) => refuse(
            "time",
            "no column has a time that can be read",
            "name it with --time, or remove the filter of times",
        ),
        (Some((_, unit)), Find { time_is_asked: true, time_unit: None, .. }) if *unit != TimeUnit::S => {
            refuse("time_unit", "the times do not look like seconds", "say what they count: \"ms\", \"us\" or \"ns\"")
        }
        _ => Ok(()),
    }
}

/// What the job gives, by index; `None` where it names what is not there, which reading will then say.
fn given(spec: &FilesSpec, look: &Look) -> Option<Given> {
    let index = |column: &Column| match column {
        Column::Index(index) => (*index < look.columns).then_some(*index),
        Column::Name(name) => look.names.as_ref()?.iter().position(|known| known == name.trim_matches([' ', '\t'])),
    };
    let rating = match &spec.rating {
        RatingColumn::Given(column) => Some(Some(index(column)?)),
        RatingColumn::None => Some(None),
        RatingColumn::Default => None,
    };
    let time = match &spec.time {
        Some(time) => Some((index(&time.column)?, time.unit)),
        None => None,
    };
    Some(Given {
        title: !spec.find.title,
        categories: !spec.find.categories,
        texts: spec.items.columns().map(|(_, column)| index(column)).collect::<Option<_>>()?,
        user: if spec.find.user { None } else { Some(index(&spec.user)?) },
        item: if spec.find.item { None } else { Some(index(&spec.item)?) },
        rating,
        time,
    })
}

/// Whether the other files have headers with the same names, so that columns can be known by name; or none, and as many columns.
fn are_alike(spec: &FilesSpec, files: &[InputFile], first: &Look) -> Result<bool> {
    for file in files.iter().filter(|file| file.bytes > 0).take(MOST_COMPARED).skip(1) {
        let is_same =
            glance(spec, file)?.is_none_or(|look| (look.names, look.columns) == (first.names.clone(), first.columns));
        if !is_same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The error of a column that has to be named.
fn question(open: &Open, look: &Look, file: &InputFile) -> Error {
    let role = open.role;
    const MOST: usize = 4;
    let called: Vec<String> = open.among.iter().take(MOST).map(|&column| called(look, column)).collect();
    let flags: Vec<String> = called.iter().map(|name| format!("--{role} {}", quoted(name))).collect();
    let (problem, remedy) = match (called.len(), open.baskets) {
        (0, _) => (format!("no column can be the {role}"), format!("name it with --{role}")),
        (_, true) => {
            let problem = format!("no column says whose row it is; {} is one purchase", called.join(", "));
            (
                problem,
                format!("name the {role}'s column with --{role}; to group purchases, write {}", flags.join(" or ")),
            )
        }
        (_, false) if role == "rating" => {
            let problem = format!("{} may be the rating, but nothing says so", called.join(" or "));
            (problem, format!("write {}, or --rating false if each row counts 1", flags.join(" or ")))
        }
        (1, _) => (format!("{} may be the {role}, but nothing says so", called[0]), format!("write {}", flags[0])),
        _ => (format!("{} could each be the {role}", called.join(" and ")), format!("write {}", flags.join(" or "))),
    };
    Error::job(format!("input.{role}"), format!("{}: {problem}", file.path.display()), remedy)
}

/// As a shell takes it for one word.
fn quoted(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if name.chars().all(is_plain) { name.to_string() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

/// What was found, put into words and into the input.
struct Finder<'a> {
    spec: &'a FilesSpec,
    look: &'a Look,
    /// By which columns are known; `None`: by index.
    names: Option<&'a [String]>,
    roles: &'a Roles,
}

impl Finder<'_> {
    /// A column by its name, where that is one of a kind and no text that stands for something else.
    fn column(&self, index: usize) -> Column {
        let name = self.names.and_then(|names| names.get(index));
        let is_own = |name: &&String| {
            let alike = self.names.unwrap_or_default().iter().filter(|other| other == name).count();
            alike == 1 && !name.is_empty() && *name != "auto"
        };
        name.filter(is_own).map_or(Column::Index(index), |name| Column::Name(name.clone()))
    }

    /// Columns in the usual order, which files to come may have without a header, or under other names.
    fn are_usual(&self) -> bool {
        let Roles { user, item, rating, .. } = self.roles;
        let last = rating.as_ref().map_or(self.look.columns <= RATING, |rating| rating.column == RATING);
        [user.column, item.column] == [0, 1] && last
    }

    fn settled(&self) -> FilesSpec {
        let Roles { user, item, rating, time, .. } = self.roles;
        let time = time.as_ref().map(|(chosen, unit)| (self.column(chosen.column), *unit));
        let Find { time_unit, time_is_asked: asked, .. } = self.spec.find;
        let found = |(column, unit): (Column, TimeUnit)| Time { column, unit: time_unit.unwrap_or(unit), asked };
        // A time that nobody asks for would only have to be in all files to come.
        let time = self.spec.time.clone().or(time.filter(|_| asked).map(found));
        let spec = FilesSpec { time, items: self.items(), find: Find::default(), ..self.spec.clone() };
        if self.are_usual() {
            return spec;
        }
        FilesSpec {
            user: self.column(user.column),
            item: self.column(item.column),
            rating: rating
                .as_ref()
                .map_or(RatingColumn::None, |rating| RatingColumn::Given(self.column(rating.column))),
            ..spec
        }
    }

    /// What is given stays.
    fn items(&self) -> ItemColumns {
        let ItemColumns { title, mut categories } = self.spec.items.clone();
        for found in &self.roles.categories {
            let (column, separator) = (self.column(found.column), found.separator.map(str::to_string));
            let name = called(self.look, found.column);
            if categories.iter().all(|known| known.name != name) {
                categories.push(MetadataSpec { name, from: MetadataFrom::Column { column, separator } });
            }
        }
        ItemColumns { title: title.or_else(|| Some(self.column(self.roles.title.as_ref()?.column))), categories }
    }

    /// Where bad rows are set aside, a second rating is one of them.
    fn duplicates(&self, on_bad: OnBad) -> Duplicates {
        match (self.roles.meaning, on_bad) {
            (Meaning::Amount, _) => Duplicates::Sum,
            (Meaning::Opinion, OnBad::Fail) => Duplicates::Last,
            (Meaning::Opinion, OnBad::Reject) | (Meaning::Unknown, _) => Duplicates::Error,
        }
    }

    fn said(&self, file: &InputFile, duplicates: Duplicates, of_numbers: Option<String>) -> Vec<String> {
        let Roles { user, item, rating, time, title, .. } = self.roles;
        let time = time.as_ref().map(|(chosen, _)| chosen);
        let roles = [
            ("user", Some(user)),
            ("item", Some(item)),
            ("rating", rating.as_ref()),
            ("time", time),
            ("title", title.as_ref()),
        ];
        let found = roles.iter().filter_map(|(role, chosen)| self.said_of(role, (*chosen)?));
        let mut lines: Vec<String> = found.collect();
        let categories = self.roles.categories.iter().map(|found| Chosen { column: found.column, why: Why::Named });
        lines.extend(categories.filter_map(|chosen| self.said_of("category", &chosen)));
        if rating.is_none() && self.spec.find.rating && !self.goes_without_saying("rating") {
            lines.push("rating: no column has one, so each row counts 1".to_string());
        }
        lines.extend(of_numbers);
        let is_told = duplicates == Duplicates::Sum || duplicates == Duplicates::Last && !self.are_usual();
        if self.spec.find.duplicates && is_told {
            lines.push(format!("repeats: {}", of_repeats(duplicates)));
        }
        lines.iter().map(|line| format!("{}: {line}", file.path.display())).collect()
    }

    /// Nothing is said of columns in the usual order, nor of a time that nobody asks for.
    fn goes_without_saying(&self, role: &str) -> bool {
        match role {
            "time" => !self.spec.find.time_is_asked,
            "title" | "category" => false,
            _ => self.are_usual(),
        }
    }

    fn said_of(&self, role: &str, chosen: &Chosen) -> Option<String> {
        if self.goes_without_saying(role) {
            return None;
        }
        let column = match &self.look.names {
            Some(_) => format!("column {:?}", called(self.look, chosen.column)),
            None => format!("column {}", chosen.column),
        };
        let why = match chosen.why {
            Why::Given => return None,
            Why::Named => "by its name",
            Why::Order => "by its place: no name says more",
            Why::Left => "the only one left that can be",
            Why::Content => "by what it holds",
        };
        Some(format!("{role}: {column}, {why}"))
    }
}

fn of_repeats(duplicates: Duplicates) -> &'static str {
    match duplicates {
        Duplicates::Last => "of the rows of one user and item the last counts, as ratings can be corrected",
        _ => "the rows of one user and item are added up",
    }
}
