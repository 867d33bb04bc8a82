//! 32 bytes at once: which of them are digits or a given byte, as a mask with bit i for byte i.
//!
//! On x86-64 with SSE2, which every such processor has; elsewhere eight bytes at a time in a `u64`.

/// Bytes of a block, and bits of its masks.
pub const BLOCK: usize = 32;

pub use lanes::Block;

impl Block {
    /// The block at `at`; `None` where fewer than 32 bytes are left.
    #[inline(always)]
    pub fn at(text: &[u8], at: usize) -> Option<Block> {
        text.get(at..)?.first_chunk().map(Block::new)
    }
}

#[cfg(target_arch = "x86_64")]
mod lanes {
    use std::arch::x86_64::*;

    use crate::ingest::scan::block::BLOCK;

    #[derive(Clone, Copy)]
    pub struct Block([__m128i; 2]);

    impl Block {
        #[inline(always)]
        pub fn new(bytes: &[u8; BLOCK]) -> Block {
            Block(bytemuck::cast(*bytes))
        }

        /// The bytes other than `0` to `9`.
        #[inline(always)]
        pub fn non_digits(self) -> u32 {
            // SAFETY: every x86-64 processor has SSE2.
            !self.mask(|half| unsafe {
                let digit = _mm_sub_epi8(half, _mm_set1_epi8(b'0' as i8));
                _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit)
            })
        }

        #[inline(always)]
        pub fn equal(self, byte: u8) -> u32 {
            // SAFETY: as above.
            self.mask(|half| unsafe { _mm_cmpeq_epi8(half, _mm_set1_epi8(byte as i8)) })
        }

        /// The bytes that end a line or make it not plain: line feeds and quotes.
        #[inline(always)]
        pub fn stops(self) -> u32 {
            // SAFETY: as above.
            self.mask(|half| unsafe {
                let line_feed = _mm_cmpeq_epi8(half, _mm_set1_epi8(b'\n' as i8));
                _mm_or_si128(line_feed, _mm_cmpeq_epi8(half, _mm_set1_epi8(b'"' as i8)))
            })
        }

        #[inline(always)]
        fn mask(self, test: impl Fn(__m128i) -> __m128i) -> u32 {
            // SAFETY: as above.
            let [low, high] = self.0.map(|half| unsafe { _mm_movemask_epi8(test(half)) } as u32);
            low | high << 16
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
use words as lanes;

#[cfg(any(test, not(target_arch = "x86_64")))]
mod words {
    use crate::ingest::scan::block::BLOCK;

    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;

    #[derive(Clone, Copy)]
    pub struct Block([u64; BLOCK / 8]);

    impl Block {
        #[inline(always)]
        pub fn new(bytes: &[u8; BLOCK]) -> Block {
            Block(bytemuck::cast::<_, [u64; BLOCK / 8]>(*bytes).map(u64::from_le))
        }

        /// The bytes other than `0` to `9`.
        #[inline(always)]
        pub fn non_digits(self) -> u32 {
            self.mask(|word| more_than(word ^ (ONES * b'0' as u64), 9))
        }

        #[inline(always)]
        pub fn equal(self, byte: u8) -> u32 {
            !self.mask(|word| more_than(word ^ (ONES * byte as u64), 0))
        }

        /// The bytes that end a line or make it not plain: line feeds and quotes.
        #[inline(always)]
        pub fn stops(self) -> u32 {
            self.equal(b'\n') | self.equal(b'"')
        }

        /// `test` sets the high bit of the bytes it finds.
        #[inline(always)]
        fn mask(self, test: impl Fn(u64) -> u64) -> u32 {
            // The product moves the bit of byte i to bit 56 + i.
            let bits = |word: u64| ((word >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32;
            let [a, b, c, d] = self.0.map(|word| bits(test(word)));
            a | b << 8 | c << 16 | d << 24
        }
    }

    /// The high bit of every byte larger than `limit`, below 128. No byte carries into the next.
    #[inline(always)]
    fn more_than(word: u64, limit: u64) -> u64 {
        (((word & !HIGH) + ONES * (127 - limit)) | word) & HIGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(bytes: &[u8; BLOCK], test: impl Fn(u8) -> bool) -> u32 {
        bytes.iter().enumerate().map(|(i, &byte)| (test(byte) as u32) << i).sum()
    }

    proptest! {
        #[test]
        fn masks_say_what_the_bytes_are(bytes in prop::array::uniform32(any::<u8>()), byte: u8, near in 0x2eu8..0x3c) {
            for bytes in [bytes, bytes.map(|b| b"09/:\"\n\x00\xff"[b as usize % 8])] {
                let (lanes, words) = (Block::new(&bytes), words::Block::new(&bytes));
                let expected = mask(&bytes, |b| !b.is_ascii_digit());
                prop_assert_eq!((lanes.non_digits(), words.non_digits()), (expected, expected));
                let expected = mask(&bytes, |b| b == b'\n' || b == b'"');
                prop_assert_eq!((lanes.stops(), words.stops()), (expected, expected));
                for byte in [byte, near, bytes[7]] {
                    let expected = mask(&bytes, |b| b == byte);
                    prop_assert_eq!((lanes.equal(byte), words.equal(byte)), (expected, expected));
                }
            }
        }
    }
}
