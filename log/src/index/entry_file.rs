//! A file of entries of one size: the front is on disk, the rest still in memory.

use std::io;

use crate::disk::DiskFile;

/// An entry that always takes the same number of bytes.
pub(crate) trait FixedEntry: Copy {
    /// That number.
    const BYTES: u32;

    /// Appends the entry's bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads an entry back; `bytes` is exactly one entry long.
    fn decode(bytes: &[u8]) -> io::Result<Self>;
}

/// Largest entry of all kinds, so that one can be read without allocating.
const ENTRY_BYTES_MAX: usize = 64;

/// Entries in order. Those that are not on disk yet follow those that are.
#[derive(Clone, Debug)]
pub(crate) struct EntryFile<E> {
    saved: u32,
    recent: Vec<E>,
    unsynced: bool,
}

impl<E> Default for EntryFile<E> {
    fn default() -> Self {
        Self::saved(0)
    }
}

impl<E> EntryFile<E> {
    /// A file that holds `count` entries on stable storage.
    pub(crate) fn saved(count: u32) -> Self {
        Self {
            saved: count,
            recent: Vec::new(),
            unsynced: false,
        }
    }

    /// Entries in the file.
    pub(crate) fn saved_count(&self) -> u32 {
        self.saved
    }

    /// Entries in all.
    pub(crate) fn count(&self) -> u32 {
        self.saved + self.recent_count()
    }

    /// Entries that are only in memory.
    pub(crate) fn recent(&self) -> &[E] {
        &self.recent
    }

    fn recent_count(&self) -> u32 {
        u32::try_from(self.recent.len()).expect("far fewer entries are kept in memory")
    }

    /// Adds an entry, in memory.
    pub(crate) fn push(&mut self, entry: E) {
        self.recent.push(entry);
    }

    /// Keeps the first `count` entries. The file itself is cut by [`Self::flush`] at the latest.
    pub(crate) fn truncate(&mut self, count: u32) {
        if count <= self.saved {
            self.saved = count;
            self.recent.clear();
        } else {
            let kept = usize::try_from(count - self.saved).expect("a 32-bit count fits");
            self.recent.truncate(kept);
        }
    }

    /// Whether the file was written since it was last handed out for a sync.
    pub(crate) fn take_unsynced(&mut self) -> bool {
        std::mem::take(&mut self.unsynced)
    }

    /// Takes it that the file was written, if there is one.
    pub(crate) fn mark_unsynced(&mut self) {
        self.unsynced |= self.saved > 0;
    }
}

impl<E: FixedEntry> EntryFile<E> {
    /// Bytes of `count` entries.
    pub(crate) fn bytes_of(count: u32) -> u64 {
        u64::from(count) * u64::from(E::BYTES)
    }

    /// Writes what is only in memory.
    pub(crate) fn flush(&mut self, file: &impl DiskFile) -> io::Result<()> {
        if self.recent.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for entry in &self.recent {
            entry.encode(&mut bytes);
        }
        file.write_all_at(&bytes, Self::bytes_of(self.saved))?;
        self.saved += self.recent_count();
        // The capacity goes too: an idle partition keeps nothing.
        self.recent = Vec::new();
        self.unsynced = true;
        Ok(())
    }

    /// Entry number `at`, which is less than the count.
    pub(crate) fn get<F: DiskFile>(
        &self,
        at: u32,
        file: &impl Fn() -> io::Result<F>,
    ) -> io::Result<E> {
        match at.checked_sub(self.saved) {
            Some(recent) => {
                let recent = usize::try_from(recent).expect("a 32-bit count fits");
                Ok(self.recent[recent])
            }
            None => read_entry(&file()?, at),
        }
    }

    /// Number of leading entries for which `before` holds; it holds for none after the first for
    /// which it does not. Entries that cannot be read count as being after it: while the journal is
    /// brought back, a file may be shorter than its manifest says, because the log was cut since.
    pub(crate) fn partition_point<F: DiskFile>(
        &self,
        file: &impl Fn() -> io::Result<F>,
        before: impl Fn(&E) -> bool,
    ) -> io::Result<u32> {
        if self.saved == 0 || self.recent.first().is_some_and(&before) {
            let within = self.recent.partition_point(&before);
            return Ok(self.saved + u32::try_from(within).expect("a part of a 32-bit count"));
        }
        let file = match file() {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(0),
            Err(error) => return Err(error),
        };
        let (mut low, mut high) = (0, self.saved);
        while low < high {
            let middle = low + (high - low) / 2;
            match read_entry(&file, middle) {
                Ok(entry) if before(&entry) => low = middle + 1,
                Ok(_) => high = middle,
                Err(error) if is_absent(&error) => high = middle,
                Err(error) => return Err(error),
            }
        }
        Ok(low)
    }

    /// The last entry for which `wanted` holds; it holds for all before that one.
    pub(crate) fn last_where<F: DiskFile>(
        &self,
        file: &impl Fn() -> io::Result<F>,
        wanted: impl Fn(&E) -> bool,
    ) -> io::Result<Option<E>> {
        match self.partition_point(file, wanted)? {
            0 => Ok(None),
            count => self.get(count - 1, file).map(Some),
        }
    }

    /// The entries from `from` up to `to`, in one read.
    pub(crate) fn range<F: DiskFile>(
        &self,
        from: u32,
        to: u32,
        file: &impl Fn() -> io::Result<F>,
    ) -> io::Result<Vec<E>> {
        let to = to.min(self.count());
        let mut entries = Vec::new();
        let on_disk = to.min(self.saved);
        if from < on_disk {
            let length = usize::try_from(Self::bytes_of(on_disk - from)).expect("fits in memory");
            let mut bytes = vec![0; length];
            file()?.read_exact_at(&mut bytes, Self::bytes_of(from))?;
            let size = usize::try_from(E::BYTES).expect("a 32-bit size fits");
            for entry in bytes.chunks_exact(size) {
                entries.push(E::decode(entry)?);
            }
        }
        for at in from.max(self.saved)..to {
            entries.push(self.get(at, file)?);
        }
        Ok(entries)
    }
}

/// Whether an entry is not there, or not whole, rather than that the disk failed.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    [
        io::ErrorKind::UnexpectedEof,
        io::ErrorKind::InvalidData,
        io::ErrorKind::NotFound,
    ]
    .contains(&error.kind())
}

fn read_entry<E: FixedEntry>(file: &impl DiskFile, at: u32) -> io::Result<E> {
    let size = usize::try_from(E::BYTES).expect("a 32-bit size fits");
    let mut bytes = [0; ENTRY_BYTES_MAX];
    let bytes = &mut bytes[..size];
    file.read_exact_at(bytes, EntryFile::<E>::bytes_of(at))?;
    E::decode(bytes)
}

/// `N` bytes of an entry from `at`; the caller knows that they are there.
pub(super) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("a range of N bytes is N bytes")
}
