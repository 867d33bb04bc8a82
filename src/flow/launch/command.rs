//! The command that starts a member, here or on another machine.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

use super::plan::{Plan, STATUS_VARIABLE, is_here};
use crate::error::{Error, Result};

/// The command that starts member `process` at `address`.
pub fn command(plan: &Plan, address: &str, process: usize) -> Result<Command> {
    let program = std::env::current_exe().map_err(|e| lost("where is this program?", &e))?;
    let mut words = plan.words.clone();
    words.extend(["--process".into(), process.to_string().into()]);
    if let Some(address) = plan.status_addr.as_ref().filter(|_| process == 0) {
        words.extend(["--status-addr".into(), address.into()]);
    }
    if !plan.hosts.is_empty() && !is_here(address) {
        return elsewhere(plan, address, plan.remote_program.as_deref().unwrap_or(&program), &words);
    }
    let mut command = Command::new(program);
    command.args(words).env_remove(STATUS_VARIABLE);
    Ok(command)
}

/// The same folder is where the job starts on the other machine.
fn elsewhere(plan: &Plan, address: &str, program: &Path, words: &[OsString]) -> Result<Command> {
    let (ssh, options) = plan.ssh.split_first().ok_or_else(|| {
        Error::job("--ssh", "it is empty", "name the command that starts a program on another machine")
    })?;
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let folder = std::env::current_dir().map_err(|e| lost("where are we?", &e))?;
    let mut line = format!("cd {} && exec {}", quoted(folder.as_os_str()), quoted(program.as_os_str()));
    words.iter().for_each(|word| line.extend([" ", &quoted(word)]));
    let mut command = Command::new(ssh);
    command.args(options).arg("--").arg(host).arg(OsString::from(line));
    Ok(command)
}

fn lost(question: &str, e: &std::io::Error) -> Error {
    Error::Bug { place: "launch".into(), problem: format!("{question} {e}") }
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
