//! Records as the batches that `__consumer_offsets` holds.

use thalweg_model::Timestamp;
use thalweg_model::batch::{
    self, BatchBuilder, BatchOptions, CheckedBatch, NewRecord, StoredBatch,
};
use thalweg_wire::codec::EncodeError;

use super::{Record, StoredError};

/// Why something in a batch was passed over.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The batch itself.
    #[error("a batch of groups is damaged: {0}")]
    Batch(#[from] batch::RecordError),
    /// A record is not what its key says.
    #[error(transparent)]
    Record(#[from] StoredError),
}

impl Record {
    /// The batch of records that are committed together.
    ///
    /// # Errors
    /// As [`Self::encode`].
    ///
    /// # Panics
    /// Never: a batch that is not compressed can be built.
    pub fn to_batch(records: &[Self], at: Timestamp) -> Result<CheckedBatch, EncodeError> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for record in records {
            let (key, value) = record.encode()?;
            builder.push(&NewRecord {
                timestamp: at,
                key: Some(&key),
                value: value.as_deref(),
                headers: &[],
            });
        }
        Ok(builder
            .finish()
            .expect("a batch that is not compressed can be built"))
    }

    /// Hands on the records of a batch, but for those of groups of other kinds, and what is passed over because it
    /// is damaged.
    pub fn each_in_batch(batch: &StoredBatch, mut take: impl FnMut(Result<&Self, BatchError>)) {
        let unpacked = match batch.unpack() {
            Ok(unpacked) => unpacked,
            Err(error) => return take(Err(error.into())),
        };
        for record in unpacked.records() {
            let record = match record {
                Ok(record) => record,
                // Where the next one begins is not known then.
                Err(error) => return take(Err(error.into())),
            };
            match Self::decode(record.key, record.value) {
                Ok(Some(record)) => take(Ok(&record)),
                Ok(None) => {}
                Err(error) => take(Err(error.into())),
            }
        }
    }
}
