//! A replica that lacks what no other one has any more: it gives up its log, and goes on where the
//! leader's begins. All that comes after that it gets as entries, which are whole batches.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thalweg_consensus::{Message, Snapshot};
use thalweg_log::disk::Disk;
use thalweg_log::journal::{BlockBuilder, EntryKind as JournalKind, JournalEntry, Payload};
use thalweg_log::partition::{LogState, OpenError};
use thalweg_log::{GroupId, PartitionLog};
use thalweg_model::{LogIndex, Term};

use crate::flush::{Arrival, Cargo, Filled, News};
use crate::limits::BEGINNING_BYTES_MAX;
use crate::partition::{Replica, Unwritten};
use crate::spec_bytes::{SpecError, StoredSpec};
use crate::{Effect, PartitionSpec, Shard};

/// What the journal says of a beginning: who the members are, and where the log goes on.
#[derive(Debug)]
pub(crate) struct StoredBeginning {
    pub(crate) spec: StoredSpec,
    pub(crate) log: LogState,
}

impl StoredBeginning {
    fn to_bytes(spec: &Bytes, log: &Bytes) -> Bytes {
        let mut out = BytesMut::with_capacity(4 + spec.len() + log.len());
        out.put_u32(u32::try_from(spec.len()).expect("a partition's description is short"));
        out.put_slice(spec);
        out.put_slice(log);
        out.freeze()
    }

    pub(crate) fn from_bytes(mut bytes: Bytes) -> Result<Self, SpecError> {
        let length = bytes.try_get_u32().map_err(|_short| SpecError)?;
        let length = usize::try_from(length).map_err(|_large| SpecError)?;
        if bytes.len() < length {
            return Err(SpecError);
        }
        let spec = PartitionSpec::from_bytes(&bytes.split_to(length))?;
        let log = beginning_of(&bytes).ok_or(SpecError)?;
        Ok(Self { spec, log })
    }
}

/// The state of a log that has nothing yet, if these are the bytes of one.
fn beginning_of(bytes: &Bytes) -> Option<LogState> {
    if bytes.len() > BEGINNING_BYTES_MAX {
        return None;
    }
    let state = LogState::decode(bytes).ok()?;
    state.is_beginning().then_some(state)
}

/// Whether what a message says of a log's beginning, if it does, can be used.
pub(crate) fn is_usable(message: &Message) -> bool {
    !message.is_snapshot()
        || message.snapshot().is_some_and(|snapshot| {
            beginning_of(&snapshot.data).is_some_and(|log| {
                (log.before.index, log.before.term) == (snapshot.index, snapshot.term)
            })
        })
}

impl<D: Disk> Shard<D> {
    /// Gives the group the beginning of its log: a follower lacks what came before.
    pub(crate) fn offer_beginning(&mut self, group: GroupId) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        match replica.log.beginning() {
            Ok(state) => {
                let mut bytes = Vec::new();
                state.encode(&mut bytes);
                if bytes.len() <= BEGINNING_BYTES_MAX {
                    replica.group.offer(bytes.into());
                    return;
                }
                let (dir, bytes) = (&replica.dir, bytes.len());
                let notice =
                    format!("{dir}: {bytes} bytes are too many for a follower's beginning");
                self.effects.push(Effect::Notice(notice));
            }
            Err(error) => {
                // The follower asks again with the next heartbeat.
                let notice = format!("the beginning of {} was not read: {error}", replica.dir);
                self.effects.push(Effect::Notice(notice));
            }
        }
    }

    /// The log has another beginning, now that the journal knows of it.
    pub(crate) fn begun(&mut self, group: GroupId) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        if let Err(error) = replica.begin() {
            self.fail(format!(
                "the log of group {group} was not begun anew: {error}"
            ));
            return;
        }
        let woken = self.waiters.on_change(group);
        self.effects.extend(woken.into_iter().map(Effect::Wake));
    }
}

impl<D: Disk> Replica<D> {
    /// Notes that the log is void, and that it goes on elsewhere.
    pub(crate) fn plan_beginning(&mut self, snapshot: Snapshot) {
        self.handed_out = snapshot.index;
        self.proposed = (Term(0), LogIndex(0));
        // None of them is what was committed under its index, as far as is known here.
        self.uncommitted.clear();
        self.unwritten.push_back(Unwritten::Begin {
            snapshot,
            under_way: false,
        });
    }

    /// Puts a beginning into the block, if there is room; it stays in front until it is durable.
    pub(crate) fn write_beginning(
        &self,
        snapshot: Snapshot,
        block: &mut BlockBuilder,
        cargo: &mut Cargo<D>,
    ) -> (Unwritten, Filled) {
        let members = (snapshot.membership_index, &snapshot.membership);
        let spec = self.spec.to_bytes(&self.dir, members);
        let payload = StoredBeginning::to_bytes(&spec, &snapshot.data);
        let under_way = block.fits(payload.len());
        if under_way {
            block.push(&JournalEntry {
                group: self.id,
                index: snapshot.index,
                term: snapshot.term,
                kind: JournalKind::Begin,
                payload: Payload::Inline(&[payload]),
            });
            cargo.arrivals.push(Arrival {
                group: self.id,
                news: News::BeginIsSafe,
            });
        }
        let filled = if under_way {
            Filled::All
        } else {
            Filled::BlockFull
        };
        let begin = Unwritten::Begin {
            snapshot,
            under_way,
        };
        (begin, filled)
    }

    fn begin(&mut self) -> Result<(), OpenError> {
        let Some(Unwritten::Begin { snapshot, .. }) = self.unwritten.pop_front() else {
            unreachable!("a beginning stays in front until it is durable");
        };
        let state = beginning_of(&snapshot.data).expect("it was looked at when it arrived");
        self.tail.clear();
        self.uncommitted.clear();
        self.large.clear();
        self.log.begin_at(&state)?;
        let start = self.log.log_start();
        assert!(
            start >= self.high_watermark,
            "what is committed is never taken back"
        );
        self.high_watermark = start;
        self.durable_end = start;
        Ok(())
    }
}

/// Brings back that a log was begun anew, unless it was checkpointed since.
pub(crate) fn recover_beginning<D: Disk>(
    log: &mut PartitionLog<D>,
    beginning: &LogState,
) -> Result<bool, OpenError> {
    // Before it was given up, the log began before what it was given up for.
    if log.before_first_entry().index >= beginning.before.index {
        return Ok(false);
    }
    log.begin_at(beginning)?;
    Ok(true)
}
