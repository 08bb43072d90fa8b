//! Which partition a record goes to: by its key as the Java client decides, else spread.

use crate::limits::STICKY_BYTES;

/// The hash of the Java client's partitioner: MurmurHash2 with its seed.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    // Lengths wrap as Java's int does; no key is that long.
    let length = u32::try_from(data.len() & 0xffff_ffff).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    for (position, &byte) in tail.iter().enumerate().rev() {
        hash ^= u32::from(byte) << (8 * position);
    }
    if !tail.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// Chooses partitions out of so many.
#[derive(Debug)]
pub(super) struct Partitioner {
    count: u32,
    sticky: u32,
    sticky_bytes: usize,
}

impl Partitioner {
    /// `seed` decides which partition records without key go to first.
    pub(super) fn new(count: u32, seed: u64) -> Self {
        assert!(count > 0, "a topic has at least one partition");
        let sticky = u32::try_from(seed % u64::from(count)).expect("less than the count");
        Self {
            count,
            sticky,
            sticky_bytes: 0,
        }
    }

    /// The partition of a record of so many bytes.
    pub(super) fn choose(&mut self, key: Option<&[u8]>, bytes: usize) -> i32 {
        let chosen = match key {
            // The sign bit is dropped, not negated.
            Some(key) => (murmur2(key) & 0x7fff_ffff) % self.count,
            None => {
                let chosen = self.sticky;
                self.sticky_bytes += bytes;
                if self.sticky_bytes >= STICKY_BYTES {
                    self.sticky = (self.sticky + 1) % self.count;
                    self.sticky_bytes = 0;
                }
                chosen
            }
        };
        i32::try_from(chosen).expect("a topic has fewer than 2^31 partitions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the Java client's own tests.
    #[test]
    fn hashes_are_those_of_the_java_client() {
        let golden: [(&[u8], i32); 7] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (
                b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            (b"abc", 479_470_107),
            (b"", 275_646_681),
        ];
        for (key, hash) in golden {
            assert_eq!(murmur2(key).cast_signed(), hash, "{key:?}");
        }
    }

    #[test]
    fn a_key_stays_and_records_without_key_move_on_by_bytes() {
        let mut partitioner = Partitioner::new(3, 7);
        let keyed = partitioner.choose(Some(b"foobar"), 10);
        assert_eq!(keyed, (-790_332_482_i32 & 0x7fff_ffff) % 3);
        assert_eq!(partitioner.choose(Some(b"foobar"), 1 << 20), keyed);
        let spread: Vec<i32> = (0..6)
            .map(|_| partitioner.choose(None, STICKY_BYTES / 2))
            .collect();
        assert_eq!(spread, [1, 1, 2, 2, 0, 0]);
    }
}
