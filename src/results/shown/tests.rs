use super::content::{FILE, MAX_POINTS, Shown};
use crate::results::fixture::{self, MOVIELENS, SMALL, Size};
use crate::results::run::Digests;

#[test]
fn what_is_read_back_is_what_was_shown() {
    for size in [SMALL, MOVIELENS] {
        let outcome = fixture::outcome(size);
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let digests = fixture::write(&outcome, &output, &[]).unwrap().digests;
        assert_eq!(Shown::read(&output).unwrap(), Shown::of(&outcome, digests, false));
    }
}

#[test]
fn it_does_not_grow_with_the_users() {
    let json = |users| {
        let outcome = fixture::outcome(Size { users, items: 5_000, ..SMALL });
        Shown::of(&outcome, Digests::new(), false).to_json().len()
    };
    // As many as the search box knows at most.
    let most = 10 * MAX_POINTS;
    assert!(json(10 * most) < json(most) * 11 / 10);
    let outcome = fixture::outcome(Size { items: 5_000, ..SMALL });
    let shown = Shown::of(&outcome, Digests::new(), false);
    assert!(shown.items.0.len() <= SMALL.clusters * 3 * SMALL.top);
}

#[test]
fn a_changed_file_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = fixture::outcome(SMALL);
    let shown = Shown::of(&outcome, Digests::new(), false);
    type Change = dyn Fn(&mut Shown);
    let changes: [(&Change, &str); 6] = [
        (&|shown| shown.names.truncate(3), "4 segments"),
        (&|shown| shown.profiles.truncate(3), "4 segments"),
        (&|shown| shown.evidence.as_mut().unwrap().stability.jaccard.truncate(3), "4 segments"),
        (&|shown| shown.map[0].segment = 4, "a segment that is not there"),
        (&|shown| shown.profiles.swap(0, 1), "a segment that is not there"),
        (&|shown| drop(shown.items.0.pop_first()), "what item"),
    ];
    for (change, problem) in changes {
        let mut changed = shown.clone();
        change(&mut changed);
        std::fs::write(folder.path().join(FILE), changed.to_json()).unwrap();
        let error = Shown::read(folder.path()).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains(problem), "{error}");
    }
}
