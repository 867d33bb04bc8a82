//! What `segmill follow` says at its end.

use std::io::{self, Write};

use crate::results::followed::{Changes, Places, Record};
use crate::watch::format::{count, percent, plural, significant};

/// What became of the changes, how things stand, and how to go on: a line each.
pub fn print(record: &Record, places: &Places, sink: &mut impl Write) -> io::Result<()> {
    let Places { run, state, last } = places;
    writeln!(sink, "{}", changes(record))?;
    if record.changes.rejected > 0 {
        writeln!(sink, "rejected: {} says which and why", state.join("rejects.tsv").display())?;
    }
    writeln!(sink, "{}", now(record))?;
    writeln!(sink, "{}", drift(record))?;
    if let Some(last) = last {
        writeln!(sink, "segments, profiles and model: {}", last.display())?;
    }
    writeln!(sink, "to go on from here: segmill follow {} --state {}", run.display(), state.display())
}

fn changes(record: &Record) -> String {
    let Changes { changes, made, rejected, filtered, unknown } = record.changes;
    let batches = if record.batches == 1 { "batch" } else { "batches" };
    let unknown = match unknown {
        0 => String::new(),
        n => format!(" ({} of items that the model does not know)", count(n)),
    };
    format!(
        "{} in {} {batches}: {} made{unknown}, {} rejected, {} filtered",
        plural(changes, "change"),
        count(record.batches),
        count(made),
        count(rejected),
        count(filtered)
    )
}

fn now(record: &Record) -> String {
    let refits = match record.refits {
        0 => String::new(),
        n => format!(", after {}", plural(n, "refit")),
    };
    format!("now {} with {}{refits}", plural(record.users, "user"), plural(record.ratings, "rating"))
}

fn drift(record: &Record) -> String {
    let due = record.refit_due.as_ref().map_or("no refit is due".into(), |why| format!("a refit is due: {why}"));
    format!(
        "drift: mean squared distance {} (in the fit {}), {} of the users of the fit moved, idf off by {}; {due}",
        significant(record.inertia_per_user, 4),
        significant(record.inertia_per_user_fit, 4),
        percent(record.moved_share),
        significant(record.idf_drift, 3)
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::results::run::{Digests, Versions};

    fn record() -> Record {
        Record {
            versions: Versions::current(),
            model: "out/ml".into(),
            batches: 12,
            refits: 0,
            changes: Changes { changes: 1_000, made: 988, rejected: 2, filtered: 10, unknown: 3 },
            users: 943,
            ratings: 100_100,
            unknown_items: 1,
            inertia_per_user: 1.25,
            inertia_per_user_fit: 1.0,
            moved_share: 0.125,
            idf_drift: 0.0104,
            refit_due: None,
            digests: Digests::new(),
        }
    }

    fn printed(record: &Record, last: Option<&str>) -> String {
        let mut sink = Vec::new();
        let last = last.map(PathBuf::from);
        let places = Places { run: "out/ml".into(), state: "out/ml.follow".into(), last };
        print(record, &places, &mut sink).unwrap();
        String::from_utf8(sink).unwrap()
    }

    #[test]
    fn the_summary_has_a_line_for_each_question() {
        let text = printed(&record(), Some("end"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "1,000 changes in 12 batches: 988 made (3 of items that the model does not know), 2 rejected, 10 filtered",
                "rejected: out/ml.follow/rejects.tsv says which and why",
                "now 943 users with 100,100 ratings",
                "drift: mean squared distance 1.25 (in the fit 1), 12.5% of the users of the fit moved, idf off by 0.0104; \
                 no refit is due",
                "segments, profiles and model: end",
                "to go on from here: segmill follow out/ml --state out/ml.follow",
            ]
        );
        let changes = Changes { changes: 1, made: 1, ..Changes::default() };
        let due = Some("users are far".to_string());
        let text = printed(&Record { changes, batches: 1, refits: 2, refit_due: due, ..record() }, None);
        assert!(text.starts_with("1 change in 1 batch: 1 made, 0 rejected, 0 filtered\nnow 943 users"), "{text}");
        assert!(text.contains(", after 2 refits\n") && text.contains("; a refit is due: users are far\n"), "{text}");
        assert!(!text.contains("rejects.tsv") && !text.contains("profiles"), "{text}");
    }
}
