//! Transaction markers: the one record of a control batch.

use thalweg_model::batch::StoredBatch;

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its records are for everybody.
    Committed,
    /// Its records are not for readers of committed data.
    Aborted,
}

/// What a marker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// How the transaction ended.
    pub outcome: Outcome,
    /// Epoch of the transaction coordinator that says so.
    pub coordinator_epoch: i32,
}

/// A control batch holds no record that can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a control batch holds no readable marker")]
pub struct MarkerError;

impl Marker {
    /// Reads the marker of a control batch; `None` if the batch is no control batch or a control
    /// batch of another kind.
    ///
    /// # Errors
    /// The batch claims to hold a marker and does not.
    pub fn of(batch: &StoredBatch) -> Result<Option<Self>, MarkerError> {
        if !batch.header().attributes.is_control() {
            return Ok(None);
        }
        let unpacked = batch.unpack().map_err(|_damaged| MarkerError)?;
        let Some(record) = unpacked.records().next() else {
            return Ok(None); // All of the transaction was compacted away.
        };
        let record = record.map_err(|_damaged| MarkerError)?;
        // Key: version and kind, 16 bits each. Value: version, 16 bits, and the epoch, 32 bits.
        let outcome = match record.key {
            Some([_, _, 0, 0, ..]) => Outcome::Aborted,
            Some([_, _, 0, 1, ..]) => Outcome::Committed,
            Some([_, _, _, _, ..]) => return Ok(None),
            Some(_) | None => return Err(MarkerError),
        };
        let Some([_, _, a, b, c, d, ..]) = record.value else {
            return Err(MarkerError);
        };
        Ok(Some(Self {
            outcome,
            coordinator_epoch: i32::from_be_bytes([*a, *b, *c, *d]),
        }))
    }

    /// Key and value of the marker's record.
    #[must_use]
    pub fn encode(self) -> ([u8; 4], [u8; 6]) {
        let kind = match self.outcome {
            Outcome::Aborted => 0,
            Outcome::Committed => 1,
        };
        let [a, b, c, d] = self.coordinator_epoch.to_be_bytes();
        ([0, 0, 0, kind], [0, 0, a, b, c, d])
    }
}
