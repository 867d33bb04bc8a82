//! What collectives carry: plain numbers, added up or compared element by element.

use bytemuck::Pod;

/// Plain numbers that can be cut to bytes and back.
pub trait Element: Pod + PartialOrd + Send {}
impl<T: Pod + PartialOrd + Send> Element for T {}

/// Integers that may be summed across workers.
pub trait Summable: Element {
    fn plus(self, other: Self) -> Self;
}

macro_rules! summable {
    ($($t:ty),*) => { $(impl Summable for $t {
        #[inline]
        fn plus(self, other: Self) -> Self {
            debug_assert!(self.checked_add(other).is_some(), "a collective sum overflowed");
            self.wrapping_add(other)
        }
    })* };
}
summable!(i64, u64, u32, i128);

/// Folds one array, as another worker sent it, into `values`.
pub(super) fn combine<T: Element>(values: &mut [T], bytes: &[u8], op: &impl Fn(T, T) -> T) {
    assert_eq!(bytes.len(), std::mem::size_of_val(values), "workers disagree about an array's length");
    let width = std::mem::size_of::<T>();
    for (value, bytes) in values.iter_mut().zip(bytes.chunks_exact(width)) {
        *value = op(*value, bytemuck::pod_read_unaligned(bytes));
    }
}
