//! Blocks of producer ids.

use thalweg_model::{BrokerId, ErrorCode, ProducerId};

use super::{Controller, Outcome, Refusal};
use crate::limits::PRODUCER_ID_BLOCK;
use crate::record::{MetadataRecord, ProducerIdsAllocated};

/// Ids that a broker may hand out; no other has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdBlock {
    /// The first.
    pub first: ProducerId,
    /// How many.
    pub length: i64,
}

impl Controller<'_> {
    /// Gives a broker the next block.
    ///
    /// # Errors
    /// All ids are taken, after 2^63 of them.
    pub fn allocate_producer_ids(
        &self,
        broker: BrokerId,
    ) -> Result<Outcome<ProducerIdBlock>, Refusal> {
        let first = self.image.producer_id_next();
        let Some(next) = first.0.checked_add(PRODUCER_ID_BLOCK).map(ProducerId) else {
            return Err(Refusal::new(
                ErrorCode::UnknownServerError,
                "Exhausted all producerIds as the next block's end producerId has exceeded the int64 type limit",
            ));
        };
        let record = ProducerIdsAllocated { broker, next };
        Ok(Outcome {
            records: vec![MetadataRecord::ProducerIdsAllocated(record)],
            reply: ProducerIdBlock {
                first,
                length: PRODUCER_ID_BLOCK,
            },
        })
    }
}
