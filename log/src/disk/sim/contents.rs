//! One simulated file: what programs see, what the medium holds, and the changes between the two.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::random::Random;
use super::{PowerCut, SECTOR_BYTES};

/// The bytes of a file, before and after a power cut. Copies share what neither changed.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::rc_buffer,
    reason = "it grows in place as long as nobody shares it"
)]
pub(super) struct Contents {
    /// What a read sees.
    live: Arc<Vec<u8>>,
    /// What is on the medium for certain.
    durable: Arc<Vec<u8>>,
    /// What leads from `durable` to `live`, oldest first.
    pending: Vec<Change>,
    /// Shared with every open file, and with every copy of these contents.
    held: Arc<()>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, bytes: Arc<[u8]> },
    SetLen(usize),
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => put(file, *at, bytes),
            Self::SetLen(len) => file.resize(*len, 0),
        }
    }

    /// Length of the file after the change.
    fn len_after(&self, before: usize) -> usize {
        match self {
            Self::Write { at, bytes } => before.max(at + bytes.len()),
            Self::SetLen(len) => *len,
        }
    }

    /// Applies the part of the change that lies in the sector from `start`.
    fn apply_to_sector(&self, sector: &mut [u8], start: usize) {
        match self {
            Self::Write { at, bytes } => {
                let from = (*at).max(start);
                let to = (at + bytes.len()).min(start + sector.len());
                if from < to {
                    sector[from - start..to - start].copy_from_slice(&bytes[from - at..to - at]);
                }
            }
            Self::SetLen(len) => {
                let from = (*len).clamp(start, start + sector.len()) - start;
                sector[from..].fill(0);
            }
        }
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

impl Contents {
    /// What an open file keeps as long as it is open.
    pub(super) fn hold(&self) -> Arc<()> {
        Arc::clone(&self.held)
    }

    /// Whether somebody has it open, or has a copy of it.
    pub(super) fn is_held(&self) -> bool {
        Arc::strong_count(&self.held) > 1
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// The bytes of a range, if the file reaches so far.
    pub(super) fn read(&self, at: usize, len: usize) -> Option<&[u8]> {
        self.live.get(at..at.checked_add(len)?)
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        self.change(Change::Write {
            at,
            bytes: bytes.into(),
        });
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.change(Change::SetLen(len));
    }

    fn change(&mut self, change: Change) {
        change.apply(Arc::make_mut(&mut self.live));
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(Arc::make_mut(&mut self.durable));
        }
    }

    /// A write past the page cache: durable at once.
    pub(super) fn write_through(&mut self, at: usize, bytes: &[u8]) {
        self.sync();
        if Arc::ptr_eq(&self.live, &self.durable) {
            self.live = Arc::default();
            put(Arc::make_mut(&mut self.durable), at, bytes);
            self.live = Arc::clone(&self.durable);
            return;
        }
        for image in [&mut self.live, &mut self.durable] {
            put(Arc::make_mut(image), at, bytes);
        }
    }

    /// A write past the page cache that the power cut ended: some of its sectors are there.
    pub(super) fn tear(&mut self, at: usize, bytes: &[u8], random: &mut Random) {
        for (number, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
            if random.one_in(2) {
                self.write_through(at + number * SECTOR_BYTES, sector);
            }
        }
    }

    /// What is on the medium after the power went.
    ///
    /// The page cache writes a sector back whenever it likes, so each sector holds what it held at
    /// some moment since the last sync, independently of every other sector and of the length.
    pub(super) fn cut_power(&mut self, cut: PowerCut, random: &mut Random) {
        match cut {
            PowerCut::KeepsUnsynced => return,
            PowerCut::LosesUnsynced => {}
            PowerCut::Random => match random.below(4) {
                0 => self.sync(),
                1 => {}
                _ => self.mix(random),
            },
        }
        self.pending.clear();
        self.live = Arc::clone(&self.durable);
    }

    /// A sync that fails: any part of the changes is durable, and the rest is forgotten, though a
    /// read still shows it.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        self.mix(random);
        self.pending.clear();
    }

    /// A bit of the medium changes by itself.
    pub(super) fn rot(&mut self, at: usize, bit: u8) {
        for image in [&mut self.live, &mut self.durable] {
            if let Some(byte) = Arc::make_mut(image).get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    /// A sector of the medium becomes noise.
    pub(super) fn ruin_sector(&mut self, at: usize, random: &mut Random) {
        let mut noise = [0; SECTOR_BYTES];
        random.fill(&mut noise);
        let start = at / SECTOR_BYTES * SECTOR_BYTES;
        for image in [&mut self.live, &mut self.durable] {
            let image = Arc::make_mut(image);
            let end = image.len().min(start + SECTOR_BYTES);
            if start < end {
                image[start..end].copy_from_slice(&noise[..end - start]);
            }
        }
    }

    fn mix(&mut self, random: &mut Random) {
        let longest = self.live.len().max(self.durable.len());
        let sectors_end = longest.next_multiple_of(SECTOR_BYTES);
        let mut image = Vec::with_capacity(sectors_end);
        image.extend_from_slice(&self.durable);
        image.resize(sectors_end, 0);
        for number in self.touched_sectors() {
            let start = number * SECTOR_BYTES;
            if start >= image.len() {
                continue;
            }
            let sector = &mut image[start..start + SECTOR_BYTES];
            let moment = random.below(self.pending.len() + 1);
            // Space given to the file but never written may show what was there before.
            if moment == 0 && start >= self.durable.len() && random.one_in(8) {
                random.fill(sector);
            }
            for change in &self.pending[..moment] {
                change.apply_to_sector(sector, start);
            }
        }
        let moment = random.below(self.pending.len() + 1);
        let len = self.pending[..moment]
            .iter()
            .fold(self.durable.len(), |len, change| change.len_after(len));
        image.resize(len, 0);
        self.durable = Arc::new(image);
    }

    fn touched_sectors(&self) -> BTreeSet<usize> {
        let mut touched = BTreeSet::new();
        let mut len = self.durable.len();
        for change in &self.pending {
            let range = match change {
                Change::Write { at, bytes } => *at..at + bytes.len(),
                Change::SetLen(to) => *to..len.max(*to),
            };
            if !range.is_empty() {
                touched.extend(range.start / SECTOR_BYTES..range.end.div_ceil(SECTOR_BYTES));
            }
            len = change.len_after(len);
        }
        touched
    }
}
