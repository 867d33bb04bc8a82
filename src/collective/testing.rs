//! Several workers in one test, each a thread.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::meet::Collective;

/// One of several threads joined by channels.
pub struct Threaded {
    index: usize,
    to: Vec<Sender<Vec<u8>>>,
    from: Vec<Receiver<Vec<u8>>>,
}

impl Collective for Threaded {
    fn index(&self) -> usize {
        self.index
    }

    fn peers(&self) -> usize {
        self.to.len()
    }

    fn exchange(&mut self, outgoing: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        assert_eq!(outgoing.len(), self.peers());
        for (to, bytes) in self.to.iter().zip(outgoing) {
            to.send(bytes).expect("the other worker is there");
        }
        self.from.iter().map(|from| from.recv().expect("the other worker is there")).collect()
    }
}

/// Runs `work` on `n` workers and returns what each returned, by worker.
pub fn run_workers<R: Send>(n: usize, work: impl Fn(&mut Threaded) -> R + Sync) -> Vec<R> {
    let mut workers: Vec<Threaded> = (0..n).map(|index| Threaded { index, to: Vec::new(), from: Vec::new() }).collect();
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
