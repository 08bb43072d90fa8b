//! The decoders.

mod batches;
mod directory;
mod files;
mod messages;
mod records;
mod sequences;

use crate::Dice;

/// One decoder, or several that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Makes a good input.
    pub make: fn(&mut Dice) -> Vec<u8>,
    /// Makes checksums right.
    pub repair: fn(&mut [u8]),
    /// Takes an input; it may refuse it.
    pub take: fn(&[u8]),
    /// Bytes of memory that an input of this length may take, beside 64 KiB.
    pub memory: fn(usize) -> usize,
}

/// All of them.
pub const ALL: &[Target] = &[
    messages::FRAMES,
    messages::HEADERS,
    messages::REQUESTS,
    messages::STORED,
    messages::PRODUCE,
    batches::BATCHES,
    batches::CODECS,
    records::COORDINATOR,
    records::METADATA,
    files::JOURNAL,
    files::MANIFEST,
    files::LOG_STATE,
    files::SNAPSHOT,
    files::EPOCHS,
    directory::DIRECTORY,
    sequences::SEQUENCES,
];

/// Twice the input: what most decoders may take.
const fn twice(input: usize) -> usize {
    2 * input
}

/// There is no checksum.
fn leave(_: &mut [u8]) {}
