//! Several workers in one test, each a thread.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::meet::Collective;

/// One of several threads joined by channels.
pub struct Threaded {
    index: usize,
    per_process: usize,
    to: Vec<Sender<Vec<u8>>>,
    from: Vec<Receiver<Vec<u8>>>,
    /// Bytes that went to workers of other processes.
    pub sent_far: usize,
}

impl Collective for Threaded {
    fn index(&self) -> usize {
        self.index
    }

    fn peers(&self) -> usize {
        self.to.len()
    }

    fn per_process(&self) -> usize {
        self.per_process
    }

    fn exchange_with(&mut self, outgoing: Vec<(usize, Vec<u8>)>) -> Vec<(usize, Vec<u8>)> {
        let named: Vec<usize> = outgoing.iter().map(|(to, _)| *to).collect();
        for (to, bytes) in outgoing {
            if to / self.per_process != self.index / self.per_process {
                self.sent_far += bytes.len();
            }
            self.to[to].send(bytes).expect("the other worker is there");
        }
        named.into_iter().map(|from| (from, self.from[from].recv().expect("the other worker is there"))).collect()
    }
}

/// Runs `work` on `n` workers and returns what each returned, by worker. Four and more of an even number are in processes of two.
pub fn run_workers<R: Send>(n: usize, work: impl Fn(&mut Threaded) -> R + Sync) -> Vec<R> {
    let per_process = if n >= 4 && n.is_multiple_of(2) { 2 } else { n };
    run_processes(n / per_process, per_process, work)
}

/// The same with so many workers in each process.
pub fn run_processes<R: Send>(
    processes: usize,
    per_process: usize,
    work: impl Fn(&mut Threaded) -> R + Sync,
) -> Vec<R> {
    let n = processes * per_process;
    let worker = |index| Threaded { index, per_process, to: Vec::new(), from: Vec::new(), sent_far: 0 };
    let mut workers: Vec<Threaded> = (0..n).map(worker).collect();
    for sender in 0..n {
        for receiver in 0..n {
            let (to, from) = channel();
            workers[sender].to.push(to);
            workers[receiver].from.push(from);
        }
    }
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = workers.into_iter().map(|mut worker| scope.spawn(move || work(&mut worker))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no worker panicked")).collect()
    })
}
