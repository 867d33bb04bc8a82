//! One process of the group, as the launcher sees it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use super::command::command;
use super::orders::{LEAVE, Orders};
use super::plan::Plan;
use crate::error::{Error, Result};

/// What the launcher is told.
#[derive(Debug)]
pub enum Event {
    /// A member said something, on stderr or on stdout.
    Line { process: usize, line: String, error: bool },
    /// The launcher got a signal.
    Signal(i32),
}

/// How a member ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Code(i32),
    Signal,
}

/// A running member. Dropped, it is dismissed.
pub struct Member {
    child: Child,
    /// Closed, it tells the member to leave.
    orders: Option<ChildStdin>,
    listeners: Vec<JoinHandle<()>>,
    ended: Option<Ended>,
}

impl Member {
    pub fn start(plan: &Plan, orders: &Orders, process: usize, events: Sender<Event>) -> Result<Member> {
        let mut command = command(plan, &orders.hosts[process], process)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C on a terminal is for the launcher, who tells the members.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|e| {
            let what = format!("cannot start process {process}");
            Error::file(command.get_program().as_ref(), &what, &e, "check --ssh and --remote-program")
        })?;
        let mut stdin = child.stdin.take().expect("a pipe");
        // A member that has gone already is noticed soon.
        let _ = stdin.write_all(orders.to_line().as_bytes()).and_then(|()| stdin.flush());
        let stdout = child.stdout.take().expect("a pipe");
        let stderr = child.stderr.take().expect("a pipe");
        let listeners = vec![listen(process, stdout, false, events.clone()), listen(process, stderr, true, events)];
        Ok(Member { child, orders: Some(stdin), listeners, ended: None })
    }

    /// How the member ended, if it has.
    pub fn look(&mut self) -> Option<Ended> {
        if self.ended.is_none() {
            let status = self.child.try_wait().ok().flatten();
            self.ended = status.map(|status| status.code().map_or(Ended::Signal, Ended::Code));
            // ssh ends with 255 when the connection is lost, or was never made.
            if self.ended == Some(Ended::Code(255)) {
                self.ended = Some(Ended::Signal);
            }
        }
        self.ended
    }

    /// Tells the member to leave.
    pub fn dismiss(&mut self) {
        if let Some(mut orders) = self.orders.take() {
            let _ = orders.write_all(LEAVE.as_bytes());
        }
    }

    /// Stops a member that does not leave.
    pub fn kill(&mut self) {
        self.dismiss();
        let _ = self.child.kill();
    }

    /// Waits until everything that an ended member said is passed on.
    pub fn hear_out(mut self) {
        self.listeners.drain(..).for_each(|listener| drop(listener.join()));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.dismiss();
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Passes on what comes out of a pipe, line by line.
fn listen(process: usize, pipe: impl Read + Send + 'static, error: bool, events: Sender<Event>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut line), Ok(read) if read > 0) {
            let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
            let _ = events.send(Event::Line { process, line: text, error });
            line.clear();
        }
    })
}
