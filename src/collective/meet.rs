//! The collectives, all built on one exchange of bytes.

use super::element::{Element, Summable, combine, reduce_into};
use crate::error::Result;

/// Below this many bytes an array is sent whole to every worker (one message delay); above, it is reduced in slices by
/// their owners and gathered again (two delays, but each byte is added once).
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

    /// Sends `outgoing[w]` to worker `w` and returns what each worker sent here, by worker. `outgoing` has one entry per
    /// worker, this one included.
    fn exchange(&mut self, outgoing: Vec<Vec<u8>>) -> Vec<Vec<u8>>;

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
        if self.peers() == 1 {
            return values;
        }
        let mine = self.index() == owner;
        let mut outgoing = vec![Vec::new(); self.peers()];
        if !mine {
            outgoing[owner] = bytemuck::cast_slice(&values).to_vec();
        }
        let incoming = self.exchange(outgoing);
        if !mine {
            return Vec::new();
        }
        let mut total = values;
        for (worker, bytes) in incoming.iter().enumerate() {
            if worker != owner {
                combine(&mut total, bytes, &|a: T, b: T| a.plus(b));
            }
        }
        total
    }

    /// Adds up, element by element, the arrays of all workers, and leaves worker w with `cuts[w]..cuts[w + 1]` of the
    /// sum. All arrays have one length; `cuts` is the same everywhere, rising from 0 to that length.
    fn sum_parts<T: Summable>(&mut self, values: &[T], cuts: &[usize]) -> Vec<T>
    where
        Self: Sized,
    {
        let peers = self.peers();
        assert!(cuts.len() == peers + 1 && cuts[peers] == values.len(), "one part for each worker");
        let own = self.index();
        let part = |w: usize| &values[cuts[w]..cuts[w + 1]];
        let mut total = part(own).to_vec();
        if peers > 1 {
            let bytes = |w: usize| if w == own { Vec::new() } else { bytemuck::cast_slice(part(w)).to_vec() };
            let incoming = self.exchange((0..peers).map(bytes).collect());
            reduce_into(&mut total, &incoming, own, &|a: T, b: T| a.plus(b));
        }
        total
    }

    /// Every worker's array, one after the other by worker, on every worker. Lengths may differ.
    fn concat<T: Element>(&mut self, mine: &[T]) -> Vec<T>
    where
        Self: Sized,
    {
        let own = self.index();
        let bytes = |w: usize| if w == own { Vec::new() } else { bytemuck::cast_slice(mine).to_vec() };
        let incoming = self.exchange((0..self.peers()).map(bytes).collect());
        let width = std::mem::size_of::<T>();
        let length = mine.len() + incoming.iter().map(Vec::len).sum::<usize>() / width;
        let mut whole = Vec::with_capacity(length);
        for (worker, bytes) in incoming.iter().enumerate() {
            if worker == own {
                whole.extend_from_slice(mine);
            } else {
                whole.extend(bytes.chunks_exact(width).map(bytemuck::pod_read_unaligned::<T>));
            }
        }
        whole
    }

    /// Every worker's array, by worker, on every worker. Lengths may differ.
    fn all_gather<T: Element>(&mut self, mine: &[T]) -> Vec<Vec<T>>
    where
        Self: Sized,
    {
        let bytes: Vec<u8> = bytemuck::cast_slice(mine).to_vec();
        let outgoing = vec![bytes; self.peers()];
        self.exchange(outgoing).iter().map(|bytes| bytemuck::pod_collect_to_vec(bytes)).collect()
    }

    /// Every worker's bytes, by worker, on the coordinator; nothing elsewhere.
    fn gather(&mut self, mine: Vec<u8>) -> Vec<Vec<u8>> {
        let mut outgoing = vec![Vec::new(); self.peers()];
        outgoing[0] = mine;
        let incoming = self.exchange(outgoing);
        if self.is_coordinator() { incoming } else { Vec::new() }
    }

    /// The coordinator's bytes on every worker. What the others pass is ignored.
    fn broadcast(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let outgoing = if self.is_coordinator() { vec![bytes; self.peers()] } else { vec![Vec::new(); self.peers()] };
        self.exchange(outgoing).swap_remove(0)
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
        let outgoing = vec![said; self.peers()];
        let first = self.exchange(outgoing).into_iter().find(|bytes| !bytes.is_empty());
        match first {
            None => mine,
            Some(bytes) => Err(bincode::deserialize(&bytes).expect("every worker sends an error")),
        }
    }
}

/// Element-wise `op` over all workers: whole arrays when short, otherwise slice by slice at their owners.
fn reduce<C: Collective, T: Element>(c: &mut C, values: &mut [T], op: impl Fn(T, T) -> T) {
    let peers = c.peers();
    if peers == 1 {
        return;
    }
    if std::mem::size_of_val(values) <= WHOLE_ARRAY_BYTES {
        let bytes: Vec<u8> = bytemuck::cast_slice(values).to_vec();
        let incoming = c.exchange(vec![bytes; peers]);
        reduce_into(values, &incoming, c.index(), &op);
        return;
    }
    let cuts: Vec<usize> = (0..=peers).map(|w| values.len() * w / peers).collect();
    let own = cuts[c.index()]..cuts[c.index() + 1];
    let outgoing = (0..peers)
        .map(|w| if w == c.index() { Vec::new() } else { bytemuck::cast_slice(&values[cuts[w]..cuts[w + 1]]).to_vec() })
        .collect();
    let incoming = c.exchange(outgoing);
    reduce_into(&mut values[own.clone()], &incoming, c.index(), &op);
    let finished: Vec<u8> = bytemuck::cast_slice(&values[own]).to_vec();
    for (w, bytes) in c.exchange(vec![finished; peers]).iter().enumerate() {
        bytemuck::cast_slice_mut(&mut values[cuts[w]..cuts[w + 1]]).copy_from_slice(bytes);
    }
}
