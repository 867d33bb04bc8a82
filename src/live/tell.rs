//! Lines to standard output or to a file, each batch once.
//!
//! What is told of a batch ends with its line `"event":"batch"`. A file shows by itself how far it is told: its tail is read, and
//! what lies behind the last such line is a piece of a batch whose session ended over it (or says that a session began): it is
//! cut off, and told again. Nothing shows what became of lines on standard output, or in a pipe; there a mark is set before a
//! batch is told ([`State::tell`]), so it is told at most once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::live::state::State;

/// What `--output` calls standard output.
pub const STDOUT: &str = "-";
const REMEDY: &str = "check the permissions and free space there, or name another file with --output";
/// How much of a file is read at once, from its end.
const BLOCK: usize = 64 << 10;

/// Whether the lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Told {
    Yes,
    /// The reader of the pipe has gone: the run is to end, without a message.
    NobodyListens,
}

/// Where the lines go.
pub struct Teller {
    place: Place,
    /// The last batch that was told.
    told: u64,
}

enum Place {
    /// Standard output, or a pipe with a name.
    Pipe(Box<dyn Write + Send>),
    File {
        path: PathBuf,
        file: File,
        end: u64,
    },
}

impl Teller {
    /// `destination`: [`STDOUT`], or a file, which is created where it is not there and else goes on.
    ///
    /// # Errors
    /// [`Error::Job`] for a file that holds something else, or what another state was told; [`Error::File`] for one that cannot be
    /// written.
    pub fn open(destination: &Path, state: &State) -> Result<Teller> {
        let pipe = |pipe| Ok(Teller { place: Place::Pipe(pipe), told: state.told() });
        if destination == Path::new(STDOUT) {
            return pipe(Box::new(io::stdout()));
        }
        let failed = |e: io::Error| Error::file(destination, "cannot open", &e, REMEDY);
        if fs::metadata(destination).is_ok_and(|metadata| !metadata.is_file()) {
            return pipe(Box::new(OpenOptions::new().write(true).open(destination).map_err(failed)?));
        }
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(destination);
        let file = open.map_err(failed)?;
        let (told, end) = tail(&file, destination)?;
        if told > state.last() {
            let (file, folder, last) = (destination.display(), state.folder().display(), state.last());
            let problem = format!("{file}: batch {told} was told there, and the state {folder} is at {last}");
            return Err(Error::job("--output", problem, "name another file, or the state that belongs to this one"));
        }
        file.set_len(end).map_err(failed)?;
        Ok(Teller { place: Place::File { path: destination.into(), file, end }, told })
    }

    /// The last batch that was told; 0 before the first.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// Tells a batch: all its lines, of which the last says so. Nothing where it was told before.
    pub fn tell(&mut self, state: &mut State, batch: u64, lines: &[u8]) -> Result<Told> {
        if batch <= self.told {
            return Ok(Told::Yes);
        }
        if let Place::Pipe(_) = self.place {
            state.tell(batch)?;
        }
        self.told = batch;
        self.say(lines)
    }

    /// Whole lines that belong to no batch, as of the start. In a file they are gone again unless a batch follows.
    pub fn say(&mut self, lines: &[u8]) -> Result<Told> {
        match &mut self.place {
            Place::Pipe(pipe) => match pipe.write_all(lines).and_then(|()| pipe.flush()) {
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(Told::NobodyListens),
                Err(e) => Err(Error::file(Path::new(STDOUT), "cannot write", &e, "check where the output goes")),
                Ok(()) => Ok(Told::Yes),
            },
            Place::File { path, file, end } => {
                file.write_all_at(lines, *end).map_err(|e| Error::file(path, "cannot write", &e, REMEDY))?;
                *end += lines.len() as u64;
                Ok(Told::Yes)
            }
        }
    }

    /// What was told is on the disk on return. Must be called before a snapshot drops the log from which it could be told again.
    pub fn sync(&self) -> Result<()> {
        match &self.place {
            Place::Pipe(_) => Ok(()),
            Place::File { path, file, .. } => {
                file.sync_data().map_err(|e| Error::file(path, "cannot write", &e, REMEDY))
            }
        }
    }
}

/// The fields that all lines have.
#[derive(Deserialize)]
struct Event<'a> {
    event: &'a str,
    batch: u64,
}

impl<'a> Event<'a> {
    fn of(line: &'a [u8]) -> Option<Event<'a>> {
        serde_json::from_slice(line).ok()
    }
}

/// The number of the last batch that was told whole, and where its last line ends. 0 and 0 where there is none.
fn tail(file: &File, path: &Path) -> Result<(u64, u64)> {
    let failed = |e: io::Error| Error::file(path, "cannot read", &e, REMEDY);
    let start = file.metadata().map_err(failed)?.len();
    let mut tail = Tail { file, start, bytes: Vec::new() };
    let mut is_last = true;
    loop {
        let begin = tail.last_line().map_err(failed)?;
        let line = &tail.bytes[begin..];
        match line.strip_suffix(b"\n") {
            // The file begins with it, and it is empty: nothing is told.
            _ if line.is_empty() => return Ok((0, 0)),
            Some(whole) => match Event::of(whole) {
                Some(Event { event: "batch", batch }) => return Ok((batch, tail.start + tail.bytes.len() as u64)),
                Some(_) => {}
                None => return Err(something_else(path)),
            },
            None if is_last && is_piece(line) => {}
            None => return Err(something_else(path)),
        }
        is_last = false;
        tail.bytes.truncate(begin);
    }
}

/// A file as far back as was needed.
struct Tail<'f> {
    file: &'f File,
    /// Where `bytes` begin in it.
    start: u64,
    bytes: Vec<u8>,
}

impl Tail<'_> {
    /// Where the last line begins in the bytes, of which more are read until it does.
    fn last_line(&mut self) -> io::Result<usize> {
        loop {
            match memchr::memrchr(b'\n', self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes)) {
                Some(at) => return Ok(at + 1),
                None if self.start == 0 => return Ok(0),
                None => self.read_block()?,
            }
        }
    }

    fn read_block(&mut self) -> io::Result<()> {
        let block = BLOCK.max(self.bytes.len()).min(self.start as usize);
        let mut longer = vec![0; block];
        self.start -= block as u64;
        self.file.read_exact_at(&mut longer, self.start)?;
        longer.append(&mut self.bytes);
        self.bytes = longer;
        Ok(())
    }
}

/// The beginning of a line that was told.
fn is_piece(line: &[u8]) -> bool {
    let begins = b"{\"event\":\"";
    line.starts_with(begins) || begins.starts_with(line)
}

fn something_else(path: &Path) -> Error {
    let problem = format!("{}: the file holds lines that `segmill follow` has not told", path.display());
    Error::job("--output", problem, "name another file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::state::LoggedBatch;

    fn state_at(folder: &Path, last: u64) -> State {
        let (mut state, _) = State::open(&folder.join("state"), "model").unwrap();
        for number in state.last() + 1..=last {
            state.append(&LoggedBatch { number, ..LoggedBatch::default() }).unwrap();
        }
        state
    }

    fn batch(number: u64, moves: usize) -> Vec<u8> {
        let line = format!("{{\"event\":\"move\",\"batch\":{number},\"user\":\"ü{number}\",\"from\":3,\"to\":null}}\n");
        let last = format!("{{\"event\":\"batch\",\"batch\":{number},\"changes\":{moves}}}\n");
        [line.repeat(moves), last].concat().into_bytes()
    }

    const START: &[u8] = b"{\"event\":\"start\",\"batch\":0,\"model\":\"OUT\"}\n";

    #[test]
    fn every_batch_is_told_once_wherever_the_file_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("told.jsonl");
        let mut state = state_at(folder.path(), 4);
        let whole = [START, &batch(1, 1), &batch(2, 0), &batch(3, 2), START].concat();
        let ends = [0, START.len() + batch(1, 1).len()];
        let ends = [ends[0], ends[1], ends[1] + batch(2, 0).len(), ends[1] + batch(2, 0).len() + batch(3, 2).len()];
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let mut teller = Teller::open(&path, &state).unwrap();
            let told = ends.iter().rposition(|&end| end <= cut).unwrap();
            assert_eq!(teller.told(), told as u64, "cut at {cut}");
            assert_eq!(teller.say(START).unwrap(), Told::Yes);
            for number in 1..=4 {
                assert_eq!(teller.tell(&mut state, number, &batch(number, 3)).unwrap(), Told::Yes);
            }
            teller.sync().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let batches: Vec<u64> = text
                .lines()
                .map(|line| serde_json::from_str::<Event<'_>>(line).unwrap())
                .filter(|event| event.event == "batch")
                .map(|event| event.batch)
                .collect();
            assert_eq!(batches, [1, 2, 3, 4], "cut at {cut}");
            assert!(text.as_bytes().starts_with(&whole[..ends[told]]));
        }
    }

    #[test]
    fn the_last_batch_is_found_behind_blocks_of_lines_that_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("told.jsonl");
        let state = state_at(folder.path(), 2);
        let first = batch(1, 5000);
        for length in [first.len(), first.len() + 10, first.len() + 3 * BLOCK, first.len() + 3 * BLOCK + 7] {
            let mut text = first.clone();
            text.extend(batch(2, 10_000));
            text.truncate(length);
            fs::write(&path, &text).unwrap();
            assert_eq!(Teller::open(&path, &state).unwrap().told(), 1);
            assert_eq!(fs::read(&path).unwrap(), first, "{length} bytes");
        }
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("told.jsonl");
        let state = state_at(folder.path(), 2);
        for text in ["hello", "hello\n", "a,b\n1,2\n", "{\"event\":\"start\"}\n", "\n", "hello\n{\"event\":\"mo"] {
            fs::write(&path, text).unwrap();
            let error = Teller::open(&path, &state).err().unwrap();
            assert!(error.exit_code() == 2 && error.to_string().starts_with("--output: "), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(&path, batch(3, 1)).unwrap();
        let error = Teller::open(&path, &state).err().unwrap().to_string();
        assert!(error.contains("batch 3 was told there") && error.contains("is at 2"), "{error}");
    }

    #[test]
    fn on_a_pipe_a_batch_is_marked_before_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = state_at(folder.path(), 3);
        let (reader, writer) = io::pipe().unwrap();
        let mut teller = Teller { place: Place::Pipe(Box::new(writer)), told: state.told() };
        assert_eq!(teller.tell(&mut state, 1, b"1\n").unwrap(), Told::Yes);
        drop(reader);
        assert_eq!(teller.tell(&mut state, 1, b"1\n").unwrap(), Told::Yes, "it was told");
        assert_eq!(teller.tell(&mut state, 2, b"2\n").unwrap(), Told::NobodyListens);
        drop((teller, state));
        let state = state_at(folder.path(), 3);
        assert_eq!(state.told(), 2);
        assert_eq!(Teller::open(Path::new("/dev/null"), &state).unwrap().told(), 2);
    }
}
