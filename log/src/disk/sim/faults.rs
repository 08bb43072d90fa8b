//! Faults that wait for their moment.

/// Something that goes wrong once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A sync fails. Some of the file's unsynced sectors are on the medium, the others never will
    /// be: the page cache still shows them, but takes them for written, and the next sync succeeds.
    SyncFails,
    /// A write fails; some of its sectors are written.
    WriteFails,
    /// A write is reported done and never happens.
    WriteIsLost,
    /// A write is reported done and happens at another page of the file.
    WriteIsMisdirected,
    /// A read fails.
    ReadFails,
}

/// What can meet a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Write,
    Sync,
}

impl Fault {
    fn concerns(self) -> Operation {
        match self {
            Self::SyncFails => Operation::Sync,
            Self::WriteFails | Self::WriteIsLost | Self::WriteIsMisdirected => Operation::Write,
            Self::ReadFails => Operation::Read,
        }
    }
}

/// The faults to come.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    waiting: Vec<(Fault, u64)>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault, after: u64) {
        self.waiting.push((fault, after));
    }

    /// The fault that meets an operation, if one does; counts the others down.
    pub(super) fn strike(&mut self, operation: Operation) -> Option<Fault> {
        let mut struck = None;
        self.waiting.retain_mut(|(fault, after)| {
            if fault.concerns() != operation {
                return true;
            }
            if *after == 0 && struck.is_none() {
                struck = Some(*fault);
                return false;
            }
            *after = after.saturating_sub(1);
            true
        });
        struck
    }
}
