//! The decoders.
//!
//! Each may take twice its input and 64 KiB of memory at any time, what it returns included. Excepted are, each with a bound of
//! its own beside the call:
//!
//! - messages and what is stored as messages: an element of 3 bytes becomes a struct of some 50, so the decoder's own budget
//!   counts (`wire::limits::decode_budget`, 64 KiB and 16 times the frame);
//! - whatever decompresses: a block or window of the codec, and the plain bytes up to the limit that is asked for;
//! - a copy of another replica's segment: what the simulated disk keeps of it;
//! - whatever opens a journal: buffers of its chunks, whatever is in them;
//! - settings: an entry or an element of two bytes becomes a struct of some 50 with texts of its own, and a complaint names key, origin,
//!   reason and remedy.

mod batches;
mod copies;
mod directory;
mod files;
mod messages;
mod records;
mod sequences;
mod settings;

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
    /// Takes an input; it may refuse it. The decoder is called with a bound on its memory.
    pub take: fn(&[u8]),
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
    copies::COPIES,
    directory::DIRECTORY,
    settings::PROPERTIES,
    settings::START,
    settings::CHANGES,
    sequences::SEQUENCES,
];

/// There is no checksum.
fn leave(_: &mut [u8]) {}
