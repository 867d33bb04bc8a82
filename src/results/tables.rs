//! The tables of the output folder, each built from an [`Outcome`].
//!
//! | table | columns |
//! |---|---|
//! | `segments` | user, segment, distance, second, second_distance, nb_segment; by user |
//! | `profiles` | segment, size, rank (from 1), item, title, score (mean TF-IDF over the members), name (of the segment), share (of the members who have the item), lift (that over the share of all users), mean_rating (by these members); by segment and rank |
//! | `explained_variance` | component (from 1), explained_variance, ratio, cumulative |
//! | `inertia` | space, clusters, inertia, normalised (to the first number of clusters), knee (1 at the suggested one) |
//! | `evidence` | clusters, bits, standard_error, null_bits, adjusted_rand, simplified_silhouette, calinski_harabasz, davies_bouldin, suggested (1 at the suggested one); absent without evidence |
//! | `confusion` | kind, segment, predicted, users: every cell, zeros included |
//! | `moves` | user, from, from_name (in the earlier run), to, to_name (in this one), margin; by user; only where runs are compared |
//! | `items` | index, item, title; by index, which is the column of the model's tensors |

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ingest::Items;
use crate::results::curves::{cumulative, curves, normalise};
use crate::results::outcome::{Outcome, UserTable};
use crate::results::table::{Table, Values, all_numbers};
use crate::stages::continuity::Moves;
use crate::stages::evidence::{Evidence, OfClusters};
use crate::stages::profile::{Profile, ProfileItem};
use crate::stages::validate::Confusion;

/// What is the same for all rows of users, whoever has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfUsers {
    /// All ids are numbers.
    pub numeric: bool,
    /// There is a column of Naive Bayes.
    pub classed: bool,
}

/// Where each user went.
pub fn segments(users: &UserTable, OfUsers { numeric, classed }: OfUsers) -> Table<'_> {
    let assignment = &users.assignment;
    let mut columns = vec![
        ("user", Values::ids(&users.users, numeric)),
        ("segment", whole(&assignment.segment)),
        ("distance", real(&assignment.distance)),
        ("second", whole(&assignment.second)),
        ("second_distance", real(&assignment.second_distance)),
    ];
    if classed {
        columns.push(("nb_segment", whole(&users.nb_segment)));
    }
    Table::new("segments", columns)
}

/// The top items of each segment.
pub fn profiles(outcome: &Outcome) -> Table<'_> {
    profiles_of(&outcome.profiles, &outcome.items, &outcome.names)
}

/// The same of any segments with these `names`.
pub fn profiles_of<'a>(profiles: &'a [Profile], items: &'a Items, names: &'a [String]) -> Table<'a> {
    let rows =
        || profiles.iter().flat_map(|profile| profile.top.iter().enumerate().map(move |(i, top)| (profile, i, top)));
    let index = |top: &ProfileItem| top.item as usize;
    let name = |profile: &Profile| Cow::Borrowed(names[profile.segment as usize].as_str());
    Table::new(
        "profiles",
        vec![
            ("segment", Values::U32(rows().map(|(profile, _, _)| profile.segment).collect())),
            ("size", Values::U64(rows().map(|(profile, _, _)| profile.size).collect())),
            ("rank", Values::U32(rows().map(|(_, i, _)| i as u32 + 1).collect())),
            ("item", Values::ids(rows().map(|(_, _, top)| &items.ids[index(top)]), all_numbers(&items.ids))),
            ("title", Values::Nullable(rows().map(|(_, _, top)| items.titles[index(top)].as_deref()).collect())),
            ("score", Values::F64(rows().map(|(_, _, top)| top.score).collect())),
            ("name", Values::Text(rows().map(|(profile, _, _)| name(profile)).collect())),
            ("share", Values::F64(rows().map(|(_, _, top)| top.share).collect())),
            ("lift", Values::F64(rows().map(|(_, _, top)| top.lift()).collect())),
            ("mean_rating", Values::F64(rows().map(|(_, _, top)| top.mean_rating).collect())),
        ],
    )
}

/// The names of the segments of the earlier run and of this one, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    pub earlier: Vec<String>,
    pub now: Vec<String>,
}

impl Names {
    /// Absent where there was no run to compare with.
    pub fn of(outcome: &Outcome) -> Option<Names> {
        let earlier = &outcome.continuity.as_ref()?.earlier;
        Some(Names { earlier: earlier.iter().map(|then| then.name.clone()).collect(), now: outcome.names.clone() })
    }
}

/// The users who are in another segment than in the earlier run. Ids are `numeric` as in `segments`, so that the two can be joined.
pub fn moves<'a>(moves: &'a Moves, numeric: bool, names: &'a Names) -> Table<'a> {
    let from_name = |&from: &u32| Cow::Borrowed(names.earlier[from as usize].as_str());
    let to_name = |&to: &u32| Cow::Borrowed(names.now[to as usize].as_str());
    let columns = vec![
        ("user", Values::ids(&moves.users, numeric)),
        ("from", whole(&moves.from)),
        ("from_name", Values::Text(moves.from.iter().map(from_name).collect())),
        ("to", whole(&moves.to)),
        ("to_name", Values::Text(moves.to.iter().map(to_name).collect())),
        ("margin", real(&moves.margin)),
    ];
    Table::new("moves", columns)
}

/// What each component explains, as far as the solver went.
pub fn explained_variance(outcome: &Outcome) -> Table<'_> {
    let pca = &outcome.pca;
    Table::new(
        "explained_variance",
        vec![
            ("component", Values::U32((1..=pca.explained_variance.len() as u32).collect())),
            ("explained_variance", real(&pca.explained_variance)),
            ("ratio", real(&pca.explained_variance_ratio)),
            ("cumulative", Values::F64(cumulative(&pca.explained_variance_ratio).into())),
        ],
    )
}

/// Inertia against the number of clusters; no rows without a sweep.
pub fn inertia(outcome: &Outcome) -> Table<'_> {
    let mut space = Vec::new();
    let mut clusters = Vec::new();
    let mut inertia = Vec::new();
    let mut normalised = Vec::new();
    let mut knee = Vec::new();
    for (name, curve) in curves(&outcome.sweep) {
        let numbers = outcome.sweep.iter().flat_map(|sweep| &sweep.clusters);
        for ((&k, &value), share) in numbers.zip(&curve.inertia).zip(normalise(&curve.inertia)) {
            space.push(Cow::Borrowed(name));
            clusters.push(k as u64);
            inertia.push(value);
            normalised.push(share);
            knee.push((curve.knee == Some(k)) as u32);
        }
    }
    Table::new(
        "inertia",
        vec![
            ("space", Values::Text(space)),
            ("clusters", Values::U64(clusters.into())),
            ("inertia", Values::F64(inertia.into())),
            ("normalised", Values::F64(normalised.into())),
            ("knee", Values::U32(knee.into())),
        ],
    )
}

/// What each number of clusters is worth; nothing without evidence.
pub fn evidence(outcome: &Outcome) -> Option<Table<'_>> {
    let Evidence { by_clusters, suggested_clusters, .. } = outcome.evidence.as_ref()?;
    let reals = |of: fn(&OfClusters) -> f64| Values::F64(by_clusters.iter().map(of).collect());
    let suggested = |of: &OfClusters| u32::from(Some(of.clusters) == *suggested_clusters);
    Some(Table::new(
        "evidence",
        vec![
            ("clusters", Values::U64(by_clusters.iter().map(|of| of.clusters as u64).collect())),
            ("bits", reals(|of| of.bits)),
            ("standard_error", reals(|of| of.standard_error)),
            ("null_bits", reals(|of| of.null_bits)),
            ("adjusted_rand", reals(|of| of.adjusted_rand)),
            ("simplified_silhouette", reals(|of| of.simplified_silhouette)),
            ("calinski_harabasz", reals(|of| of.calinski_harabasz)),
            ("davies_bouldin", reals(|of| of.davies_bouldin)),
            ("suggested", Values::U32(by_clusters.iter().map(suggested).collect())),
        ],
    ))
}

/// Both confusion matrices, cell by cell.
pub fn confusion(outcome: &Outcome) -> Table<'_> {
    let kinds = [("in_sample", &outcome.validation.in_sample), ("out_of_fold", &outcome.validation.out_of_fold)];
    let cells = || kinds.iter().flat_map(|(kind, confusion)| cells(confusion).map(move |cell| (*kind, cell)));
    Table::new(
        "confusion",
        vec![
            ("kind", Values::Text(cells().map(|(kind, _)| Cow::Borrowed(kind)).collect())),
            ("segment", Values::U32(cells().map(|(_, (segment, _, _))| segment).collect())),
            ("predicted", Values::U32(cells().map(|(_, (_, predicted, _))| predicted).collect())),
            ("users", Values::U64(cells().map(|(_, (_, _, users))| users).collect())),
        ],
    )
}

/// The item dictionary.
pub fn items(outcome: &Outcome) -> Table<'_> {
    let items = &outcome.items;
    Table::new(
        "items",
        vec![
            ("index", Values::U32((0..items.ids.len() as u32).collect())),
            ("item", Values::ids(&items.ids, all_numbers(&items.ids))),
            ("title", Values::Nullable(items.titles.iter().map(Option::as_deref).collect())),
        ],
    )
}

/// (segment, predicted, users), row by row.
fn cells(confusion: &Confusion) -> impl Iterator<Item = (u32, u32, u64)> + '_ {
    confusion.counts.indexed_iter().map(|((segment, predicted), &users)| (segment as u32, predicted as u32, users))
}

fn whole(values: &[u32]) -> Values<'_> {
    Values::U32(Cow::Borrowed(values))
}

fn real(values: &[f64]) -> Values<'_> {
    Values::F64(Cow::Borrowed(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::ids::Id;
    use crate::results::fixture::{self, SMALL};

    fn column<'a, 'b>(table: &'b Table<'a>, name: &str) -> &'b Values<'a> {
        &table.columns().iter().find(|column| column.name == name).unwrap().values
    }

    fn names(table: &Table) -> Vec<&'static str> {
        table.columns().iter().map(|column| column.name).collect()
    }

    #[test]
    fn the_tables_have_the_documented_columns_and_all_rows() {
        let outcome = fixture::outcome(SMALL);
        let users = fixture::users(SMALL);
        let segments = segments(&users, OfUsers { numeric: true, classed: true });
        assert_eq!(names(&segments), ["user", "segment", "distance", "second", "second_distance", "nb_segment"]);
        assert_eq!(segments.n_rows(), SMALL.users);
        let profiles = profiles(&outcome);
        let added = ["name", "share", "lift", "mean_rating"];
        assert_eq!(names(&profiles), [&["segment", "size", "rank", "item", "title", "score"][..], &added].concat());
        let Values::Text(name) = column(&profiles, "name") else { panic!("names are texts") };
        assert_eq!((name[0].as_ref(), name[SMALL.top].as_ref()), ("Taste 0", "Taste 1"));
        assert_eq!(profiles.n_rows(), SMALL.clusters * SMALL.top);
        assert_eq!(names(&items(&outcome)), ["index", "item", "title"]);
        assert_eq!(items(&outcome).n_rows(), SMALL.items);
    }

    #[test]
    fn confusion_has_every_cell_and_sums_to_the_users_twice() {
        let outcome = fixture::outcome(SMALL);
        let table = confusion(&outcome);
        assert_eq!(names(&table), ["kind", "segment", "predicted", "users"]);
        assert_eq!(table.n_rows(), 2 * SMALL.clusters * SMALL.clusters);
        let Values::U64(users) = column(&table, "users") else { panic!("users are counts") };
        assert_eq!(users.iter().sum::<u64>(), 2 * SMALL.users as u64);
    }

    #[test]
    fn cumulative_ends_at_the_sum_and_inertia_begins_at_one() {
        let outcome = fixture::outcome(SMALL);
        let table = explained_variance(&outcome);
        let Values::F64(sums) = column(&table, "cumulative") else { panic!("shares are real") };
        assert_eq!(sums.last(), Some(&outcome.pca.explained_variance_ratio.iter().sum::<f64>()));
        let table = inertia(&outcome);
        let (Values::F64(shares), Values::U32(knees)) = (column(&table, "normalised"), column(&table, "knee")) else {
            panic!("wrong types")
        };
        assert_eq!((shares[0], shares[8]), (1.0, 1.0));
        assert!(shares[..8].windows(2).all(|pair| pair[1] <= pair[0]));
        assert_eq!(knees.iter().positions(), [2, 11]);
    }

    trait Positions {
        fn positions(self) -> Vec<usize>;
    }

    impl<'a, I: Iterator<Item = &'a u32>> Positions for I {
        fn positions(self) -> Vec<usize> {
            self.enumerate().filter(|(_, knee)| **knee == 1).map(|(i, _)| i).collect()
        }
    }

    #[test]
    fn without_a_sweep_the_inertia_table_is_empty_but_has_its_columns() {
        let outcome = Outcome { sweep: None, ..fixture::outcome(SMALL) };
        assert_eq!(names(&inertia(&outcome)), ["space", "clusters", "inertia", "normalised", "knee"]);
        assert_eq!(inertia(&outcome).n_rows(), 0);
        assert_eq!(normalise(&[0.0, 0.0]), [1.0, 1.0]);
    }

    #[test]
    fn evidence_has_a_row_for_each_number_and_marks_one() {
        let outcome = fixture::outcome(SMALL);
        let table = evidence(&outcome).unwrap();
        let (numbers, of) = (outcome.evidence.as_ref().unwrap(), |name| column(&table, name));
        assert_eq!(table.n_rows(), numbers.by_clusters.len());
        let Values::U32(suggested) = of("suggested") else { panic!("a mark is whole") };
        assert_eq!(suggested.iter().positions(), [1]);
        let Values::F64(bits) = of("bits") else { panic!("bits are real") };
        assert!(bits.iter().zip(&numbers.by_clusters).all(|(bits, of)| *bits == of.bits));
        assert!(evidence(&Outcome { evidence: None, ..outcome }).is_none());
    }

    /// Profiles name few items, the dictionary all: their id columns must agree in type to be joined.
    #[test]
    fn one_text_id_makes_every_item_column_text() {
        let mut outcome = fixture::outcome(SMALL);
        let last = outcome.items.ids.len() - 1;
        outcome.items.ids[last] = Id::parse("x");
        for table in [profiles(&outcome), items(&outcome)] {
            assert!(matches!(column(&table, "item"), Values::Text(_)));
        }
    }
}
