//! The invariant `logged-before-told`: whatever a session did and however it ended, the next one finds all of it, once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde::Serialize;
use tempfile::TempDir;

use super::*;
use crate::error::Result;
use crate::ingest::ids::Id;
use crate::live::change::{Change, Op, Origin, Position, Positions};
use crate::results::rejects::RejectLine;

fn change(number: u64) -> Change {
    let origin = Origin { input: 0, line: number, byte: 20 * number };
    let rating = (!number.is_multiple_of(3)).then_some(number as f64 / 2.0);
    Change {
        op: Op::Put,
        user: Id::Number(number),
        item: Id::Text(format!("ü{number}").into()),
        rating,
        origin,
        raw: "…".into(),
    }
}

fn reject(line: u64) -> RejectLine {
    let [file, code, field] = ["a", "BAD_OP", "op"].map(str::to_string);
    RejectLine { file, line, byte: 7 * line, code, field, raw: format!("no\tchange {line}") }
}

fn batch(number: u64) -> LoggedBatch {
    let position = Position { lines: 10 * number, bytes: 100 * number, inode: 5, offsets: BTreeMap::from([(1, 2)]) };
    LoggedBatch {
        number,
        inputs: vec!["a".into()],
        changes: (0..number % 4).map(|at| change(number * 10 + at)).collect(),
        rejects: (0..number % 2).map(reject).collect(),
        filtered: number % 5,
        positions: Positions::from([("a".into(), position)]),
    }
}

/// What a recovered state gives: header and its coding, number of the snapshot, its frames and the batches behind it.
#[derive(Debug, PartialEq)]
struct All {
    header: Vec<u8>,
    coding: Coding,
    number: u64,
    frames: Vec<Vec<u8>>,
    batches: Vec<LoggedBatch>,
    positions: Positions,
}

fn open(folder: &Path) -> Result<(State, Option<All>)> {
    let (state, recovered) = State::open(folder, "model")?;
    let Some(mut recovered) = recovered else { return Ok((state, None)) };
    let (mut frames, mut batches) = (Vec::new(), Vec::new());
    while let Some(frame) = recovered.next_frame()? {
        frames.push(frame);
    }
    while let Some(batch) = recovered.next_batch()? {
        batches.push(batch);
    }
    assert_eq!((recovered.next_frame()?, recovered.next_batch()?), (None, None), "the end stays the end");
    assert_eq!(recovered.last, recovered.number + batches.len() as u64);
    assert_eq!((state.last(), state.positions()), (recovered.last, &recovered.positions));
    let Recovered { header, coding, number, positions, .. } = recovered;
    Ok((state, Some(All { header, coding, number, frames, batches, positions })))
}

fn append(state: &mut State, upto: u64) {
    (state.last() + 1..=upto).for_each(|number| state.append(&batch(number)).unwrap());
}

/// A snapshot whose frames say which batch it is of.
fn snapshot(state: &mut State) {
    let number = state.last();
    let mut writer = state.snapshot(format!("of {number}").as_bytes(), number).unwrap();
    for frame in frames(number) {
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
}

fn frames(number: u64) -> Vec<Vec<u8>> {
    vec![number.to_le_bytes().to_vec(), Vec::new(), vec![number as u8; 300]]
}

/// All that there is to be with a snapshot of batch `number`, and batches up to `last` in the log.
fn expected(number: Option<u64>, last: u64) -> All {
    let from = number.unwrap_or(0);
    All {
        header: number.map(|number| format!("of {number}").into_bytes()).unwrap_or_default(),
        coding: Coding::Postcard,
        number: from,
        frames: number.map(frames).unwrap_or_default(),
        batches: (from + 1..=last).map(batch).collect(),
        positions: if last > 0 { batch(last).positions } else { Positions::new() },
    }
}

fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

fn file_of(folder: &Path, prefix: &str) -> PathBuf {
    let mut entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).unwrap()
}

#[test]
fn a_state_is_what_was_kept_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("below/state");
    let (mut state, None) = open(&folder).unwrap() else { panic!("there was nothing") };
    snapshot(&mut state);
    assert_eq!(state.snapshot_bytes(), fs::metadata(folder.join("snapshot")).unwrap().len());
    drop(state);
    let (mut state, all) = open(&folder).unwrap();
    assert_eq!(all, Some(expected(Some(0), 0)));
    append(&mut state, 5);
    drop(state);
    let (mut state, all) = open(&folder).unwrap();
    assert_eq!(all, Some(expected(Some(0), 5)));
    assert!(state.log_bytes() > 300);
    append(&mut state, 7);
    let before = state.log_bytes();
    snapshot(&mut state);
    assert!(state.log_bytes() < before && log::segments(&folder).len() == 1);
    append(&mut state, 8);
    drop(state);
    assert_eq!(open(&folder).unwrap().1, Some(expected(Some(7), 8)));
}

#[test]
fn a_log_without_a_snapshot_is_a_state_too() {
    let folder = tempfile::tempdir().unwrap();
    append(&mut open(folder.path()).unwrap().0, 3);
    assert_eq!(open(folder.path()).unwrap().1, Some(expected(None, 3)));
}

#[test]
fn inputs_that_are_not_read_for_a_while_keep_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, _) = open(folder.path()).unwrap();
    append(&mut state, 1);
    let other = Positions::from([("b".into(), Position { bytes: 3, ..Position::default() })]);
    state.append(&LoggedBatch { number: 2, positions: other.clone(), ..LoggedBatch::default() }).unwrap();
    let both: Positions = batch(1).positions.into_iter().chain(other).collect();
    drop(state);
    let (mut state, Some(all)) = open(folder.path()).unwrap() else { panic!("there was a log") };
    assert_eq!(all.positions, both);
    snapshot(&mut state);
    drop(state);
    assert_eq!(open(folder.path()).unwrap().1.unwrap().positions, both);
}

#[test]
fn a_process_at_a_time_and_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, _) = open(folder.path()).unwrap();
    let error = open(folder.path()).err().unwrap();
    assert!(error.exit_code() == 2 && error.to_string().contains("another process"), "{error}");
    append(&mut state, 1);
    drop(state);
    let error = State::open(folder.path(), "other").err().unwrap();
    assert!(error.exit_code() == 2 && error.to_string().contains("another model"), "{error}");
    snapshot(&mut open(folder.path()).unwrap().0);
    assert!(State::open(folder.path(), "other").is_err());
    assert!(open(folder.path()).is_ok());
}

#[test]
fn batches_come_in_order_and_snapshots_are_of_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, _) = open(folder.path()).unwrap();
    append(&mut state, 2);
    for number in [0, 2, 4] {
        assert_eq!(state.append(&batch(number)).unwrap_err().exit_code(), 70);
    }
    assert_eq!(state.snapshot(b"", 1).err().unwrap().exit_code(), 70);
    append(&mut state, 3);
}

/// Every step of a snapshot, as far as the files show it.
#[test]
fn a_snapshot_that_is_broken_off_anywhere_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, _) = open(folder.path()).unwrap();
    append(&mut state, 3);
    snapshot(&mut state);
    append(&mut state, 6);
    let old = copy_of(folder.path());
    // Written in part, and dropped.
    let mut writer = state.snapshot(b"half", 6).unwrap();
    writer.write(b"half").unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), fs::read_dir(old.path()).unwrap().count());
    snapshot(&mut state);
    let new = fs::read(folder.path().join("snapshot")).unwrap();
    drop(state);
    // Killed while it was written: any piece of it lies beside the old one.
    for length in (0..new.len()).step_by(37).chain([new.len()]) {
        let copy = copy_of(old.path());
        fs::write(copy.path().join("snapshot.new"), &new[..length]).unwrap();
        assert_eq!(open(copy.path()).unwrap().1, Some(expected(Some(3), 6)), "{length} bytes");
        assert!(!copy.path().join("snapshot.new").exists());
    }
    // Renamed, and the log is still the old one; or the new one is there as well.
    for with_segment in [false, true] {
        let copy = copy_of(old.path());
        fs::write(copy.path().join("snapshot"), &new).unwrap();
        if with_segment {
            let segment = file_of(folder.path(), "log-");
            fs::copy(&segment, copy.path().join(segment.file_name().unwrap())).unwrap();
        }
        let (mut state, all) = open(copy.path()).unwrap();
        assert_eq!(all, Some(expected(Some(6), 6)));
        append(&mut state, 8);
        drop(state);
        let (mut state, all) = open(copy.path()).unwrap();
        assert_eq!(all, Some(expected(Some(6), 8)));
        snapshot(&mut state);
        drop(state);
        assert_eq!(open(copy.path()).unwrap().1, Some(expected(Some(8), 8)));
    }
}

#[test]
fn a_log_cut_anywhere_loses_the_batch_that_was_cut_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, _) = open(folder.path()).unwrap();
    let mut ends = vec![state.log_bytes()];
    for number in 1..=4 {
        append(&mut state, number);
        ends.push(state.log_bytes());
    }
    drop(state);
    let path = file_of(folder.path(), "log-");
    let whole = fs::read(&path).unwrap();
    for cut in ends[0]..whole.len() as u64 {
        fs::write(&path, &whole[..cut as usize]).unwrap();
        let last = ends.iter().rposition(|&end| end <= cut).unwrap() as u64;
        let (mut state, all) = open(folder.path()).unwrap();
        assert_eq!(all, (last > 0).then(|| expected(None, last)), "cut at {cut}");
        append(&mut state, last + 2);
        drop(state);
        assert_eq!(open(folder.path()).unwrap().1, Some(expected(None, last + 2)), "cut at {cut}");
    }
    // The head was on the disk before the segment had its name.
    for cut in 0..ends[0] {
        fs::write(&path, &whole[..cut as usize]).unwrap();
        assert_eq!(open(folder.path()).err().unwrap().exit_code(), 4, "cut at {cut}");
    }
}

#[test]
fn damage_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, _) = open(folder.path()).unwrap();
    append(&mut state, 2);
    snapshot(&mut state);
    append(&mut state, 4);
    let last = state.log_bytes();
    append(&mut state, 5);
    drop(state);
    let is_told = |what: &str| {
        let error = open(folder.path()).err().unwrap_or_else(|| panic!("{what}: nobody noticed"));
        assert!(error.exit_code() == 4 && error.to_string().contains("the state is damaged: "), "{what}: {error}");
    };
    for (prefix, end) in [("log-", last as usize), ("snapshot", usize::MAX)] {
        let path = file_of(folder.path(), prefix);
        let good = fs::read(&path).unwrap();
        for at in 0..good.len().min(end) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            is_told(&format!("{prefix}, byte {at}"));
        }
        fs::write(&path, &good).unwrap();
    }
    let path = file_of(folder.path(), "snapshot");
    let good = fs::read(&path).unwrap();
    for length in 0..good.len() {
        fs::write(&path, &good[..length]).unwrap();
        is_told(&format!("{length} bytes of the snapshot"));
    }
    fs::remove_file(&path).unwrap();
    is_told("no snapshot");
    fs::write(&path, &good).unwrap();
    assert_eq!(open(folder.path()).unwrap().1, Some(expected(Some(2), 5)));
}

#[test]
fn rejects_are_written_once_whenever_the_session_ended() {
    let folder = tempfile::tempdir().unwrap();
    let of = |number: u64| [reject(number), reject(number + 100)];
    let (mut state, _) = open(folder.path()).unwrap();
    append(&mut state, 3);
    state.add_rejects(1, &of(1)).unwrap();
    let first = fs::read(state.rejects()).unwrap();
    let marks = fs::read(folder.path().join("marks")).unwrap();
    state.add_rejects(1, &of(1)).unwrap();
    state.add_rejects(2, &[]).unwrap();
    state.add_rejects(3, &of(3)).unwrap();
    let both = fs::read(state.rejects()).unwrap();
    let path = state.rejects().to_path_buf();
    drop(state);
    assert_eq!(String::from_utf8_lossy(&both).lines().count(), 5);
    // Ended while those of batch 3 were written, before the mark was.
    for length in first.len()..=both.len() {
        fs::write(&path, &both[..length]).unwrap();
        fs::write(folder.path().join("marks"), &marks).unwrap();
        let (mut state, _) = open(folder.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        for number in [1, 3, 3] {
            state.add_rejects(number, &of(number)).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), both, "{length} bytes");
    }
}

/// A frame as segmill 0.1 wrote it.
fn frame_of_format_1(number: u64, value: &impl Serialize) -> Vec<u8> {
    frame::encode(number, |into| bincode::serialize_into(into, value).unwrap())
}

/// Writes the log segment of these batches as segmill 0.1 wrote it.
fn write_log_of_format_1(folder: &Path, numbers: std::ops::RangeInclusive<u64>) {
    let mut bytes = frame_of_format_1(0, &("segmill follow log 1", "model", *numbers.start()));
    let path = folder.join(format!("log-{:020}", numbers.start()));
    numbers.for_each(|number| bytes.extend(frame_of_format_1(number, &batch(number))));
    fs::write(path, bytes).unwrap();
}

/// Writes the same snapshot of batch `number` that [`snapshot`] makes as segmill 0.1 wrote it.
fn write_snapshot_of_format_1(folder: &Path, number: u64) {
    let positions = if number > 0 { batch(number).positions } else { Positions::new() };
    let head = ("segmill follow snapshot 1", "model", number, positions, format!("of {number}").into_bytes());
    let mut bytes = frame_of_format_1(0, &head);
    let frames = frames(number);
    for (payload, number) in frames.iter().zip(1..) {
        bytes.extend(frame::encode(number, |into| into.extend(payload)));
    }
    bytes.extend(frame::encode(u64::MAX, |into| into.extend((frames.len() as u64).to_le_bytes())));
    fs::write(folder.join("snapshot"), bytes).unwrap();
}

/// The batch of the snapshot, first and last batch of the segment: a snapshot in the middle of the log, before it, at its end; none;
/// and logs without a batch.
const STATES_OF_FORMAT_1: [(Option<u64>, u64, u64); 7] =
    [(Some(2), 1, 4), (Some(0), 1, 3), (Some(4), 1, 4), (None, 1, 3), (Some(3), 4, 3), (Some(0), 1, 0), (None, 1, 0)];

#[test]
fn a_state_of_format_1_is_read_and_goes_on_in_format_2() {
    for (of, first, last) in STATES_OF_FORMAT_1 {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write_log_of_format_1(folder, first..=last);
        of.iter().for_each(|&number| write_snapshot_of_format_1(folder, number));
        let last = last.max(of.unwrap_or(0));
        let coding = if of.is_some() { Coding::Bincode } else { Coding::Postcard };
        let old = |last: u64| All { coding, ..expected(of, last) };
        let what = format!("snapshot {of:?}, batches {first} to {last}");
        // Opened and left alone, as often as one likes.
        for _ in 0..2 {
            assert_eq!(open(folder).unwrap().1, (of.is_some() || last > 0).then(|| old(last)), "{what}");
        }
        append(&mut open(folder).unwrap().0, last + 2);
        let (mut state, all) = open(folder).unwrap();
        assert_eq!(all, Some(old(last + 2)), "{what}");
        append(&mut state, last + 3);
        snapshot(&mut state);
        append(&mut state, last + 4);
        drop(state);
        assert_eq!(open(folder).unwrap().1, Some(expected(Some(last + 3), last + 4)), "{what}");
        let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        let formats = ["segmill follow log 1", "segmill follow snapshot 1"];
        let is_old =
            |bytes: &Vec<u8>| formats.iter().any(|format| memchr::memmem::find(bytes, format.as_bytes()).is_some());
        assert_eq!(files.filter(is_old).count(), 0, "{what}: nothing of format 1 is left");
    }
}

#[test]
fn a_log_of_format_1_cut_anywhere_loses_the_batch_that_was_cut_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    write_log_of_format_1(folder.path(), 1..=3);
    let path = file_of(folder.path(), "log-");
    let whole = fs::read(&path).unwrap();
    let length = |upto: u64| {
        let of_batches: usize = (1..=upto).map(|number| frame_of_format_1(number, &batch(number)).len()).sum();
        of_batches + frame_of_format_1(0, &("segmill follow log 1", "model", 1u64)).len()
    };
    for cut in length(0)..whole.len() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join(path.file_name().unwrap()), &whole[..cut]).unwrap();
        let last = (0..3).rfind(|&upto| length(upto) <= cut).unwrap();
        let (mut state, all) = open(folder).unwrap();
        assert_eq!(all, (last > 0).then(|| expected(None, last)), "cut at {cut}");
        append(&mut state, last + 2);
        drop(state);
        assert_eq!(open(folder).unwrap().1, Some(expected(None, last + 2)), "cut at {cut}");
    }
}

/// Every step of going on, as far as the files show it.
#[test]
fn going_on_from_format_1_may_be_broken_off_anywhere() {
    for (of, first, last) in STATES_OF_FORMAT_1 {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&old, &new] {
            write_log_of_format_1(folder.path(), first..=last);
            of.iter().for_each(|&number| write_snapshot_of_format_1(folder.path(), number));
        }
        drop(open(new.path()).unwrap());
        let name = format!("log-{:020}", last.max(of.unwrap_or(0)) + 1);
        let segment = fs::read(new.path().join(&name)).unwrap();
        // The new segment was written in part beside the old one, or has its name already.
        for length in 0..=segment.len() {
            let copy = copy_of(old.path());
            fs::write(copy.path().join(format!("{name}.new")), &segment[..length]).unwrap();
            append(&mut open(copy.path()).unwrap().0, 7);
            assert_eq!(open(copy.path()).unwrap().1.unwrap().batches, expected(of, 7).batches);
        }
        append(&mut open(new.path()).unwrap().0, 7);
        assert_eq!(open(new.path()).unwrap().1.unwrap().batches, expected(of, 7).batches);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any order of steps, with a new session wherever one begins.
    #[test]
    fn whatever_was_done_comes_back(steps in prop::collection::vec(0u8..5, 0..30)) {
        let folder = tempfile::tempdir().unwrap();
        let (mut state, _) = open(folder.path()).unwrap();
        let (mut of, mut told) = (None, 0);
        for step in steps {
            match step {
                0 | 1 => {
                    let next = state.last() + 1;
                    append(&mut state, next);
                }
                2 => {
                    told = state.last();
                    state.tell(told).unwrap();
                }
                3 => {
                    of = Some(state.last());
                    snapshot(&mut state);
                }
                _ => {
                    let last = state.last();
                    drop(state);
                    let (again, all) = open(folder.path()).unwrap();
                    prop_assert_eq!(all, (of.is_some() || last > 0).then(|| expected(of, last)));
                    prop_assert_eq!(again.told(), told);
                    state = again;
                }
            }
        }
    }
}
