//! Records as the batches that the metadata log holds.

use bytes::Bytes;
use thalweg_model::Timestamp;
use thalweg_model::batch::{
    self, BatchBuilder, BatchOptions, CheckedBatch, NewRecord, StoredBatch,
};
use thalweg_wire::codec::EncodeError;

use super::{MetadataRecord, RecordError};

/// Why a batch of the metadata log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The batch itself.
    #[error("a batch of the metadata log is damaged: {0}")]
    Batch(#[from] batch::RecordError),
    /// One of its records.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl MetadataRecord {
    /// The batch of records that are committed together.
    ///
    /// # Errors
    /// A text is too long for the format.
    ///
    /// # Panics
    /// Never: a batch that is not compressed can be built.
    pub fn to_batch(records: &[Self], at: Timestamp) -> Result<CheckedBatch, EncodeError> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for record in records {
            builder.push(&NewRecord {
                timestamp: at,
                key: None,
                value: Some(&record.encode()?),
                headers: &[],
            });
        }
        Ok(builder
            .finish()
            .expect("a batch that is not compressed can be built"))
    }

    /// The records of a batch.
    ///
    /// # Errors
    /// It is damaged, or a later release wrote it.
    pub fn from_batch(batch: &StoredBatch) -> Result<Vec<Self>, BatchError> {
        let unpacked = batch.unpack()?;
        let records = unpacked.records().map(|record| {
            let value = Bytes::copy_from_slice(record?.value.unwrap_or_default());
            Ok(Self::decode(&value)?)
        });
        records.collect()
    }
}
