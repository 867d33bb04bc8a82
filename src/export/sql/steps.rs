//! The view, step by step: rows to ratings, to weights, to points on the components, to the nearest segments.

use super::data::of_component;
use super::names::Names;
use super::text::{real, sum};
use crate::export::{Reading, Terms};
use crate::job::{Duplicates, Missing, Normalize, Weighting};
use crate::shard::sealing::NOTHING;
use crate::shard::weight::{B, K1};
use crate::stages::mixture::{Height, Mixture, Shifts, USER_PRIOR, Weights};

/// What a rating adds to the likelihood of the segment of that column, in SQL.
type Term = Box<dyn Fn(&String) -> String>;

/// What makes a view.
struct View<'a> {
    terms: &'a Terms<'a>,
    reading: &'a Reading,
    names: &'a Names,
    steps: Vec<String>,
}

/// The `SELECT` of the view.
pub fn select(terms: &Terms<'_>, reading: &Reading, names: &Names) -> String {
    let mut view = View { terms, reading, names, steps: Vec::new() };
    view.take();
    view.merge();
    view.keep();
    let weights = view.weigh();
    let weights = view.centre(weights);
    view.project(weights);
    view.place();
    match terms.mixture() {
        None => view.measure(),
        Some(mixture) => view.liken(mixture),
    }
    view.rank();
    let last = view.last();
    format!("WITH\n{}\n{last}", view.steps.join(",\n"))
}

impl View<'_> {
    /// Adds a step; whatever the tables are called, only the first reads the ratings, and its name is not theirs.
    fn step(&mut self, name: &str, comment: &str, body: &str) {
        self.steps.push(format!("-- {comment}\n{name} AS (\n{body}\n)"));
    }

    fn components(&self) -> impl Iterator<Item = String> + use<> {
        (1..=self.terms.n_components()).map(of_component)
    }

    /// The same for a step whose columns are used many times: without the word a database may compute them each time.
    fn once(&mut self, name: &str, comment: &str, body: &str) {
        self.steps.push(format!("-- {comment}\n{name} AS MATERIALIZED (\n{body}\n)"));
    }

    /// A line for each component.
    fn by_component(&self, line: impl Fn(&str) -> String) -> String {
        self.components().map(|p| format!("    {}", line(&p))).collect::<Vec<_>>().join(",\n")
    }

    fn take(&mut self) {
        let Names { ratings, items, user, item, rating, .. } = self.names;
        let value = rating.as_ref().map_or("1e0".to_string(), |rating| format!("CAST(r.{rating} AS DOUBLE PRECISION)"));
        let [least, most] = self.reading.range().map(real);
        let body = format!(
            "  SELECT r.{user} AS \"user\", i.\"position\", {value} AS rating\n  \
             FROM {ratings} AS r LEFT JOIN {items} AS i ON i.item = CAST(r.{item} AS TEXT)\n  \
             WHERE CAST(r.{user} AS TEXT) <> '' AND CAST(r.{item} AS TEXT) <> ''\n    \
             AND {value} >= {least} AND {value} <= {most}"
        );
        let comment = "The rows that take part. The position of an item that the model does not know is NULL.";
        self.step("segmill_rows_of_ratings", comment, &body);
    }

    fn merge(&mut self) {
        let several = "CASE WHEN count(*) = 1 OR \"position\" IS NULL THEN max(rating)\n    ELSE \
             CAST('segmill: several rows of one item and user ' || CAST(\"user\" AS TEXT) AS DOUBLE PRECISION) END";
        let nothing = real(NOTHING);
        let merged = match self.reading.duplicates {
            Duplicates::Error | Duplicates::Last => several.to_string(),
            Duplicates::Max => "max(rating)".into(),
            Duplicates::Mean => "sum(rating) / count(*)".into(),
            Duplicates::Sum => {
                format!("CASE WHEN abs(sum(rating)) <= {nothing} * sum(abs(rating)) THEN 0e0 ELSE sum(rating) END")
            }
        };
        let body = format!(
            "  SELECT \"user\", \"position\", {merged} AS rating\n  FROM segmill_rows_of_ratings GROUP BY \"user\", \"position\""
        );
        self.step("merged", &format!("Several rows of one user and item are {}.", self.reading.several()), &body);
        let only_returns =
            "\n  HAVING count(\"position\") = 0 OR max(CASE WHEN \"position\" IS NOT NULL THEN rating END) >= 0e0";
        let (comment, having) = match self.reading.takes_returns() {
            true => ("All users, but for those who have returned whatever they have.", only_returns),
            false => ("All users.", ""),
        };
        self.step("people", comment, &format!("  SELECT \"user\" FROM merged GROUP BY \"user\"{having}"));
    }

    fn keep(&mut self) {
        let body =
            "  SELECT \"user\", \"position\", rating FROM merged WHERE \"position\" IS NOT NULL AND rating > 0e0";
        self.step("kept", "The ratings that count: of known items, and not 0.", body);
    }

    /// Returns the step with the weights.
    fn weigh(&mut self) -> &'static str {
        let with_items = |weight: &str| {
            let items = &self.names.items;
            format!(
                "  SELECT k.\"user\", k.\"position\", {weight} AS weight\n  \
                 FROM kept AS k JOIN {items} AS i ON i.\"position\" = k.\"position\""
            )
        };
        let alone = |weight: &str| format!("  SELECT \"user\", \"position\", {weight} AS weight FROM kept");
        let body = match self.terms.weighting() {
            Weighting::Raw => alone("rating"),
            Weighting::Binary => alone("1e0"),
            Weighting::Log1p => alone(&log1p("rating")),
            Weighting::Tfidf => with_items("k.rating * i.idf"),
            Weighting::Bm25 => {
                let mean = self.terms.model.manifest.mean_length.expect("a model by bm25 has a mean length");
                // k₁(1 − b + b·length/mean length)
                let length = format!("sum(k.rating) OVER (PARTITION BY k.\"user\") / {}", real(mean));
                let saturation = format!("{} * ({} + {} * {length})", real(K1), real(1.0 - B), real(B));
                with_items(&format!("i.idf * (k.rating * {}) / (k.rating + {saturation})", real(K1 + 1.0)))
            }
        };
        self.step("weighed", "What each rating weighs.", &body);
        "weighed"
    }

    fn centre(&mut self, weights: &'static str) -> &'static str {
        if self.terms.model.manifest.matrix.missing == Missing::Zero {
            return weights;
        }
        let body = format!(
            "  SELECT \"user\", \"position\",\n    \
             CASE WHEN min(weight) OVER (PARTITION BY \"user\") = max(weight) OVER (PARTITION BY \"user\") THEN 0e0\n    \
             ELSE weight - avg(weight) OVER (PARTITION BY \"user\") END AS weight\n  FROM {weights}"
        );
        self.step("centred", "Weights relative to the mean of the user's.", &body);
        "centred"
    }

    fn project(&mut self, weights: &str) {
        let sums = self.by_component(|p| format!("sum(w.weight * i.{p}) AS {p}"));
        let body = format!(
            "  SELECT w.\"user\", sqrt(sum(w.weight * w.weight)) AS length,\n{sums}\n  \
             FROM {weights} AS w JOIN {} AS i ON i.\"position\" = w.\"position\" GROUP BY w.\"user\"",
            self.names.items
        );
        self.step("projected", "Sums over the items of a user.", &body);
    }

    fn place(&mut self) {
        let offset = self.terms.offset();
        let unit = self.terms.model.manifest.matrix.normalize == Normalize::L2;
        let score = |p: &str| match unit {
            true => format!("CASE WHEN w.length > 0e0 THEN w.{p} / w.length ELSE 0e0 END"),
            false => format!("coalesce(w.{p}, 0e0)"),
        };
        let lines: Vec<String> = self
            .components()
            .zip(offset)
            .map(|(p, offset)| format!("    {} - {} AS {p}", score(&p), bracketed(offset)))
            .collect();
        let body = format!(
            "  SELECT u.\"user\",\n{}\n  FROM people AS u LEFT JOIN projected AS w ON w.\"user\" = u.\"user\"",
            lines.join(",\n")
        );
        let spherical = self.terms.model.manifest.kmeans.spherical;
        let name = if spherical { "scores" } else { "points" };
        self.once(name, "Where users are on the components.", &body);
        if spherical {
            let squares: Vec<String> = self.components().map(|p| format!("{p} * {p}")).collect();
            let body = format!("  SELECT s.*, sqrt({}) AS length FROM scores AS s", sum(&squares));
            self.once("measured_scores", "How far they are from the middle.", &body);
            let scaled = self.by_component(|p| format!("CASE WHEN length > 0e0 THEN {p} / length ELSE {p} END AS {p}"));
            self.once(
                "points",
                "The same on the unit sphere.",
                &format!("  SELECT \"user\",\n{scaled}\n  FROM measured_scores"),
            );
        }
    }

    fn squared(&self) -> String {
        let squares: Vec<String> = self.components().map(|p| format!("(u.{p} - s.{p}) * (u.{p} - s.{p})")).collect();
        sum(&squares)
    }

    fn measure(&mut self) {
        let body = format!(
            "  SELECT u.\"user\", s.segment, s.place, {} AS squared\n  FROM points AS u CROSS JOIN {} AS s",
            self.squared(),
            self.names.segments
        );
        self.step("measured", "The squared distance of each user to each segment.", &body);
    }

    /// Segments by how likely they are to have a user.
    fn liken(&mut self, mixture: &Mixture) {
        let columns: Vec<String> = (0..self.terms.n_segments()).map(|segment| segment.to_string()).collect();
        let term = |segment: &String| format!("CAST(i.t{segment} AS DOUBLE PRECISION)");
        let (source, term): (&str, Term) = match (&mixture.shifts, mixture.weights) {
            (Some(shifts), _) => {
                self.read_heights(shifts);
                ("differing", Box::new(move |s| format!("{} + CAST(i.s{s} AS DOUBLE PRECISION) * r.beyond", term(s))))
            }
            (None, Weights::Equal) => ("kept", Box::new(term)),
            (None, Weights::Logs { mean, units }) => {
                let units = real(f64::from(units));
                let amount = format!("floor({} / {} * {units} + 5e-1) / {units}", log1p("rating"), real(mean));
                self.step(
                    "amounts",
                    "How much each rating counts.",
                    &format!("  SELECT \"user\", \"position\", {amount} AS amount FROM kept"),
                );
                ("amounts", Box::new(move |s| format!("{} * r.amount", term(s))))
            }
        };
        let sums: Vec<String> = columns.iter().map(|s| format!("    sum({}) AS l{s}", term(s))).collect();
        let body = format!(
            "  SELECT r.\"user\",\n{}\n  FROM {source} AS r JOIN {} AS i ON i.\"position\" = r.\"position\" GROUP BY r.\"user\"",
            sums.join(",\n"),
            self.names.items
        );
        self.step("likened", "How likely each segment is to have rated so, by logarithms.", &body);
        let cases: Vec<String> = columns.iter().map(|s| format!("    WHEN {s} THEN l.l{s}")).collect();
        let body = format!(
            "  SELECT u.\"user\", s.segment, {} AS squared,\n    \
             CAST(s.prior AS DOUBLE PRECISION) + coalesce(CASE s.segment\n{}\n    END, 0e0) AS likelihood\n  \
             FROM points AS u CROSS JOIN {} AS s LEFT JOIN likened AS l ON l.\"user\" = u.\"user\"",
            self.squared(),
            cases.join("\n"),
            self.names.segments
        );
        self.step("measured", "How likely each segment is to have each user, and the squared distance to it.", &body);
    }

    fn read_heights(&mut self, shifts: &Shifts) {
        let height = match shifts.height {
            Height::Plain => "k.rating".to_string(),
            Height::Log => log1p("k.rating"),
        };
        let body = format!(
            "  SELECT k.\"user\", k.\"position\", {height} - i.mean AS above\n  \
             FROM kept AS k JOIN {} AS i ON i.\"position\" = k.\"position\"",
            self.names.items
        );
        self.step("heights", "How far each rating is above the mean of its item.", &body);
        let body = format!(
            "  SELECT \"user\", \"position\", above - sum(above) OVER (PARTITION BY \"user\")\n    \
             / (count(*) OVER (PARTITION BY \"user\") + {}) AS beyond\n  FROM heights",
            real(USER_PRIOR)
        );
        self.step("differing", "The same, less how generous the user is.", &body);
    }

    fn rank(&mut self) {
        let order = if self.terms.mixture().is_some() { "likelihood DESC, segment" } else { "squared, place" };
        let body = format!(
            "  SELECT \"user\", segment, squared, row_number() OVER (PARTITION BY \"user\" ORDER BY {order}) AS nth FROM measured"
        );
        self.step("ranked", "The segment of a user is the first, the next one the second.", &body);
    }

    fn last(&self) -> String {
        let nth = |n: u32, of: &str| format!("max(CASE WHEN nth = {n} THEN {of} END)");
        let [first, second, near, next] = [nth(1, "segment"), nth(2, "segment"), nth(1, "squared"), nth(2, "squared")];
        format!(
            "SELECT two.\"user\", two.segment, s.name, sqrt(two.near) AS distance, two.second, sqrt(two.next) AS second_distance\n\
             FROM (\n  SELECT \"user\", {first} AS segment, {near} AS near,\n    \
             coalesce({second}, {first}) AS second, coalesce({next}, {near}) AS next\n  \
             FROM ranked WHERE nth <= 2 GROUP BY \"user\"\n) AS two JOIN {} AS s ON s.segment = two.segment",
            self.names.segments
        )
    }
}

/// log(1 + x) to the last digits, also where x is small (Kahan).
fn log1p(x: &str) -> String {
    format!("CASE WHEN 1e0 + {x} = 1e0 THEN {x} ELSE ln(1e0 + {x}) * {x} / ((1e0 + {x}) - 1e0) END")
}

/// A number that follows a minus.
fn bracketed(x: f64) -> String {
    format!("({})", real(x))
}
