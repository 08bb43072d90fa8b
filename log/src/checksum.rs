//! CRC-32C, the checksum of record batches and of everything this crate writes.

use crc_fast::{CrcAlgorithm, Digest, checksum};

/// CRC-32C of `bytes`.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    narrow(checksum(CrcAlgorithm::Crc32Iscsi, bytes))
}

/// CRC-32C of all `pieces`, one behind the other.
pub(crate) fn crc32c_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let mut pieces = pieces.into_iter();
    let (first, second) = (pieces.next(), pieces.next());
    match (first, second) {
        (None, _) => crc32c(&[]),
        (Some(only), None) => crc32c(only),
        (Some(first), Some(second)) => {
            let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
            digest.update(first);
            digest.update(second);
            for piece in pieces {
                digest.update(piece);
            }
            narrow(digest.finalize())
        }
    }
}

fn narrow(checksum: u64) -> u32 {
    u32::try_from(checksum).expect("a 32-bit checksum")
}
