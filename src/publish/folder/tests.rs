//! The laws of publishing, on a folder: what is there after two publications is what is there after the second alone, but for
//! times and changes; the changes make one of the other; and whoever changed says as much as all.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::publish::target::{Change, Terms, publish};
use crate::results::Id;

const N_SEGMENTS: u32 = 3;

type Placed = BTreeMap<Id, i64>;

fn edition(content: &str) -> Edition {
    let segment = |number: u32| Segment { name: format!("s{number}"), profile: json!({ "items": [] }) };
    Edition {
        content: content.into(),
        model: "m".into(),
        lineage: Vec::new(),
        segments: (0..N_SEGMENTS).map(segment).collect(),
    }
}

/// A table of users, in two files.
fn all(folder: &Path, name: &str, placed: &Placed) -> Members<'static> {
    let numeric = placed.keys().all(|user| matches!(user, Id::Number(_)));
    let files = [0, 1].map(|file| folder.join(format!("{name}-{file}.parquet")));
    for (at, file) in files.iter().enumerate() {
        let mut writer = Writer::create(file, numeric, &[("segment", Kind::Number)]).unwrap();
        let half = placed.len() / 2;
        let rows = placed.iter().skip(at * half).take(if at == 0 { half } else { placed.len() });
        rows.for_each(|(user, &segment)| writer.push(user, &[Some(segment)]).unwrap());
        writer.finish().unwrap();
    }
    Members::All(Rows::once(files.to_vec(), &["segment"]))
}

fn put(folder: &Path, content: &str, members: Members<'_>) -> Record {
    let terms = Terms { key: "--to", new_segments: false };
    publish(&mut Folder::at(folder), &edition(content), None, members, terms).unwrap().record
}

fn rows(files: Vec<PathBuf>, columns: &'static [&'static str]) -> Vec<(Id, Vec<Option<i64>>)> {
    let mut found = Vec::new();
    let mut rows = Rows::any(files, columns);
    while let Some(group) = rows.next_group().unwrap() {
        for (at, user) in group.users.iter().enumerate() {
            found.push((user.clone(), group.numbers.iter().map(|column| column[at]).collect()));
        }
    }
    found
}

fn memberships(folder: &Path) -> (Placed, BTreeMap<Id, i64>) {
    let file = folder.join(CURRENT).join(MEMBERSHIPS);
    let rows = rows(vec![file], &["segment", "since"]);
    let of = |column: usize| rows.iter().map(|(user, row)| (user.clone(), row[column].unwrap())).collect();
    (of(0), of(1))
}

/// From and to, by publication and user.
fn changes(folder: &Path) -> BTreeMap<(i64, Id), (Option<i64>, Option<i64>)> {
    let entries = fs::read_dir(folder.join(CURRENT).join(CHANGES)).unwrap().map(|entry| entry.unwrap().path());
    let rows = rows(entries.collect(), &OF_CHANGES);
    let n = rows.len();
    let found: BTreeMap<_, _> =
        rows.into_iter().map(|(user, row)| ((row[3].unwrap(), user), (row[0], row[1]))).collect();
    assert_eq!(found.len(), n, "each user once in a publication");
    found
}

fn sizes(folder: &Path) -> Vec<u64> {
    let (placed, _) = memberships(folder);
    (0..N_SEGMENTS)
        .map(|number| placed.values().filter(|&&segment| segment == i64::from(number)).count() as u64)
        .collect()
}

fn placed() -> impl Strategy<Value = Placed> {
    let id = prop_oneof![(0u64..20).prop_map(Id::Number), "[a-c0]{1,2}".prop_map(|text| Id::parse(&text))];
    let numbers = prop::collection::btree_map((0u64..20).prop_map(Id::Number), 0..i64::from(N_SEGMENTS), 0..20);
    prop_oneof![numbers, prop::collection::btree_map(id, 0..i64::from(N_SEGMENTS), 0..20)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn differences_make_one_of_the_other(a in placed(), b in placed()) {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        put(&place("both"), "a", all(folder.path(), "a", &a));
        let (first, since) = memberships(&place("both"));
        prop_assert_eq!(&first, &a);
        let record = put(&place("both"), "b", all(folder.path(), "b", &b));
        put(&place("fresh"), "b", all(folder.path(), "b", &b));
        let (now, times) = memberships(&place("both"));
        prop_assert_eq!(&now, &b);
        prop_assert_eq!((&memberships(&place("fresh")).0, sizes(&place("fresh"))), (&b, sizes(&place("both"))));
        prop_assert!(changes(&place("fresh")).is_empty());
        let told = changes(&place("both"));
        prop_assert_eq!(told.len() as u64, record.changes);
        let mut made = a.clone();
        for ((publication, user), (from, to)) in &told {
            prop_assert!(*publication == 2 && from != to);
            prop_assert_eq!(made.remove(user), *from);
            to.iter().for_each(|&to| _ = made.insert(user.clone(), to));
        }
        prop_assert_eq!(&made, &b);
        for (user, time) in &times {
            prop_assert_eq!(told.contains_key(&(2, user.clone())), since.get(user) != Some(time));
        }
        // Who changed says as much as all.
        put(&place("told"), "a", all(folder.path(), "a", &a));
        let who = told.iter().map(|((_, user), (_, to))| (user.clone(), to.map(|to| to as u32)));
        put(&place("told"), "b", Members::Changed(&who.collect::<Vec<Change>>()));
        prop_assert_eq!((memberships(&place("told")).0, changes(&place("told"))), (b, told));
    }
}

#[test]
fn many_parts_of_changes_become_one_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("shown");
    let users = |to: i64| -> Placed { [(Id::Number(3), to), (Id::parse("x"), 1)].into_iter().collect() };
    let n = PARTS as i64 + 9;
    for number in 0..n {
        put(&target, &number.to_string(), all(folder.path(), "users", &users(number % 3)));
    }
    let parts = fs::read_dir(target.join(CURRENT).join(CHANGES)).unwrap().count();
    assert!(parts < PARTS, "{parts}");
    let expected = (1..n).map(|at| ((at + 1, Id::Number(3)), (Some((at - 1) % 3), Some(at % 3)))).collect();
    assert_eq!(changes(&target), expected);
}

#[test]
fn what_a_killed_publisher_began_is_removed_and_members_of_new_segments_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("shown");
    let users: Placed = (0..6).map(|user| (Id::Number(user), user as i64 % 3)).collect();
    put(&target, "a", all(folder.path(), "users", &users));
    fs::create_dir(target.join("versions/000002")).unwrap();
    fs::write(target.join("versions/000002/memberships.parquet"), "half").unwrap();
    std::os::unix::fs::symlink("versions/000002", target.join(".current.new")).unwrap();
    let mut held = Folder::at(&target);
    let begun = held.begin().unwrap();
    let record = begun.put(&edition("b"), None, all(folder.path(), "users", &users), &[1]).unwrap();
    assert_eq!((record.publication, record.changes), (2, 2));
    let told: Vec<_> = changes(&target).into_iter().collect();
    let stayed = |user: u64| ((2, Id::Number(user)), (Some(1), Some(1)));
    assert_eq!(told, [stayed(1), stayed(4)]);
}
