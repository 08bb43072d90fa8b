//! A replica that lacks what no other one has any more: it gives up its log, and begins with the older part
//! of the leader's, whose segments were copied first (`copy.rs`). All that comes after that it gets as
//! entries, which are whole batches.

use std::io;
use std::path::Path;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thalweg_consensus::{Message, Snapshot};
use thalweg_log::disk::Disk;
use thalweg_log::incoming::move_in;
use thalweg_log::journal::{BlockBuilder, EntryKind as JournalKind, JournalEntry, Payload};
use thalweg_log::partition::{LogState, OpenError};
use thalweg_log::{FileCache, GroupId, LogHome, PartitionLog};
use thalweg_model::defect::{self, Defect};
use thalweg_model::{LogIndex, Term};

use crate::copy::waiting_name;
use crate::flush::{Arrival, Cargo, Filled, News};
use crate::limits::BEGINNING_BYTES_MAX;
use crate::partition::{Beginning, Replica, Unwritten};
use crate::shard::Gone;
use crate::spec_bytes::{SpecError, StoredSpec};
use crate::{Effect, PartitionSpec, Shard};

/// What the journal says of a beginning: who the members are, and where the log goes on.
#[derive(Debug)]
pub(crate) struct StoredBeginning {
    pub(crate) spec: StoredSpec,
    /// Name of the directory that is given up.
    pub(crate) former: String,
    pub(crate) log: LogState,
}

impl StoredBeginning {
    fn to_bytes(spec: &Bytes, former: &str, log: &Bytes) -> Bytes {
        let mut out = BytesMut::with_capacity(8 + spec.len() + former.len() + log.len());
        for piece in [spec, former.as_bytes()] {
            out.put_u32(u32::try_from(piece.len()).expect("names and descriptions are short"));
            out.put_slice(piece);
        }
        out.put_slice(log);
        out.freeze()
    }

    pub(crate) fn from_bytes(mut bytes: Bytes) -> Result<Self, SpecError> {
        let spec = PartitionSpec::from_bytes(&take_piece(&mut bytes)?)?;
        let former = take_piece(&mut bytes)?.to_vec();
        let former = String::from_utf8(former).map_err(|_other| SpecError)?;
        let log = LogState::decode(&bytes).map_err(|_other| SpecError)?;
        Ok(Self { spec, former, log })
    }
}

fn take_piece(bytes: &mut Bytes) -> Result<Bytes, SpecError> {
    let length = bytes.try_get_u32().map_err(|_short| SpecError)?;
    let length = usize::try_from(length).map_err(|_large| SpecError)?;
    if bytes.len() < length {
        return Err(SpecError);
    }
    Ok(bytes.split_to(length))
}

/// The state of a log to begin with, if these are the bytes of one.
pub(crate) fn beginning_of(bytes: &Bytes) -> Option<LogState> {
    if bytes.len() > BEGINNING_BYTES_MAX {
        return None;
    }
    let state = LogState::decode(bytes).ok()?;
    state.is_portable().then_some(state)
}

/// Whether what a message says of a log's beginning, if it does, can be used.
pub(crate) fn is_usable(message: &Message) -> bool {
    !message.is_snapshot()
        || message.snapshot().is_some_and(|snapshot| {
            beginning_of(&snapshot.data).is_some_and(|log| {
                (log.last.index, log.last.term) == (snapshot.index, snapshot.term)
            })
        })
}

/// The log that begins with `state` in a directory of the shard's, to which what was copied is moved if it was not before.
pub(crate) fn begin_in<D: Disk>(
    disk: &D,
    (root, dir): (&Path, &str),
    files: &FileCache<D>,
    spec: &PartitionSpec,
    state: &LogState,
) -> io::Result<PartitionLog<D>> {
    let path = root.join(dir);
    if !state.segments.is_empty() {
        move_in(disk, &root.join(waiting_name(dir)), &path)?;
    }
    let home = LogHome::new(disk.clone(), path, spec.topic, files);
    Ok(PartitionLog::begin(home, spec.config.clone(), state))
}

impl<D: Disk> Shard<D> {
    /// Gives the group the older part of its log: a follower lacks what came before.
    pub(crate) fn offer_beginning(&mut self, group: GroupId) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        match replica.beginning() {
            Ok(Some((last, bytes))) => replica.group.offer(last, bytes),
            Ok(None) => {
                let dir = &replica.dir;
                let notice =
                    format!("{dir}: there are too many producers for a follower's beginning");
                self.effects.push(Effect::Notice(notice));
            }
            Err(error) => {
                // The follower asks again with the next heartbeat.
                let notice = format!("the beginning of {} was not read: {error}", replica.dir);
                self.effects.push(Effect::Notice(notice));
            }
        }
    }

    /// Notes that the log of a replica is void, and that it goes on elsewhere.
    pub(crate) fn plan_beginning(&mut self, group: GroupId, mut snapshot: Snapshot) {
        let (dir, copied) = self.place_of(group, &snapshot.data);
        let told = beginning_of(&snapshot.data).expect("it was looked at when it arrived");
        let state = copied.unwrap_or(told);
        let mut bytes = Vec::new();
        state.encode(&mut bytes);
        snapshot.data = bytes.into();
        let replica = self.replicas.get_mut(&group).expect("the caller found it");
        replica.handed_out = snapshot.index;
        replica.proposed = (Term(0), LogIndex(0));
        // None of them is what was committed under its index, as far as is known here.
        replica.uncommitted.clear();
        let beginning = Beginning {
            snapshot,
            dir,
            under_way: false,
        };
        replica
            .unwritten
            .push_back(Unwritten::Begin(Box::new(beginning)));
    }

    /// The log is another one, now that the journal knows of it.
    pub(crate) fn begun(&mut self, group: GroupId) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        let Some(Unwritten::Begin(beginning)) = replica.unwritten.pop_front() else {
            unreachable!("a beginning stays in front until it is durable");
        };
        if let Err(error) = self.begin(group, *beginning) {
            self.fail(format!(
                "the log of group {group} was not begun anew: {error}"
            ));
            return;
        }
        let woken = self.waiters.on_change(group);
        self.effects.extend(woken.into_iter().map(Effect::Wake));
    }

    fn begin(&mut self, group: GroupId, beginning: Beginning) -> Result<(), OpenError> {
        let Beginning { snapshot, dir, .. } = beginning;
        let state = LogState::decode(&snapshot.data).expect("it was encoded here");
        let replica = self.replicas.get_mut(&group).expect("the caller found it");
        let place = (self.config.dir.as_path(), dir.as_str());
        let mut log = begin_in(&self.disk, place, &self.files, &replica.spec, &state)?;
        self.dirs_in_use.remove(&waiting_name(&dir));
        log.finish_recovery()?;
        let old = replica.begin(&snapshot, (dir, log))?;
        let (count, bytes) = (state.segments.len(), replica.log.size_bytes());
        let notice = format!(
            "{} begins anew at offset {} after {count} segments of {bytes} bytes that were copied",
            replica.dir,
            replica.log.log_end()
        );
        self.effects.push(Effect::Notice(notice));
        self.removed.push(Gone::replaced(old));
        Ok(())
    }
}

impl<D: Disk> Replica<D> {
    /// The last entry of the older part of the log, and what a follower has to know of that part; none if it
    /// is too much.
    fn beginning(&self) -> io::Result<Option<((LogIndex, Term), Bytes)>> {
        let mut segments_max = usize::MAX;
        loop {
            let state = self.log.portable(self.group.committed(), segments_max)?;
            let mut bytes = Vec::new();
            state.encode(&mut bytes);
            if bytes.len() <= BEGINNING_BYTES_MAX {
                let last = (state.last.index, state.last.term);
                return Ok(Some((last, bytes.into())));
            }
            if state.segments.is_empty() {
                return Ok(None);
            }
            segments_max = state.segments.len() / 2;
        }
    }

    /// Puts a beginning into the block, if there is room; it stays in front until it is durable.
    pub(crate) fn write_beginning(
        &self,
        mut beginning: Box<Beginning>,
        block: &mut BlockBuilder,
        cargo: &mut Cargo<D>,
    ) -> (Unwritten, Filled) {
        if beginning.under_way {
            return (Unwritten::Begin(beginning), Filled::All);
        }
        let Beginning { snapshot, dir, .. } = &*beginning;
        let members = (snapshot.membership_index, &snapshot.membership);
        let spec = self.spec.to_bytes(dir, members);
        let payload = StoredBeginning::to_bytes(&spec, &self.dir, &snapshot.data);
        let under_way = block.fits(payload.len());
        if under_way {
            if !defect::is_on(Defect::BeginningNotStored) {
                block.push(&JournalEntry {
                    group: self.id,
                    index: snapshot.index,
                    term: snapshot.term,
                    kind: JournalKind::Begin,
                    payload: Payload::Inline(&[payload]),
                });
            }
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
        beginning.under_way = under_way;
        (Unwritten::Begin(beginning), filled)
    }

    /// Takes another log; the one that it had.
    fn begin(
        &mut self,
        snapshot: &Snapshot,
        (dir, log): (String, PartitionLog<D>),
    ) -> io::Result<(String, PartitionLog<D>)> {
        self.tail.clear();
        self.uncommitted.clear();
        self.large.clear();
        let end = log.log_end();
        assert!(
            end >= self.high_watermark,
            "what is committed is never taken back"
        );
        self.high_watermark = end;
        self.durable_end = end;
        let old = std::mem::replace(&mut self.log, log);
        let old_dir = std::mem::replace(&mut self.dir, dir);
        if self.group.known_from() == snapshot.index {
            self.reveal_older()?;
        }
        Ok((old_dir, old))
    }
}
