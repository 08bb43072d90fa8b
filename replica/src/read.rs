//! Reading: what a consumer may see, from memory or as extents of files.

use bytes::Bytes;
use thalweg_log::disk::Disk;
use thalweg_log::partition::{Extent, ReadError as LogReadError, TimestampedOffset};
use thalweg_log::producers::ProducerStates;
use thalweg_log::{GroupId, PartitionLog};
use thalweg_model::defect::{self, Defect};
use thalweg_model::{LeaderEpoch, Now, Offset, Timestamp};

use crate::partition::Replica;
use crate::{Effect, Shard};

/// How far a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Everything committed by the group: up to the high watermark.
    Uncommitted,
    /// Up to the first open transaction: up to the last stable offset.
    Committed,
}

/// One partition of a fetch.
#[derive(Clone, Copy, Debug)]
pub struct ReadRequest {
    /// The partition.
    pub group: GroupId,
    /// Offset of the first record wanted.
    pub from: Offset,
    /// Most bytes to return.
    pub bytes_max: usize,
    /// Return the first batch even if it is larger than that (KIP-74).
    pub at_least_one: bool,
    /// How far to see.
    pub isolation: Isolation,
    /// The epoch that the reader believes to be current.
    pub epoch: Option<LeaderEpoch>,
    /// Do not return bytes in memory: a reader that may hold them for long keeps them from being
    /// freed.
    pub from_files: bool,
}

/// A part of a read, in order.
#[derive(Clone, Debug)]
pub enum Piece<D: Disk> {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A range of a segment file.
    Extent(Extent<D::File>),
}

/// The marks that every answer about a partition carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// First offset that is still there.
    pub log_start: Offset,
    /// Offset after the last committed record.
    pub high_watermark: Offset,
    /// Offset of the first record of an open transaction, else the high watermark.
    pub last_stable: Offset,
}

/// What a read found.
#[derive(Debug)]
pub struct Read<D: Disk> {
    /// Whole batches, the first of which holds the offset asked for.
    pub pieces: Vec<Piece<D>>,
    /// The partition's marks.
    pub marks: Marks,
}

/// Why a partition cannot be asked here.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// This shard holds no such partition.
    #[error("the partition is not here")]
    UnknownPartition,
    /// Another replica leads.
    #[error("this replica does not lead the partition")]
    NotLeader,
    /// The reader's epoch is over.
    #[error("the leader epoch is over; the current one is {current}")]
    FencedEpoch {
        /// The current epoch.
        current: LeaderEpoch,
    },
    /// The reader's epoch has not begun here.
    #[error("the leader epoch is not known here yet; the current one is {current}")]
    UnknownEpoch {
        /// The current epoch.
        current: LeaderEpoch,
    },
    /// The offset is not in the log.
    #[error("the offset is outside the log")]
    OutOfRange(Marks),
    /// Stored bytes could not be read.
    #[error(transparent)]
    Log(#[from] LogReadError),
}

/// What ListOffsets asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetTarget {
    /// The first offset that is still there.
    Earliest,
    /// The end, as far as the isolation lets one see.
    Latest,
    /// The record with the highest timestamp.
    MaxTimestamp,
    /// The first record with this timestamp or a later one.
    Timestamp(Timestamp),
}

impl<D: Disk> Shard<D> {
    fn leader(
        &self,
        group: GroupId,
        epoch: Option<LeaderEpoch>,
    ) -> Result<&Replica<D>, AccessError> {
        let replica = self
            .replicas
            .get(&group)
            .ok_or(AccessError::UnknownPartition)?;
        let leader = replica.serving().ok_or(AccessError::NotLeader)?;
        let current = leader.epoch;
        match epoch {
            Some(epoch) if epoch < current => Err(AccessError::FencedEpoch { current }),
            Some(epoch) if epoch > current => Err(AccessError::UnknownEpoch { current }),
            Some(_) | None => Ok(replica),
        }
    }

    /// The partition, to read what may not be in its file yet.
    fn leader_to_read(
        &mut self,
        group: GroupId,
        epoch: Option<LeaderEpoch>,
    ) -> Result<&mut Replica<D>, AccessError> {
        self.leader(group, epoch)?;
        Ok(self.replicas.get_mut(&group).expect("it was just found"))
    }

    /// Reads whole batches from the one that holds the offset.
    ///
    /// # Errors
    /// The partition is not to be read here, or the offset is outside the log.
    pub fn read(&mut self, request: &ReadRequest) -> Result<Read<D>, AccessError> {
        let replica = self.leader_to_read(request.group, request.epoch)?;
        replica.read_committed(request)
    }

    /// Reads as [`Self::read`] does, up to what this replica knows to be committed, whether it leads
    /// or follows; the epoch is not asked.
    ///
    /// # Errors
    /// The partition is not here, or the offset is outside what this replica has.
    pub fn read_at_replica(&mut self, request: &ReadRequest) -> Result<Read<D>, AccessError> {
        let replica = self.replicas.get_mut(&request.group);
        let replica = replica.ok_or(AccessError::UnknownPartition)?;
        replica.read_committed(request)
    }

    /// The marks of a partition that this replica leads.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn marks(&self, group: GroupId, epoch: Option<LeaderEpoch>) -> Result<Marks, AccessError> {
        Ok(self.leader(group, epoch)?.marks())
    }

    /// Finds an offset; none if no record qualifies. The epoch is that of the record's batch, or
    /// the current one for the end.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn find_offset(
        &mut self,
        group: GroupId,
        target: OffsetTarget,
        isolation: Isolation,
        epoch: Option<LeaderEpoch>,
    ) -> Result<Option<FoundOffset>, AccessError> {
        let replica = self.leader_to_read(group, epoch)?;
        let marks = replica.marks();
        let up_to = match isolation {
            Isolation::Uncommitted => marks.high_watermark,
            Isolation::Committed => marks.last_stable,
        };
        let end_epoch = replica.serving().map(|leader| leader.epoch);
        let log = &mut replica.log;
        let stamped = |found: TimestampedOffset| (found.timestamp, found.offset);
        let found = match target {
            OffsetTarget::Earliest => Some((Timestamp::NONE, marks.log_start)),
            OffsetTarget::Latest => {
                return Ok(Some(FoundOffset {
                    timestamp: Timestamp::NONE,
                    offset: up_to,
                    epoch: end_epoch,
                }));
            }
            OffsetTarget::MaxTimestamp => log.max_timestamp(up_to)?.map(stamped),
            OffsetTarget::Timestamp(at) => log.offset_for_timestamp(at, up_to)?.map(stamped),
        };
        Ok(found.map(|(timestamp, offset)| FoundOffset::new(log, timestamp, offset)))
    }

    /// Moves a partition's log start; readers below it are told so. Durable with the next
    /// checkpoint.
    ///
    /// # Errors
    /// The partition is not led here, or the offset is above the high watermark.
    ///
    /// # Panics
    /// Never: a partition that has marks exists.
    pub fn delete_records(
        &mut self,
        group: GroupId,
        up_to: Option<Offset>,
        now: Now,
    ) -> Result<Marks, AccessError> {
        let marks = self.marks(group, None)?;
        let offset = up_to.unwrap_or(marks.high_watermark);
        if offset > marks.high_watermark {
            return Err(AccessError::OutOfRange(marks));
        }
        let replica = self
            .replicas
            .get_mut(&group)
            .expect("its marks were just read");
        replica.log.delete_records_before(offset)?;
        replica.retain(now).map_err(LogReadError::from)?;
        let marks = replica.marks();
        let woken = self.waiters.on_change(group);
        self.effects.extend(woken.into_iter().map(Effect::Wake));
        Ok(marks)
    }

    /// Bytes of a partition's batches on this node's disk.
    #[must_use]
    pub fn size_bytes(&self, group: GroupId) -> Option<u64> {
        self.replicas
            .get(&group)
            .map(|replica| replica.log.size_bytes())
    }

    /// The idempotent producers that a partition remembers.
    ///
    /// # Errors
    /// The partition is not led here.
    ///
    /// # Panics
    /// Never: a partition that has marks exists.
    pub fn producers(&self, group: GroupId) -> Result<&ProducerStates, AccessError> {
        self.marks(group, None)?;
        let replica = self.replicas.get(&group).expect("its marks were just read");
        Ok(replica.log.producers())
    }

    /// The end of an epoch in this leader's log: the epoch found (the asked one or the last before
    /// it) and the offset after its last record.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn end_of_epoch(
        &self,
        group: GroupId,
        asked: LeaderEpoch,
        epoch: Option<LeaderEpoch>,
    ) -> Result<Option<(LeaderEpoch, Offset)>, AccessError> {
        let replica = self.leader(group, epoch)?;
        let current = replica.serving().map(|leader| leader.epoch);
        if current == Some(asked) {
            return Ok(Some((asked, replica.log.log_end())));
        }
        Ok(replica
            .log
            .end_of_epoch(asked)
            .map(|found| (found.epoch, found.end)))
    }
}

/// An offset with what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOffset {
    /// The record's timestamp; none for the ends of the log.
    pub timestamp: Timestamp,
    /// The offset.
    pub offset: Offset,
    /// The epoch in which it was written.
    pub epoch: Option<LeaderEpoch>,
}

impl FoundOffset {
    fn new<D: Disk>(log: &PartitionLog<D>, timestamp: Timestamp, offset: Offset) -> Self {
        Self {
            timestamp,
            offset,
            epoch: log.epochs().at(offset),
        }
    }
}

impl<D: Disk> Replica<D> {
    pub(crate) fn marks(&self) -> Marks {
        let early = defect::is_on(Defect::HighWatermarkTooEarly);
        let early = if early {
            self.durable_end
        } else {
            Offset::ZERO
        };
        Marks {
            log_start: self.log.log_start(),
            high_watermark: self.high_watermark.max(early),
            last_stable: self.last_stable_offset().max(early),
        }
    }

    fn read_committed(&mut self, request: &ReadRequest) -> Result<Read<D>, AccessError> {
        let marks = self.marks();
        if request.from < marks.log_start || request.from > self.log.log_end() {
            return Err(AccessError::OutOfRange(marks));
        }
        let up_to = match request.isolation {
            Isolation::Uncommitted => marks.high_watermark,
            Isolation::Committed => marks.last_stable,
        };
        let up_to = if defect::is_on(Defect::ReadBeyondHighWatermark) {
            self.log.log_end()
        } else {
            up_to
        };
        if request.from >= up_to {
            return Ok(Read {
                pieces: Vec::new(),
                marks,
            });
        }
        let pieces = self.read_pieces(request, up_to)?;
        Ok(Read { pieces, marks })
    }

    fn read_pieces(
        &mut self,
        request: &ReadRequest,
        up_to: Offset,
    ) -> Result<Vec<Piece<D>>, AccessError> {
        let (from, at_least_one) = (request.from, request.at_least_one);
        if !request.from_files
            && let Some(pieces) = self.tail.read(from, up_to, request.bytes_max, at_least_one)
        {
            return Ok(pieces.into_iter().map(Piece::Bytes).collect());
        }
        let bytes_max = u64::try_from(request.bytes_max).expect("a size in memory fits");
        let read = self.log.read(from, bytes_max, up_to, at_least_one)?;
        let waiting = read.waiting.into_iter().map(Piece::Bytes);
        let extents = read.extents.into_iter().map(Piece::Extent);
        Ok(waiting.chain(extents).collect())
    }
}
