//! Dictionaries of several workers against one plain sorted set.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::collective::Solo;
use crate::collective::testing::{Threaded, run_processes};
use crate::ingest::ids::TEXT_KEY;

/// Processes and workers of each.
const SHAPES: [(usize, usize); 8] = [(1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 2), (2, 3), (7, 1)];

const SEED: u64 = 5;

fn key(text: &str) -> u64 {
    Id::parse(text).key(SEED)
}

fn names<'a>(texts: impl IntoIterator<Item = &'a str>) -> KeyMap<Box<str>> {
    texts.into_iter().filter(|text| key(text) & TEXT_KEY != 0).map(|text| (key(text), text.into())).collect()
}

/// What came to a worker.
#[derive(Debug, Clone, Default)]
struct Share<'a> {
    met: BTreeSet<&'a str>,
    read: BTreeSet<&'a str>,
}

impl Share<'_> {
    fn keys(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = self.met.iter().map(|text| key(text)).collect();
        keys.sort_unstable();
        keys
    }

    fn names(&self) -> KeyMap<Box<str>> {
        names(self.read.iter().copied())
    }
}

/// Rows of items, each of which one worker reads and another meets.
fn shares<'a>(peers: usize, rows: impl IntoIterator<Item = (&'a str, usize, usize)>) -> Vec<Share<'a>> {
    let mut shares = vec![Share::default(); peers];
    for (text, reader, receiver) in rows {
        shares[reader % peers].read.insert(text);
        shares[receiver % peers].met.insert(text);
    }
    shares
}

/// What one sorted set says of the items of a share.
fn indices<'a>(all: &[Id], share: &Share<'a>, first: usize) -> Vec<(&'a str, u32)> {
    let index = |text: &str| (first + all.binary_search(&Id::parse(text)).unwrap()) as u32;
    share.met.iter().map(|&text| (text, index(text))).collect()
}

/// What a dictionary says of them.
fn looked_up<'a>(index: &ItemIndex, share: &Share<'a>) -> Vec<(&'a str, u32)> {
    share.met.iter().map(|&text| (text, index.of(key(text)))).collect()
}

fn sorted<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Id> {
    let ids: BTreeSet<Id> = texts.into_iter().map(Id::parse).collect();
    ids.into_iter().collect()
}

/// The dictionary of `rows` on every worker, as one sorted set has it.
fn check_found((processes, width): (usize, usize), rows: &[(&str, usize, usize)]) {
    let shares = shares(processes * width, rows.iter().copied());
    let all = sorted(rows.iter().map(|row| row.0));
    let found = run_processes(processes, width, |c| {
        let share = &shares[c.index()];
        let (index, ids) = item_dictionary(c, &share.keys(), share.names(), false).unwrap();
        assert_eq!(looked_up(&index, share), indices(&all, share, 0), "{processes} processes of {width} workers");
        assert_eq!(index.len(), all.len());
        ids
    });
    check_ids(&found, &all);
}

/// The coordinator alone has the ids.
fn check_ids(found: &[Vec<Id>], all: &[Id]) {
    assert_eq!(found[0], all);
    assert!(found[1..].iter().all(Vec::is_empty));
}

/// The same with `given` items, as they are known and extended.
fn check_given((processes, width): (usize, usize), given: &[&str], rows: &[(&str, usize, usize)]) {
    let shares = shares(processes * width, rows.iter().copied());
    let ids = sorted(given.iter().copied());
    let others = sorted(rows.iter().map(|row| row.0).filter(|text| !given.contains(text)));
    let found = run_processes(processes, width, |c| {
        let share = &shares[c.index()];
        let (index, n_others) = known_items(c, &ids, SEED, &share.keys(), &share.names(), false).unwrap();
        assert_eq!((index.len(), n_others), (ids.len(), others.len() as u64));
        assert_eq!(index.keys(), keys_of(&ids, SEED));
        let (index, found) = extended_items(c, &ids, SEED, &share.keys(), share.names(), false).unwrap();
        assert_eq!(index.len(), ids.len() + others.len());
        assert_eq!(index.keys()[..ids.len()], keys_of(&ids, SEED));
        let of_others =
            Share { met: share.met.iter().copied().filter(|text| !given.contains(text)).collect(), ..share.clone() };
        assert_eq!(looked_up(&index, &of_others), indices(&others, &of_others, ids.len()));
        found
    });
    check_ids(&found, &others);
}

const TEXTS: [&str; 9] = ["70", "3", "a", "b", "007", "Z", "9223372036854775807", "-1", "0"];

/// arrival-blind: it does not matter which worker read an item and which met it, nor how many did. Numbers come before texts.
#[test]
fn items_are_sorted_by_id_whoever_met_them() {
    for shape in SHAPES {
        for spread in 1..5 {
            let rows = |at: usize| {
                TEXTS.iter().enumerate().map(move |(n, text)| (*text, n * spread + at, n / spread + 2 * at))
            };
            check_found(shape, &rows(0).chain(rows(1)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn few_items_none_and_all_at_one_worker_are_no_special_case() {
    for shape in SHAPES {
        for rows in [&[][..], &[("a", 0, 0)], &[("a", 1, 2)], &[("7", 2, 1)], &[("b", 1, 1), ("a", 1, 1), ("3", 1, 1)]]
        {
            check_found(shape, rows);
            for given in [&[][..], &["a"], &["3", "7", "b"]] {
                check_given(shape, given, rows);
            }
        }
    }
}

/// Items that are not given are counted once over all workers, and come behind those that are.
#[test]
fn others_than_the_given_items_are_counted_once_and_come_behind_them() {
    for shape in SHAPES {
        let rows = |at: usize| TEXTS.iter().enumerate().map(move |(n, text)| (*text, n + at, 2 * n + 3 * at));
        check_given(shape, &["3", "70", "a", "b", "never met"], &rows(0).chain(rows(1)).collect::<Vec<_>>());
        check_given(shape, &TEXTS, &rows(0).collect::<Vec<_>>());
    }
}

/// The texts that each of three workers read for one key, in dictionaries of all kinds.
fn is_noticed(shape: (usize, usize), read: [&'static str; 3]) -> bool {
    const SAME: u64 = TEXT_KEY | 77;
    let (given, peers) = ([Id::parse("b")], shape.0 * shape.1);
    let names_of = |worker: usize| -> KeyMap<Box<str>> {
        (0..3)
            .filter(|at| at % peers == worker)
            .filter(|&at| !read[at].is_empty())
            .map(|at| (SAME, read[at].into()))
            .collect()
    };
    let found = run_processes(shape.0, shape.1, |c: &mut Threaded| {
        // With one or two workers, texts of several readers meet as they are read.
        let texts: BTreeSet<&str> = (0..3).filter(|at| at % peers == c.index()).map(|at| read[at]).collect();
        let here = texts.iter().filter(|text| !text.is_empty()).count() > 1;
        // The row is where nobody has read its item, as far as that is possible.
        let keys = if c.index() == peers - 1 { vec![SAME] } else { Vec::new() };
        let extended = extended_items(c, &given, SEED, &keys, names_of(c.index()), here);
        let found = item_dictionary(c, &keys, names_of(c.index()), here);
        assert_eq!(found.is_some(), extended.is_some());
        found.is_none()
    });
    assert!(found.iter().all(|none| *none == found[0]), "workers disagree");
    found[0]
}

#[test]
fn two_texts_of_a_key_are_noticed_wherever_they_meet() {
    for shape in SHAPES {
        for (read, expected) in [
            (["x", "", ""], false),
            (["x", "x", "x"], false),
            (["x", "y", ""], true),
            (["x", "", "y"], true),
            (["", "x", "y"], true),
            (["x", "x", "y"], true),
        ] {
            assert_eq!(is_noticed(shape, read), expected, "{shape:?} {read:?}");
        }
    }
}

/// A collision at one worker, of whatever, is one for all.
#[test]
fn what_one_worker_noticed_all_know() {
    for (processes, width) in SHAPES {
        let given = [Id::parse("b")];
        run_processes(processes, width, |c| {
            let here = c.index() == c.peers() - 1;
            assert!(item_dictionary(c, &[7], KeyMap::default(), here).is_none());
            assert!(known_items(c, &given, SEED, &[7], &KeyMap::default(), here).is_none());
            assert!(extended_items(c, &given, SEED, &[7], KeyMap::default(), here).is_none());
        });
    }
}

#[test]
fn a_text_that_shares_the_key_of_a_given_one_is_noticed() {
    let ids = [Id::parse("a")];
    let names = |text: &str| KeyMap::from_iter([(key("a"), Box::from(text))]);
    for (text, is_right) in [("a", true), ("impostor", false)] {
        let found = run_processes(2, 2, |c| {
            let names = if c.index() == 3 { names(text) } else { KeyMap::default() };
            let known = known_items(c, &ids, SEED, &[], &names, false).is_some();
            (known, extended_items(c, &ids, SEED, &[], names, false).is_some())
        });
        assert_eq!(found, [(is_right, is_right); 4]);
    }
    assert!(known_items(&mut Solo, &ids, SEED, &[], &names("a"), true).is_none());
}

/// A row that was read and never came, as when a scratch file fails, is no item.
#[test]
fn a_name_without_a_row_is_no_item() {
    for (processes, width) in SHAPES {
        let found = run_processes(processes, width, |c| {
            let keys = if c.is_coordinator() { vec![3, key("b")] } else { Vec::new() };
            item_dictionary(c, &keys, names(["a", "b", "c"]), false).unwrap().1
        });
        check_ids(&found, &["3", "b"].map(Id::parse));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn dictionaries_are_those_of_one_sorted_set(
        shape in prop::sample::select(&SHAPES[..]),
        rows in prop::collection::vec(("[0-9]{1,4}|[ab]{1,3}", 0usize..7, 0usize..7), 0..200),
        given in prop::collection::btree_set("[0-9]{1,2}|[ab]{1,2}", 0..20),
    ) {
        let rows: Vec<(&str, usize, usize)> = rows.iter().map(|(text, a, b)| (text.as_str(), *a, *b)).collect();
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        check_found(shape, &rows);
        check_given(shape, &given, &rows);
    }
}
