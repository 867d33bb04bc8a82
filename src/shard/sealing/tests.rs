//! Sealed-by-id: what is sealed depends on the set of rows alone.

use std::collections::BTreeMap;

use super::*;
use crate::ingest::ids::Id;
use crate::ingest::ids::TEXT_KEY;
use crate::ingest::keys::ItemIndex;
use crate::ingest::rows::Narrow;
use crate::ingest::rows::{Name, Records, Row};
use crate::job::Duplicates;
use crate::kernel::keyed;
use crate::shard::incoming::Incoming;
use crate::shard::store::Store;
use proptest::prelude::*;

fn row(user: u64, item: u64, value: f64, order: u64) -> Row {
    Row { user, item, value, order }
}

/// Seals rows that came one by one, with `limit` bytes for them and as much for the blocks.
fn seal_within(rows: &[Row], several: Several, expected_rows: u64, limit: u64) -> Sealed {
    seal_with(rows, several.into(), None, expected_rows, limit)
}

/// The same with a dictionary of items, or of all there are.
fn seal_with(rows: &[Row], rule: Rule, items: Option<&[u64]>, expected_rows: u64, limit: u64) -> Sealed {
    let several = rule.several;
    let folder = tempfile::tempdir().unwrap();
    let mut incoming = Incoming::new(expected_rows, limit, folder.path());
    for row in rows {
        incoming.receive(&match Narrow::of(row) {
            _ if several.needs_order() => Records::Ordered(vec![(*row).into()]),
            Some(narrow) => Records::Narrow(vec![narrow]),
            None => Records::Wide(vec![(*row).into()]),
        });
    }
    let items = items.map_or_else(|| ItemIndex::new(&incoming.item_keys()), ItemIndex::new);
    seal(incoming, &items, rule, &mut Store::new(limit, folder.path())).unwrap()
}

fn seal_all(rows: &[Row], duplicates: Duplicates) -> Sealed {
    seal_within(rows, Several::Merge(duplicates), 0, u64::MAX)
}

#[test]
fn duplicates_follow_the_rule() {
    let rows = [row(7, 1, 2.0, 0), row(7, 1, 5.0, 1), row(7, 1, 3.0, 2), row(7, 2, 0.0, 3)];
    for (rule, expected) in
        [(Duplicates::Last, 3.0), (Duplicates::Sum, 10.0), (Duplicates::Mean, 10.0 / 3.0), (Duplicates::Max, 5.0)]
    {
        let sealed = seal_all(&rows, rule);
        assert_eq!(sealed.shard.matrix.row(0).iter().collect::<Vec<_>>(), [(0, expected)], "{rule:?}");
        assert_eq!((sealed.merged, sealed.zeros), (2, 1));
    }
    let several = [&rows[..], &[row(3, 2, 1.0, 9), row(3, 2, 1.0, 10)]].concat();
    assert_eq!(seal_all(&several, Duplicates::Error).first_duplicate, Some((Id::Number(3), 1)));
}

/// Of items 1 to 4 the dictionary has 2 and 3; user 9 has rated neither.
#[test]
fn rows_of_items_that_are_not_in_the_dictionary_are_counted_and_left_out() {
    let rows = [row(7, 1, 2.0, 0), row(7, 3, 5.0, 1), row(7, 1, 3.0, 2), row(7, 2, 1.5, 3), row(9, 4, 1.0, 4)];
    for duplicates in [Duplicates::Error, Duplicates::Last] {
        let mut incoming = Incoming::new(0, u64::MAX, std::path::Path::new("."));
        for row in rows {
            incoming.receive(&match duplicates {
                Duplicates::Last => Records::Ordered(vec![row.into()]),
                _ => Records::Narrow(vec![Narrow::of(&row).unwrap()]),
            });
        }
        let mut store = Store::new(u64::MAX, std::path::Path::new("."));
        let sealed = seal(incoming, &ItemIndex::new(&[2, 3]), Several::Merge(duplicates).into(), &mut store).unwrap();
        assert_eq!(sealed.shard.users, [Id::Number(7), Id::Number(9)]);
        assert_eq!(sealed.shard.matrix.row(0).iter().collect::<Vec<_>>(), [(0, 1.5), (1, 5.0)]);
        assert!(sealed.shard.matrix.row(1).is_empty());
        assert_eq!((sealed.unknown, sealed.merged, sealed.first_duplicate), (3, 0, None));
    }
}

/// Of items 1 to 4 the dictionary has 2 and 3.
fn whole(rows: &[Row], several: Several) -> Sealed {
    seal_with(rows, Rule { several, whole: true }, Some(&[2, 3]), 0, u64::MAX)
}

#[test]
fn where_rows_are_whole_zeros_stay() {
    // With 0.1, which no f32 is, rows come another way.
    for x in [1.0, 0.1] {
        let rows = [
            row(7, 2, 3.0, 0),
            row(7, 1, 2.0, 1),
            row(7, 2, x, 2),
            row(7, 3, 0.0, 3),
            row(7, 2, 3.0, 4),
            row(7, 4, 1.0, 5),
            row(9, 4, 1.0, 6),
            row(11, 3, x, 7),
            row(7, 1, 5.0, 8),
        ];
        let users = |of_seven: &[(usize, f64)]| {
            let of_seven = [of_seven, &[(1, 0.0)]].concat();
            [(7, of_seven), (9, Vec::new()), (11, vec![(1, x)])].map(|(id, row)| (Id::Number(id), row)).to_vec()
        };
        let sealed = whole(&rows, Several::Every);
        assert_eq!(table(&sealed), users(&[(0, x), (0, 3.0), (0, 3.0)]));
        assert_eq!((sealed.unknown, sealed.merged, sealed.zeros, &sealed.first_duplicate), (4, 0, 1, &None));

        for (duplicates, merged) in [(Duplicates::Last, 3.0), (Duplicates::Sum, x + 3.0 + 3.0)] {
            let sealed = whole(&rows, Several::Merge(duplicates));
            assert_eq!(table(&sealed), users(&[(0, merged)]), "{duplicates:?}");
            assert_eq!((sealed.unknown, sealed.merged, sealed.zeros), (4, 2, 1));
            assert_eq!(sealed.first_duplicate, Some((Id::Number(7), 0)));
        }
        let mut first = whole(&rows, Several::First);
        first.repeats.sort_unstable();
        assert_eq!((table(&first), first.repeats, first.zeros), (users(&[(0, 3.0)]), vec![2, 4], 1));
    }
    // A zero that is the last row of its pair is what counts.
    let last = whole(&[row(7, 2, 4.0, 0), row(7, 2, 0.0, 1)], Several::Merge(Duplicates::Last));
    assert_eq!(table(&last), [(Id::Number(7), vec![(0, 0.0)])]);
}

#[test]
fn where_only_the_first_row_counts_the_others_are_told() {
    let rows = [row(7, 1, 2.0, 4), row(7, 1, 5.0, 1), row(9, 1, 4.0, 0), row(7, 1, 3.0, 2), row(7, 2, 0.0, 3)];
    for limit in [0, u64::MAX] {
        let mut sealed = seal_within(&rows, Several::First, 0, limit);
        assert_eq!(sealed.shard.matrix.row(0).iter().collect::<Vec<_>>(), [(0, 5.0)]);
        assert_eq!(sealed.shard.matrix.row(1).iter().collect::<Vec<_>>(), [(0, 4.0)]);
        sealed.repeats.sort_unstable();
        assert_eq!((sealed.repeats, sealed.merged, sealed.zeros), (vec![2, 4], 0, 1));
    }
}

#[test]
fn names_belong_to_keys_and_collisions_are_noticed() {
    let name = |text: &str| Name { key: TEXT_KEY | 5, text: text.into() };
    let mut incoming = Incoming::new(0, u64::MAX, std::path::Path::new("."));
    incoming.name_users([name("anna"), name("anna")].into_iter());
    assert!(!incoming.has_collision());
    incoming.name_users([name("otto")].into_iter());
    assert!(incoming.has_collision());
}

/// Users with their rows, by user.
fn table(sealed: &Sealed) -> Vec<(Id, Vec<(usize, f64)>)> {
    let rows = sealed.shard.matrix.rows().map(|row| row.iter().collect());
    let mut table: Vec<(Id, Vec<(usize, f64)>)> = sealed.shard.users.iter().cloned().zip(rows).collect();
    table.sort_by(|a, b| a.0.cmp(&b.0));
    table
}

proptest! {
    #[test]
    fn neither_the_order_of_arrival_nor_room_nor_partitions_matter(
        rows in prop::collection::vec((0u64..40, 0u64..9, 0u32..50), 0..200),
        seed in any::<u64>(),
        rule in prop::sample::select(vec![Duplicates::Last, Duplicates::Sum, Duplicates::Mean, Duplicates::Max]),
        whole in any::<bool>(),
        limit in prop::sample::select(vec![0, 200, 2000, u64::MAX]),
        expected_rows in prop::sample::select(vec![0, 1 << 19, 1 << 21]),
    ) {
        let unit = if whole { 0.5 } else { 0.1 };
        let rows: Vec<Row> = rows.iter().enumerate()
            .map(|(i, &(u, item, v))| row(u << (u % 3 * 16), item, f64::from(v) * unit, i as u64)).collect();
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|r| keyed::mix(seed ^ r.order));
        let (a, b) = (seal_all(&rows, rule), seal_within(&shuffled, Several::Merge(rule), expected_rows, limit));
        prop_assert_eq!(table(&a), table(&b));
        prop_assert_eq!((a.merged, a.zeros), (b.merged, b.zeros));
        prop_assert_eq!(&a.first_duplicate, &b.first_duplicate);
        prop_assert_eq!(a.merged + a.zeros + a.shard.matrix.nnz() as u64, rows.len() as u64);
    }

    #[test]
    fn where_every_row_is_kept_whole_nothing_is_lost(
        rows in prop::collection::vec((0u64..20, 0u64..6, 0u32..4), 0..120),
        narrow in any::<bool>(),
        limit in prop::sample::select(vec![0, 200, u64::MAX]),
        expected_rows in prop::sample::select(vec![0, 1 << 21]),
    ) {
        let unit = if narrow { 0.5 } else { 0.1 };
        let rows: Vec<Row> = rows.iter().zip(0..)
            .map(|(&(user, item, value), order)| row(user, item, f64::from(value) * unit, order)).collect();
        // Items 1 and 3 are known.
        let mut expected: BTreeMap<Id, Vec<(usize, f64)>> = BTreeMap::new();
        for row in &rows {
            let of_user = expected.entry(Id::Number(row.user)).or_default();
            match row.item {
                1 | 3 => of_user.push((row.item as usize / 2, row.value)),
                _ => {}
            }
        }
        expected.values_mut().for_each(|row| row.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))));
        let rule = Rule { several: Several::Every, whole: true };
        let sealed = seal_with(&rows, rule, Some(&[1, 3]), expected_rows, limit);
        prop_assert_eq!(table(&sealed), expected.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(sealed.unknown, rows.iter().filter(|row| ![1, 3].contains(&row.item)).count() as u64);
    }
}

#[test]
fn returns_are_taken_from_what_they_return() {
    let sold = [row(7, 2, 0.1, 0), row(7, 2, 0.2, 1), row(7, 3, 5.0, 2), row(8, 2, 1.0, 3), row(8, 3, 2.0, 4)];
    let back = [row(7, 2, -0.3, 5), row(7, 3, -2.0, 6), row(8, 3, -2.5, 7), row(9, 2, -1.0, 8)];
    for rows in [[&sold[..], &back].concat(), [&back[..], &sold].concat()] {
        let sealed = seal_all(&rows, Duplicates::Sum);
        assert_eq!(sealed.shard.users, [Id::Number(7), Id::Number(8)], "who has only returned is no user");
        assert_eq!((sealed.merged, sealed.zeros), (3, 1));
        assert_eq!(sealed.returned, [(Id::Number(8), 1), (Id::Number(9), 0)]);
        let of_row = |row: usize| sealed.shard.matrix.row(row).iter().collect::<Vec<_>>();
        assert_eq!([of_row(0), of_row(1)], [[(1, 3.0)], [(0, 1.0)]]);
    }
}
