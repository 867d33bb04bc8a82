//! Streams of whole numbers, packed into bits.
//!
//! A stream is packed in groups of 128, each with as many bits a number as its largest one needs (Lemire & Boytsov 2015,
//! "Decoding billions of integers per second through vectorization"). The layout of a group is that of the crate
//! `bitpacking`, the same on every processor; before it stands the number of its bits, in one byte.

use bitpacking::{BitPacker as _, BitPacker4x};

/// Numbers of a group.
const GROUP: usize = BitPacker4x::BLOCK_LEN;

/// Appends `numbers`, packed, to `bytes`.
pub fn pack(numbers: impl Iterator<Item = u32>, bytes: &mut Vec<u8>) {
    let (mut group, mut length) = ([0u32; GROUP], 0);
    for number in numbers {
        group[length] = number;
        length += 1;
        if length == GROUP {
            pack_group(&group, bytes);
            length = 0;
        }
    }
    if length > 0 {
        group[length..].fill(0);
        pack_group(&group, bytes);
    }
}

fn pack_group(group: &[u32; GROUP], bytes: &mut Vec<u8>) {
    let packer = BitPacker4x::new();
    let bits = packer.num_bits(group);
    let mut packed = [0; 4 * GROUP];
    let length = packer.compress(group, &mut packed, bits);
    bytes.push(bits);
    bytes.extend_from_slice(&packed[..length]);
}

/// Bits of the next group, and its bytes.
#[inline(always)]
fn next_group<'b>(rest: &mut &'b [u8]) -> Option<(u8, &'b [u8])> {
    let bits = *rest.split_off_first()?;
    let packed = (bits <= 32).then(|| rest.split_off(..usize::from(bits) * GROUP / 8))??;
    Some((bits, packed))
}

/// Takes `n` numbers that [`pack`] wrote off the front of `rest`; `None` if they are not there.
pub fn unpack(rest: &mut &[u8], n: usize, numbers: &mut Vec<u32>) -> Option<()> {
    let packer = BitPacker4x::new();
    unpack_groups(rest, n, numbers, |packed, group, bits| {
        packer.decompress(packed, group, bits);
    })
}

/// [`unpack`], but each number with all before it added to it, modulo 2³².
pub fn unpack_sums(rest: &mut &[u8], n: usize, sums: &mut Vec<u32>) -> Option<()> {
    let (packer, mut sum) = (BitPacker4x::new(), 0);
    unpack_groups(rest, n, sums, |packed, group, bits| {
        packer.decompress_sorted(sum, packed, group, bits);
        sum = group[GROUP - 1];
    })
}

/// Calls `unpack(packed, group, bits)` for each group.
#[inline(always)]
fn unpack_groups(
    rest: &mut &[u8],
    n: usize,
    numbers: &mut Vec<u32>,
    mut unpack: impl FnMut(&[u8], &mut [u32], u8),
) -> Option<()> {
    // A stream has a byte for each group at least, so that damaged bytes do not ask for more memory than they are worth.
    let n_groups = (n.div_ceil(GROUP) <= rest.len()).then_some(n.div_ceil(GROUP))?;
    numbers.resize(n_groups * GROUP, 0);
    for group in numbers.chunks_exact_mut(GROUP) {
        let (bits, packed) = next_group(rest)?;
        unpack(packed, group, bits);
    }
    numbers.truncate(n);
    Some(())
}

/// [`unpack`] where no number is above 255.
pub fn unpack_bytes(rest: &mut &[u8], n: usize, codes: &mut Vec<u8>) -> Option<()> {
    let packer = BitPacker4x::new();
    let n_groups = (n.div_ceil(GROUP) <= rest.len()).then_some(n.div_ceil(GROUP))?;
    codes.resize(n_groups * GROUP, 0);
    let mut group = [0u32; GROUP];
    for codes in codes.chunks_exact_mut(GROUP) {
        let (bits, packed) = next_group(rest)?;
        packer.decompress(packed, &mut group, bits);
        codes.iter_mut().zip(group).for_each(|(code, number)| *code = number as u8);
    }
    codes.truncate(n);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn streams_follow_one_another(
            streams in prop::collection::vec((0u32..33, prop::collection::vec(any::<u32>(), 0..700)), 0..4),
        ) {
            let cut = |bits: u32, number: u32| (u64::from(number) & ((1 << bits) - 1)) as u32;
            let streams: Vec<Vec<u32>> =
                streams.into_iter().map(|(bits, numbers)| numbers.into_iter().map(|one| cut(bits, one)).collect()).collect();
            let mut bytes = Vec::new();
            streams.iter().for_each(|numbers| pack(numbers.iter().copied(), &mut bytes));
            let (mut rest, mut numbers) = (&bytes[..], vec![7; 9]);
            for stream in &streams {
                prop_assert!(unpack(&mut rest, stream.len(), &mut numbers).is_some());
                prop_assert_eq!(&numbers, stream);
            }
            prop_assert!(rest.is_empty());
            let mut rest = &bytes[..];
            for stream in &streams {
                prop_assert!(unpack_sums(&mut rest, stream.len(), &mut numbers).is_some());
                let sums = stream.iter().scan(0u32, |sum, number| {
                    *sum = sum.wrapping_add(*number);
                    Some(*sum)
                });
                prop_assert!(sums.eq(numbers.iter().copied()));
            }
        }

        #[test]
        fn a_byte_a_number(numbers in prop::collection::vec(any::<u8>(), 0..700)) {
            let (mut bytes, mut back) = (Vec::new(), vec![7; 900]);
            pack(numbers.iter().copied().map(u32::from), &mut bytes);
            prop_assert!(unpack_bytes(&mut &bytes[..], numbers.len(), &mut back).is_some());
            prop_assert_eq!(back, numbers);
        }
    }
}
