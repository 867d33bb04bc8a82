//! The names of all keys of a job file, and suggestions for a name that is none of them.

/// Every key, with its sections. A test compares it with the keys that [`super::JobSpec`] reads.
pub const KEYS: &[&str] = &[
    "seed",
    "memory",
    "scratch",
    "checkpoint_every",
    "output",
    "users_per_file",
    "input.ratings",
    "input.format",
    "input.delimiter",
    "input.header",
    "input.user",
    "input.item",
    "input.rating",
    "input.decimal",
    "input.time",
    "input.time_unit",
    "input.title",
    "input.categories",
    "input.duplicates",
    "input.on_bad",
    "input.max_bad",
    "input.items.path",
    "input.items.delimiter",
    "input.items.header",
    "input.items.id",
    "input.items.title",
    "input.items.encoding",
    "input.items.metadata",
    "input.generate.users",
    "input.generate.items",
    "input.generate.ratings_per_user",
    "input.generate.segments",
    "input.generate.feedback",
    "input.generate.affinity",
    "input.generate.seed",
    "input.generate.month",
    "input.generate.movers",
    "input.generate.born",
    "filter.min_ratings_per_user",
    "filter.min_users_per_item",
    "filter.top_items",
    "filter.min_rating",
    "filter.max_rating",
    "filter.after",
    "filter.before",
    "matrix.weighting",
    "matrix.normalize",
    "matrix.missing",
    "pca.components",
    "pca.solver",
    "pca.tol",
    "pca.report",
    "kmeans.clusters",
    "kmeans.n_init",
    "kmeans.max_iter",
    "kmeans.tol",
    "kmeans.refine",
    "kmeans.amounts",
    "sweep.clusters",
    "sweep.spaces",
    "validate.model",
    "validate.folds",
    "profile.top",
    "evidence.enabled",
    "evidence.refits",
    "compare.previous",
];

/// The most suggestions in a message.
const MAX_SUGGESTIONS: usize = 3;

pub fn is_key(key: &str) -> bool {
    KEYS.contains(&key)
}

/// Whether `name` is a section: some key is below it.
pub fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// What to do about the unknown key `key`: the nearest names, or the keys of its section.
pub fn remedy(key: &str) -> String {
    let near = nearest(key);
    if !near.is_empty() {
        return format!("did you mean {}?", near.join(" or "));
    }
    let section = key.rsplit_once('.').map(|(section, _)| section).filter(|section| is_section(section));
    match section {
        Some(section) => format!("the keys of [{section}] are {}", children(section).join(", ")),
        None => format!("the sections are {}", sections().join(", ")),
    }
}

/// The nearest of the known keys whose name is within a third of its length of `key`'s.
fn nearest(key: &str) -> Vec<&'static str> {
    let mut near: Vec<(usize, &str)> = KEYS.iter().map(|known| (distance(key, known), *known)).collect();
    near.retain(|(distance, known)| *distance <= 2 * (1 + last(known).len() / 3));
    near.sort();
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.iter().filter(|(distance, _)| *distance == best).map(|(_, known)| *known).take(MAX_SUGGESTIONS).collect()
}

/// Twice the number of edits; the wrong section counts as one edit and a half.
fn distance(key: &str, known: &str) -> usize {
    (2 * edits(key, known)).min(2 * edits(last(key), last(known)) + 3)
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn children(section: &str) -> Vec<&'static str> {
    let below = |key: &&'static str| key.strip_prefix(section)?.strip_prefix('.').filter(|rest| !rest.contains('.'));
    KEYS.iter().filter_map(below).collect()
}

fn sections() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (section, _) in KEYS.iter().filter_map(|key| key.rsplit_once('.')) {
        if !names.contains(&format!("[{section}]")) {
            names.push(format!("[{section}]"));
        }
    }
    names
}

/// Levenshtein distance, in characters: insertions, deletions and replacements.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, count) in [("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("same", "same", 0)] {
            assert_eq!(edits(a, b), count, "{a} {b}");
            assert_eq!(edits(b, a), count, "{b} {a}");
        }
    }

    #[test]
    fn a_slip_finds_its_key() {
        for (slip, meant) in [
            ("pca.componets", "pca.components"),
            ("kmeans.components", "pca.components"),
            ("n_init", "kmeans.n_init"),
            ("kmean.clusters", "kmeans.clusters"),
            ("input.generate.user", "input.generate.users"),
            ("sed", "seed"),
        ] {
            assert_eq!(nearest(slip).first(), Some(&meant), "{slip}");
        }
    }

    #[test]
    fn a_far_name_gets_the_list_of_its_section() {
        assert_eq!(remedy("validate.quxquux"), "the keys of [validate] are model, folds");
        assert!(remedy("quxquuxquux.a").starts_with("the sections are [input], [input.items], "));
    }
}
