//! Looking at stored batches before they are served for the first time since the log was opened.
//!
//! What this process wrote, or compared with the journal when it started, is believed. All else was on
//! a disk that may have changed it: a checksum does not cover a batch's first offset and leader epoch,
//! and `sendfile` looks at nothing. Each stretch is read once; then it is as cheap as before.

use std::path::PathBuf;

use bytes::Bytes;
use thalweg_model::Offset;
use thalweg_model::batch::{BatchHeader, StoredBatch};

use super::Extent;
use crate::disk::DiskFile;
use crate::epochs::LeaderEpochs;
use crate::limits::VERIFY_WINDOW_BYTES;
use crate::segment::Verified;

/// What an extent has to be when it is looked at.
#[derive(Clone, Debug)]
pub(super) struct Unverified {
    pub(super) verified: Verified,
    pub(super) path: PathBuf,
    /// First offset of its first batch.
    pub(super) first: Offset,
    /// Offset after its last batch.
    pub(super) next: Offset,
    pub(super) epochs: LeaderEpochs,
}

/// Stored bytes that are not what was written, or cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path} is damaged at {position}: {what}")]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where the batch begins that is not as it was.
    pub position: u64,
    /// What is wrong with it.
    pub what: String,
    /// Whether it was not told before.
    pub is_news: bool,
}

impl<F: DiskFile> Extent<F> {
    /// Whether it was not looked at since the log was opened.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        self.unverified.is_some()
    }

    /// Reads it, if that is still to be done: every checksum has to be right, and the batches have to
    /// be those that the log has there. Waits for the disk.
    ///
    /// # Errors
    /// It may not be served.
    pub fn verify(&self) -> Result<(), Damage> {
        let Some(unverified) = &self.unverified else {
            return Ok(());
        };
        let end = self.position + self.length;
        match unverified.walk(&self.file, self.position, end) {
            Ok(()) => {
                unverified.verified.add(self.position, end);
                Ok(())
            }
            Err((position, what)) => Err(Damage {
                path: unverified.path.clone(),
                position,
                what,
                is_news: unverified.verified.add_damage(position),
            }),
        }
    }
}

impl Unverified {
    /// Looks at all batches; where one is not as it should be, and why.
    fn walk<F: DiskFile>(&self, file: &F, from: u64, end: u64) -> Result<(), (u64, String)> {
        let (mut at, mut expected, mut wanted) = (from, self.first, 0);
        while at < end {
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            let mut window = vec![0; left.min(VERIFY_WINDOW_BYTES.max(wanted))];
            file.read_exact_at(&mut window, at)
                .map_err(|error| (at, error.to_string()))?;
            let is_all = window.len() == left;
            let mut bytes = Bytes::from(window);
            let begin = at;
            while let Some(header) = BatchHeader::decode(&bytes)
                && (header.batch_bytes <= bytes.len() || is_all)
            {
                let batch = StoredBatch::split_first(&mut bytes);
                let batch = batch.map_err(|error| (at, error.to_string()))?;
                self.check(batch.header(), expected)
                    .map_err(|what| (at, what))?;
                expected = batch.header().next_offset();
                at += u64::try_from(header.batch_bytes).expect("a length fits 64 bits");
            }
            wanted = BatchHeader::decode(&bytes).map_or(0, |header| header.batch_bytes);
            if at == begin && (is_all || wanted <= VERIFY_WINDOW_BYTES) {
                return Err((at, "no whole batch begins here".to_owned()));
            }
        }
        if expected == self.next {
            Ok(())
        } else {
            let what = format!("the batches before end at offset {expected}");
            Err((end, format!("{what} instead of {}", self.next)))
        }
    }

    fn check(&self, header: &BatchHeader, expected: Offset) -> Result<(), String> {
        if header.first_offset() != expected {
            let found = header.first_offset();
            return Err(format!("it says offset {found}, its place is {expected}"));
        }
        match self.epochs.at(expected) {
            Some(epoch) if epoch.value() != header.leader_epoch => Err(format!(
                "it says leader epoch {}, it was written in {epoch}",
                header.leader_epoch
            )),
            Some(_) | None => Ok(()),
        }
    }
}
