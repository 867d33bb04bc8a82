//! Attempts: all members are started, watched to their end, and started again where one was lost.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::member::{Ended, Event, Member};
use super::orders::Orders;
use super::plan::Plan;
use super::said::Said;
use crate::error::{Error, Result};
use crate::watch::say;

/// Most members notice at once when one is lost, and say so. Those still there after this are told to leave.
const GRACE: Duration = Duration::from_secs(3);
/// Members that were told to leave and are still there after this are stopped.
const PATIENCE: Duration = Duration::from_secs(10);
/// Exit codes with which segmill itself says that trying again is useless.
const OWN_CODES: [u8; 4] = [2, 3, 4, 70];
const LOOK_EVERY: Duration = Duration::from_millis(20);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Done,
    /// Trying again may help.
    Lost,
    /// It will not: the exit code.
    Failed(u8),
    /// By this signal, to the launcher.
    Stopped(i32),
}

/// Starts all members, again and again if need be. Returns the exit code of the whole.
pub fn launch(plan: &Plan) -> Result<u8> {
    let run = run_id()?;
    let (sender, events) = mpsc::channel();
    hear_signals(sender.clone())?;
    let mut pause = FIRST_PAUSE;
    for number in 0..=plan.max_restarts {
        match watch(start_all(plan, &run, number, &sender)?, &events) {
            Attempt::Done => return Ok(0),
            Attempt::Failed(code) if OWN_CODES.contains(&code) => return Ok(code),
            Attempt::Failed(code) => return Err(not_started(plan, code)),
            Attempt::Stopped(signal) => return Ok(128 + signal as u8),
            Attempt::Lost if number < plan.max_restarts => {
                say_restart(pause, plan.max_restarts - number);
                if let Some(signal) = wait(pause, &events) {
                    return Ok(128 + signal as u8);
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Attempt::Lost => {}
        }
    }
    let problem = format!("a process was lost in each of {} attempts", plan.max_restarts + 1);
    Err(Error::peer("launch", problem, "see what the processes said, and launch again to go on from the checkpoint"))
}

/// Has signals to this process come as events.
fn hear_signals(events: Sender<Event>) -> Result<()> {
    let failed = |e: std::io::Error| Error::Bug { place: "signals".into(), problem: e.to_string() };
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    std::thread::spawn(move || signals.forever().for_each(|signal| drop(events.send(Event::Signal(signal)))));
    Ok(())
}

fn say_restart(pause: Duration, left: u32) {
    let pause_s = pause.as_secs();
    say::trouble(&format!("a process was lost; starting all again in {pause_s} s ({left} restarts left)"));
}

/// The error of a code that is not segmill's: a shell or ssh ended with it.
fn not_started(plan: &Plan, code: u8) -> Error {
    Error::File {
        path: plan.remote_program.clone().unwrap_or_else(|| "segmill".into()),
        problem: format!("a member could not be started (exit code {code})"),
        remedy: "check --ssh and --remote-program, and that this folder is on every machine".into(),
    }
}

fn run_id() -> Result<String> {
    let mut id = [0; 8];
    getrandom::fill(&mut id)
        .map_err(|e| Error::Bug { place: "run id".into(), problem: format!("no random bytes: {e}") })?;
    Ok(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn start_all(plan: &Plan, run: &str, attempt: u32, events: &Sender<Event>) -> Result<Vec<Member>> {
    let hosts = if plan.hosts.is_empty() { free_addresses(plan.processes)? } else { plan.hosts.clone() };
    let orders = Orders::new(&plan.security, hosts, run, attempt);
    // Those that have started leave when an error drops them.
    (0..plan.processes).map(|process| Member::start(plan, &orders, process, events.clone())).collect()
}

/// As many loopback addresses that were free a moment ago. Another program may take one: that attempt is then lost.
fn free_addresses(count: usize) -> Result<Vec<String>> {
    let bind = || std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| Ok((l.local_addr()?, l)));
    let failed = |e: std::io::Error| Error::peer("127.0.0.1", format!("no free port: {e}"), "try again");
    let bound = (0..count).map(|_| bind().map_err(failed)).collect::<Result<Vec<_>>>()?;
    Ok(bound.iter().map(|(address, _)| address.to_string()).collect())
}

/// Waits until all members have ended.
fn watch(mut members: Vec<Member>, events: &Receiver<Event>) -> Attempt {
    let mut said = Said::default();
    let mut end = End::default();
    loop {
        match events.recv_timeout(LOOK_EVERY) {
            Ok(Event::Line { process, line, error }) => said.say(process, &line, error),
            Ok(Event::Signal(signal)) => end.signal(signal),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        let ended: Vec<Option<Ended>> = members.iter_mut().map(Member::look).collect();
        if ended.iter().all(Option::is_some) {
            hear_out(members, events, &mut said);
            return end.signal.map_or_else(|| verdict(&ended), Attempt::Stopped);
        }
        if ended.iter().flatten().any(|ended| *ended != Ended::Code(0)) {
            end.since.get_or_insert_with(Instant::now);
        }
        end.hasten(&mut members);
    }
}

/// How the end of an attempt came about.
#[derive(Default)]
struct End {
    /// Members are told to leave [`GRACE`] after this, and stopped [`PATIENCE`] later.
    since: Option<Instant>,
    /// To the launcher, the last.
    signal: Option<i32>,
}

impl End {
    fn signal(&mut self, signal: i32) {
        // A second signal is meant to end it now.
        let now = if self.signal.replace(signal).is_some() { Instant::now() - PATIENCE } else { Instant::now() };
        self.since = Some(now - GRACE);
    }

    /// Tells members to leave, or stops them, as their time is over.
    fn hasten(&self, members: &mut [Member]) {
        match self.since.map(|since| since.elapsed()) {
            Some(time) if time > GRACE + PATIENCE => members.iter_mut().for_each(Member::kill),
            Some(time) if time > GRACE => members.iter_mut().for_each(Member::dismiss),
            _ => {}
        }
    }
}

/// Passes on what ended members said last.
fn hear_out(members: Vec<Member>, events: &Receiver<Event>, said: &mut Said) {
    members.into_iter().for_each(Member::hear_out);
    while let Ok(Event::Line { process, line, error }) = events.try_recv() {
        said.say(process, &line, error);
    }
}

/// What is to be done about an attempt whose members have all ended.
fn verdict(ended: &[Option<Ended>]) -> Attempt {
    let ended = || ended.iter().flatten();
    let final_code = |ended: &Ended| match ended {
        Ended::Code(code) if ![0, 5].contains(code) => Some(*code),
        _ => None,
    };
    match ended().find_map(final_code) {
        Some(code) => Attempt::Failed(u8::try_from(code).unwrap_or(u8::MAX)),
        None if ended().all(|ended| *ended == Ended::Code(0)) => Attempt::Done,
        None => Attempt::Lost,
    }
}

/// Waits; a signal ends it.
fn wait(pause: Duration, events: &Receiver<Event>) -> Option<i32> {
    let end = Instant::now() + pause;
    while let left = end.saturating_duration_since(Instant::now())
        && !left.is_zero()
    {
        if let Ok(Event::Signal(signal)) = events.recv_timeout(left) {
            return Some(signal);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_member_is_worth_another_attempt_and_an_error_is_not() {
        let verdict = |ended: &[Ended]| verdict(&ended.iter().copied().map(Some).collect::<Vec<_>>());
        let code = Ended::Code;
        assert_eq!(verdict(&[code(0), code(0)]), Attempt::Done);
        assert_eq!(verdict(&[code(5), Ended::Signal]), Attempt::Lost);
        assert_eq!(verdict(&[code(0), code(5)]), Attempt::Lost);
        for fatal in [2, 3, 4, 70] {
            assert_eq!(verdict(&[code(5), code(fatal), Ended::Signal]), Attempt::Failed(fatal as u8));
        }
    }
}
