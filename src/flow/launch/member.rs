//! One process of the group, as the launcher sees it.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use super::orders::LEAVE;
use super::{Orders, Plan, STATUS_VARIABLE, is_here};
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
        let program = command.get_program().to_owned();
        let mut child = command.spawn().map_err(|e| {
            Error::file(
                program.as_ref(),
                &format!("cannot start process {process}"),
                &e,
                "check --ssh and --remote-program",
            )
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

/// The command that starts a member, here or elsewhere.
fn command(plan: &Plan, address: &str, process: usize) -> Result<Command> {
    let program = std::env::current_exe()
        .map_err(|e| Error::Bug { place: "launch".into(), problem: format!("where is this program? {e}") })?;
    let mut words = plan.words.clone();
    words.extend(["--process".into(), process.to_string().into()]);
    if let Some(address) = plan.status_addr.as_ref().filter(|_| process == 0) {
        words.extend(["--status-addr".into(), address.into()]);
    }
    if plan.hosts.is_empty() || is_here(address) {
        let mut command = Command::new(program);
        command.args(words).env_remove(STATUS_VARIABLE);
        return Ok(command);
    }
    let (ssh, options) = plan.ssh.split_first().ok_or_else(|| {
        Error::job("--ssh", "it is empty", "name the command that starts a program on another machine")
    })?;
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let folder = std::env::current_dir()
        .map_err(|e| Error::Bug { place: "launch".into(), problem: format!("where are we? {e}") })?;
    let program = plan.remote_program.as_deref().unwrap_or(&program);
    let mut line = format!("cd {} && exec {}", quoted(folder.as_os_str()), quoted(program.as_os_str()));
    words.iter().for_each(|word| line.extend([" ", &quoted(word)]));
    let mut command = Command::new(ssh);
    command.args(options).arg("--").arg(host).arg(OsString::from(line));
    Ok(command)
}

/// A word as a shell takes it literally.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::cluster::Security;

    #[test]
    fn another_machine_is_reached_by_ssh_with_every_word_quoted() {
        let plan = Plan {
            words: vec!["run".into(), "--launched".into(), "it's a job.toml".into()],
            processes: 2,
            hosts: vec!["localhost:1".into(), "node2:2101".into()],
            security: Security::Plaintext,
            status_addr: None,
            max_restarts: 0,
            ssh: vec!["ssh".into(), "-o".into(), "BatchMode=yes".into()],
            remote_program: Some("/opt/segmill".into()),
        };
        let here = command(&plan, &plan.hosts[0], 0).unwrap();
        assert_eq!(here.get_program(), std::env::current_exe().unwrap());
        let there = command(&plan, &plan.hosts[1], 1).unwrap();
        assert_eq!(there.get_program(), "ssh");
        let words: Vec<_> = there.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(words[..4], ["-o", "BatchMode=yes", "--", "node2"]);
        let line = &words[4];
        assert!(
            line.ends_with(r"exec '/opt/segmill' 'run' '--launched' 'it'\''s a job.toml' '--process' '1'"),
            "{line}"
        );
    }
}
