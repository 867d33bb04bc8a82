//! The collectives, all built on one exchange of bytes.

use super::element::{Element, Summable};
use super::routes;
use crate::error::Result;

/// Below this many bytes an array is sent whole (one delay for each step of a route); above, it is reduced in slices by
/// their owners and gathered again (twice the delays, but each byte is added once).
const WHOLE_ARRAY_BYTES: usize = 16 << 10;

/// A group of workers running the same code. The coordinator is worker 0.
///
/// A stage sums its workers' partial results and finishes the sum the same way everywhere:
///
/// ```
/// use segmill::collective::{Collective, Solo};
///
/// fn mean<C: Collective>(c: &mut C, mine: &[i64]) -> f64 {
///     let mut partial = [mine.iter().sum(), mine.len() as i64];
///     c.sum(&mut partial);
///     partial[0] as f64 / partial[1] as f64
/// }
///
/// assert_eq!(mean(&mut Solo, &[1, 2, 6]), 3.0);
/// ```
pub trait Collective {
    /// This worker, in `0..peers()`.
    fn index(&self) -> usize;

    /// Number of workers over all processes.
    fn peers(&self) -> usize;

    /// Number of workers of each process: those of process p have the numbers from p times this many on.
    fn per_process(&self) -> usize;

    /// Sends bytes to other workers, and returns what each of these sent here, by worker. Whoever names a worker is named by it in the
    /// same call; `outgoing` names each once, and not this one.
    fn exchange_with(&mut self, outgoing: Vec<(usize, Vec<u8>)>) -> Vec<(usize, Vec<u8>)>;

    /// Sends `outgoing[w]` to worker `w` and returns what each worker sent here, by worker. `outgoing` has one entry per
    /// worker, this one included.
    fn exchange(&mut self, mut outgoing: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        assert_eq!(outgoing.len(), self.peers(), "one message per worker");
        let (own, peers) = (self.index(), self.peers());
        // Each worker begins with its right-hand neighbour, so that not all of them send to worker 0 first.
        let others = (own + 1..peers).chain(0..own);
        let messages = others.map(|to| (to, std::mem::take(&mut outgoing[to]))).collect();
        for (from, bytes) in self.exchange_with(messages) {
            outgoing[from] = bytes;
        }
        outgoing
    }

    fn is_coordinator(&self) -> bool {
        self.index() == 0
    }

    /// Replaces `values` on every worker by their element-wise sum over all workers.
    fn sum<T: Summable>(&mut self, values: &mut [T])
    where
        Self: Sized,
    {
        reduce(self, values, |a, b| a.plus(b));
    }

    /// Replaces `values` on every worker by their element-wise maximum over all workers. No value may be NaN.
    fn max<T: Element>(&mut self, values: &mut [T])
    where
        Self: Sized,
    {
        reduce(self, values, |a, b| if b > a { b } else { a });
    }

    /// Adds up, element by element, the arrays that the workers made for worker `owner`; the others get an empty array
    /// back. All arrays have one length.
    fn sum_to<T: Summable>(&mut self, owner: usize, values: Vec<T>) -> Vec<T>
    where
        Self: Sized,
    {
        routes::fold_to(self, owner, values, &|a: T, b: T| a.plus(b))
    }

    /// Adds up, element by element, the arrays of all workers, and leaves worker w with `cuts[w]..cuts[w + 1]` of the
    /// sum. All arrays have one length; `cuts` is the same everywhere, rising from 0 to that length.
    fn sum_parts<T: Summable>(&mut self, values: &[T], cuts: &[usize]) -> Vec<T>
    where
        Self: Sized,
    {
        let peers = self.peers();
        assert!(cuts.len() == peers + 1 && cuts[peers] == values.len(), "one part for each worker");
        routes::fold_parts(self, |w, message| cut(values, cuts, w, message), &|a: T, b: T| a.plus(b))
    }

    /// Every worker's array, one after the other by worker, on every worker. Lengths may differ.
    fn concat<T: Element>(&mut self, mine: &[T]) -> Vec<T>
    where
        Self: Sized,
    {
        joined(&routes::hand_round(self, bytemuck::cast_slice(mine).to_vec()))
    }

    /// Every worker's array, one after the other by worker, on the coordinator; nothing elsewhere.
    fn concat_at_coordinator<T: Element>(&mut self, mine: &[T]) -> Vec<T>
    where
        Self: Sized,
    {
        joined(&self.gather(bytemuck::cast_slice(mine).to_vec()))
    }

    /// Every worker's array, by worker, on every worker. Lengths may differ.
    fn all_gather<T: Element>(&mut self, mine: &[T]) -> Vec<Vec<T>>
    where
        Self: Sized,
    {
        let all = routes::hand_round(self, bytemuck::cast_slice(mine).to_vec());
        all.iter().map(|bytes| bytemuck::pod_collect_to_vec(bytes)).collect()
    }

    /// Every worker's bytes, by worker, on the coordinator; nothing elsewhere.
    fn gather(&mut self, mine: Vec<u8>) -> Vec<Vec<u8>> {
        let mut outgoing = vec![Vec::new(); self.peers()];
        outgoing[0] = mine;
        let incoming = self.exchange(outgoing);
        if self.is_coordinator() { incoming } else { Vec::new() }
    }

    /// The coordinator's bytes on every worker. What the others pass is ignored.
    fn broadcast(&mut self, bytes: Vec<u8>) -> Vec<u8>
    where
        Self: Sized,
    {
        routes::broadcast(self, bytes)
    }

    /// [`Collective::broadcast`] for a value: the coordinator passes `Some`.
    fn broadcast_value<V: serde::Serialize + serde::de::DeserializeOwned>(&mut self, value: Option<&V>) -> V
    where
        Self: Sized,
    {
        let bytes = value.map(|v| bincode::serialize(v).expect("values on the wire serialise")).unwrap_or_default();
        bincode::deserialize(&self.broadcast(bytes)).expect("the coordinator sent this type")
    }

    /// [`Collective::gather`] for values: one per worker on the coordinator, none elsewhere.
    fn gather_values<V: serde::Serialize + serde::de::DeserializeOwned>(&mut self, mine: &V) -> Vec<V>
    where
        Self: Sized,
    {
        let bytes = bincode::serialize(mine).expect("values on the wire serialise");
        let gathered = self.gather(bytes);
        gathered.iter().map(|b| bincode::deserialize(b).expect("every worker sends this type")).collect()
    }

    /// Passes `mine` through if every worker succeeded; otherwise every worker gets the same error: that of the
    /// lowest-numbered worker that failed.
    fn agree<V>(&mut self, mine: Result<V>) -> Result<V>
    where
        Self: Sized,
    {
        let said = mine.as_ref().err().map(|e| bincode::serialize(e).expect("errors serialise")).unwrap_or_default();
        let first = routes::hand_round(self, said).into_iter().find(|bytes| !bytes.is_empty());
        match first {
            None => mine,
            Some(bytes) => Err(bincode::deserialize(&bytes).expect("every worker sends an error")),
        }
    }
}

impl<C: Collective> routes::Wires for C {
    fn index(&self) -> usize {
        Collective::index(self)
    }

    fn peers(&self) -> usize {
        Collective::peers(self)
    }

    fn per_process(&self) -> usize {
        Collective::per_process(self)
    }

    fn exchange_with(&mut self, outgoing: Vec<(usize, Vec<u8>)>) -> Vec<(usize, Vec<u8>)> {
        Collective::exchange_with(self, outgoing)
    }
}

/// Element-wise `op` over all workers: whole arrays when short, otherwise slice by slice at their owners.
fn reduce<C: Collective, T: Element>(c: &mut C, values: &mut [T], op: impl Fn(T, T) -> T) {
    let peers = c.peers();
    if peers == 1 {
        return;
    }
    if std::mem::size_of_val(values) <= WHOLE_ARRAY_BYTES {
        return routes::fold_whole(c, values, &op);
    }
    let cuts: Vec<usize> = (0..=peers).map(|w| values.len() * w / peers).collect();
    let own = routes::fold_parts(c, |w, message| cut(values, &cuts, w, message), &op);
    for (w, bytes) in routes::hand_round(c, bytemuck::cast_slice(&own).to_vec()).iter().enumerate() {
        bytemuck::cast_slice_mut(&mut values[cuts[w]..cuts[w + 1]]).copy_from_slice(bytes);
    }
}

/// Numbers that were sent as bytes, one array after the other.
fn joined<T: Element>(all: &[Vec<u8>]) -> Vec<T> {
    let mut whole = Vec::with_capacity(all.iter().map(Vec::len).sum::<usize>() / size_of::<T>());
    for bytes in all {
        match bytemuck::try_cast_slice(bytes) {
            Ok(elements) => whole.extend_from_slice(elements),
            Err(_) => whole.extend(bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned::<T>)),
        }
    }
    whole
}

/// Appends the part of worker w.
fn cut<T: Element>(values: &[T], cuts: &[usize], w: usize, message: &mut Vec<u8>) {
    message.extend_from_slice(bytemuck::cast_slice(&values[cuts[w]..cuts[w + 1]]));
}
