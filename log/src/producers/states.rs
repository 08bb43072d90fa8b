//! All producers of one partition.

use std::collections::BTreeMap;

use thalweg_model::batch::{BatchHeader, StoredBatch};
use thalweg_model::defect::{self, Defect};
use thalweg_model::{Offset, ProducerEpoch, ProducerId, Tick};

use super::check::{check_batch, check_marker};
use super::transactions::Transactions;
use super::{
    CheckContext, CompletedTxn, Marker, MarkerError, ProducerError, ProducerState, Verdict,
};
use crate::limits::PRODUCERS_MAX;

/// A producer with batches that have offsets and are not appended.
#[derive(Clone, Copy, Debug)]
struct Assigned {
    state: ProducerState,
    /// Offset after its last such batch.
    until: Offset,
}

/// Producers and transactions of one partition.
#[derive(Clone, Debug, Default)]
pub struct ProducerStates {
    appended: BTreeMap<ProducerId, ProducerState>,
    assigned: BTreeMap<ProducerId, Assigned>,
    /// Producers that have appended nothing since they were looked at then. By this process's monotonic clock: the timestamps
    /// of records are the client's affair, and a producer of old ones is no less at work.
    silent_since: BTreeMap<ProducerId, Tick>,
    transactions: Transactions,
    changed: bool,
}

impl ProducerStates {
    /// Whether the batch, which has no offset yet, may be appended after all that have one.
    ///
    /// # Errors
    /// The cause for which the client must not get an acknowledgement.
    pub fn check(
        &self,
        header: &BatchHeader,
        context: &CheckContext,
    ) -> Result<Verdict, ProducerError> {
        match header.producer() {
            Some(producer) => check_batch(self.current(producer.id), header, context),
            None => Ok(Verdict::Append),
        }
    }

    /// Whether a transaction marker may be appended. `above`: the coordinator bumps the epoch with
    /// every transaction, so that the marker's must be higher than that of the records it ends.
    ///
    /// # Errors
    /// The epoch of the producer or of the coordinator is too low.
    pub fn check_marker(
        &self,
        producer: ProducerId,
        epoch: ProducerEpoch,
        coordinator_epoch: i32,
        above: bool,
    ) -> Result<(), ProducerError> {
        let state = self.current(producer);
        check_marker(state, producer, (epoch, coordinator_epoch), above)
    }

    /// Notes that a batch was given its offsets, on the leader, where the next one may be checked
    /// before this one is appended.
    pub fn assign(&mut self, batch: &StoredBatch) {
        let header = batch.header();
        let Some(stamp) = header.producer() else {
            return;
        };
        let fresh = ProducerState::new(stamp.epoch);
        let mut state = self.current(stamp.id).copied().unwrap_or(fresh);
        match Marker::of(batch) {
            Ok(Some(marker)) => {
                state.end_txn(header, marker);
            }
            Ok(None) if header.attributes.is_control() => return,
            Ok(None) => state.append(header),
            Err(MarkerError) => return,
        }
        let until = header.next_offset();
        self.assigned.insert(stamp.id, Assigned { state, until });
    }

    /// Forgets what was assigned and not appended: the replica no longer leads.
    pub fn forget_assigned(&mut self) {
        if !defect::is_on(Defect::AssignedProducersKept) {
            self.assigned.clear();
        }
    }

    /// Notes that a batch was appended. `marker` is what a control batch says.
    pub(crate) fn append(
        &mut self,
        header: &BatchHeader,
        marker: Option<Marker>,
    ) -> Option<CompletedTxn> {
        let stamp = header.producer()?;
        if header.attributes.is_control() && marker.is_none() {
            return None;
        }
        let next = header.next_offset();
        if let Some(assigned) = self.assigned.get(&stamp.id)
            && assigned.until <= next
        {
            self.assigned.remove(&stamp.id);
        }
        self.changed = true;
        self.silent_since.remove(&stamp.id);
        if self.appended.len() >= PRODUCERS_MAX && !self.appended.contains_key(&stamp.id) {
            self.forget_oldest();
        }
        let state = self
            .appended
            .entry(stamp.id)
            .or_insert_with(|| ProducerState::new(stamp.epoch));
        match marker {
            Some(marker) => {
                let first = state.end_txn(header, marker)?;
                let last = header.last_offset();
                self.transactions.complete(first, last, marker.outcome)
            }
            None => {
                let was_open = state.txn_first.is_some();
                state.append(header);
                if let Some(first) = state.txn_first
                    && !was_open
                {
                    self.transactions.begin(first, stamp.id);
                }
                None
            }
        }
    }

    /// Tells how far the log is committed.
    pub fn on_high_watermark(&mut self, high_watermark: Offset) {
        self.transactions.on_high_watermark(high_watermark);
    }

    /// First offset that readers of committed data must not pass, if a transaction is undecided.
    /// The last stable offset is the lower of this and the high watermark.
    #[must_use]
    pub fn first_unstable(&self) -> Option<Offset> {
        self.transactions.first_unstable()
    }

    /// Whether a transaction is open.
    #[must_use]
    pub fn has_open_transaction(&self) -> bool {
        self.transactions.has_open()
    }

    /// The producers as of the log's end, by id.
    pub fn active(&self) -> impl Iterator<Item = (ProducerId, &ProducerState)> {
        self.appended.iter().map(|(&id, state)| (id, state))
    }

    /// Number of producers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.appended.len()
    }

    /// Whether there is no producer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.appended.is_empty()
    }

    /// One producer, batches that are not appended yet included.
    #[must_use]
    pub fn current(&self, producer: ProducerId) -> Option<&ProducerState> {
        match self.assigned.get(&producer) {
            Some(assigned) => Some(&assigned.state),
            None => self.appended.get(&producer),
        }
    }

    /// Forgets producers that were silent for `after_ms` and have no open transaction. Silence counts from the first call
    /// that finds nothing new, so a restart lets everybody live that long once more.
    pub fn expire(&mut self, now: Tick, after_ms: u64) {
        let (assigned, silent_since) = (&self.assigned, &mut self.silent_since);
        let before = self.appended.len();
        self.appended.retain(|id, state| {
            let since = *silent_since.entry(*id).or_insert(now);
            let expired = since.after_ms(after_ms) <= now;
            let stays = !expired || state.txn_first.is_some() || assigned.contains_key(id);
            if !stays {
                silent_since.remove(id);
            }
            stays
        });
        self.changed |= self.appended.len() != before;
    }

    /// Makes room for a sixteenth of the limit at once, so that the search is rare.
    fn forget_oldest(&mut self) {
        let mut ages: Vec<_> = self
            .appended
            .iter()
            .filter(|(id, state)| state.txn_first.is_none() && !self.assigned.contains_key(id))
            .map(|(&id, state)| {
                // Who is at work comes last.
                let since = self.silent_since.get(&id).copied();
                (since.unwrap_or(Tick(u64::MAX)), state.last_timestamp, id)
            })
            .collect();
        ages.sort_unstable();
        for (_, _, id) in ages.into_iter().take(PRODUCERS_MAX / 16) {
            self.appended.remove(&id);
            self.silent_since.remove(&id);
        }
    }

    /// Puts a producer of a snapshot in place.
    pub(super) fn restore(&mut self, id: ProducerId, state: ProducerState) {
        if let Some(first) = state.txn_first {
            self.transactions.begin(first, id);
        }
        self.appended.insert(id, state);
    }

    /// Whether anything changed since this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}
