//! Copying: a replica that lacks what no other one has any more first gets the whole segments of the one
//! that tells it so, as files. Then it gives up its log and begins with them, see `begin.rs`.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use thalweg_consensus::Message;
use thalweg_log::GroupId;
use thalweg_log::disk::{Disk, DiskFile};
use thalweg_log::incoming::{Arrival, Arrived, FilePlace, Incoming, IncomingError};
use thalweg_log::partition::{LogRemoval, LogState, is_doomed};

use crate::begin::beginning_of;
use crate::limits::{COPIES_MAX, COPY_IDLE_TICKS_MAX, COPY_PART_BYTES, COPY_TICKS_MAX};
use crate::message::{FilePart, FileRequest, PeerMessage};
use crate::partition::Replica;
use crate::{Effect, Shard};

/// Where copies wait until a log begins with them, in the shard's directory.
const WAITING_ROOM: &str = "incoming";

/// A copy that is being made.
#[derive(Debug)]
pub(crate) struct Copying<D: Disk> {
    /// What told to begin with it; Raft gets it when all is here.
    message: Message,
    incoming: Incoming<D>,
    /// Name of the directory that it is to have.
    dir: String,
    /// Ticks since something was asked for.
    ticks: u32,
    /// Ticks since something came.
    idle_ticks: u32,
}

/// A part of a copy for an I/O thread.
#[derive(Debug)]
pub enum CopyJob<D: Disk> {
    /// To be read for another replica.
    Read(PartRead<D>),
    /// To be written for one of this shard's.
    Write(GroupId, Arrival<D>),
}

/// A part of a file that another replica asked for.
#[derive(Debug)]
pub struct PartRead<D: Disk> {
    group: GroupId,
    request: FileRequest,
    file: D::File,
    total: u64,
}

/// What became of it.
#[derive(Debug)]
pub enum Copied {
    /// It was read.
    Read {
        /// For which group.
        group: GroupId,
        /// Who asked for what.
        request: FileRequest,
        /// Bytes of the file.
        total: u64,
        /// The part.
        result: io::Result<Bytes>,
    },
    /// It was written.
    Written(GroupId, Arrived),
}

impl<D: Disk> CopyJob<D> {
    /// Reads or writes the part.
    #[must_use]
    pub fn perform(self) -> Copied {
        match self {
            Self::Read(part) => part.perform(),
            Self::Write(group, arrival) => Copied::Written(group, arrival.perform()),
        }
    }
}

impl<D: Disk> PartRead<D> {
    fn perform(self) -> Copied {
        let position = self.request.place.position;
        let length = self.total.saturating_sub(position).min(COPY_PART_BYTES);
        let mut bytes = vec![0; usize::try_from(length).expect("a part is short")];
        let result = self.file.read_exact_at(&mut bytes, position);
        Copied::Read {
            group: self.group,
            request: self.request,
            total: self.total,
            result: result.map(|()| bytes.into()),
        }
    }
}

impl<D: Disk> Shard<D> {
    /// Another replica tells where its log begins. Raft may take that at once where nothing has to be
    /// copied first; else it comes back to it.
    pub(crate) fn copy_first(&mut self, group: GroupId, message: Message) -> Option<Message> {
        let replica = self.replicas.get(&group)?;
        let Some(state) = replica.lacks(&message) else {
            return Some(message);
        };
        if replica.copying.is_none() {
            let others = self.replicas.values();
            if others.filter(|other| other.copying.is_some()).count() >= COPIES_MAX {
                return None; // It is told again.
            }
            let dir = self.free_directory(&self.replicas[&group].spec.clone());
            let waiting = self.waiting_room(&dir);
            self.dirs_in_use.insert(waiting_name(&dir));
            let replica = self.replicas.get_mut(&group)?;
            let topic = replica.spec.topic;
            replica.copying = Some(Box::new(Copying {
                message,
                incoming: Incoming::new(self.disk.clone(), waiting, topic, state),
                dir,
                ticks: 0,
                idle_ticks: 0,
            }));
        } else if let Some(copying) = &mut self.replicas.get_mut(&group)?.copying {
            copying.message = message;
            copying.incoming.go_on_with(state);
        }
        self.go_on_copying(group)
    }

    /// Asks for what comes next; gives Raft's message back when all is here.
    fn go_on_copying(&mut self, group: GroupId) -> Option<Message> {
        let copying = self.replicas.get_mut(&group)?.copying.as_mut()?;
        if copying.incoming.is_whole() {
            return Some(copying.message.clone());
        }
        let place = copying.incoming.wanted()?;
        copying.ticks = 0;
        let (from, to) = (copying.message.to(), copying.message.from());
        let request = FileRequest { from, to, place };
        self.send(group, PeerMessage::FileRequest(request));
        None
    }

    /// What was asked for is asked for again: the request or its answer may be lost. A copy of which nothing
    /// comes any more makes room for others.
    pub(crate) fn tick_copy(&mut self, group: GroupId) {
        let replica = self.replicas.get_mut(&group);
        let Some(copying) = replica.and_then(|replica| replica.copying.as_mut()) else {
            return;
        };
        copying.ticks += 1;
        copying.idle_ticks += 1;
        if copying.idle_ticks >= COPY_IDLE_TICKS_MAX {
            self.give_up_copy(group);
        } else if copying.ticks >= COPY_TICKS_MAX && copying.incoming.wanted().is_some() {
            self.go_on_copying(group);
        }
    }

    /// Another replica wants a part of a file.
    pub(crate) fn give_part(&mut self, group: GroupId, request: FileRequest) {
        let Some(replica) = self.replicas.get(&group) else {
            return;
        };
        let FilePlace { segment, kind, .. } = request.place;
        match replica.log.sealed_file(&segment, kind) {
            Ok(Some((file, total))) => {
                let part = PartRead {
                    group,
                    request,
                    file,
                    total,
                };
                self.effects.push(Effect::Copy(CopyJob::Read(part)));
            }
            Ok(None) => {}
            Err(error) => self.not_given(group, &error),
        }
    }

    fn not_given(&mut self, group: GroupId, error: &io::Error) {
        let Some(replica) = self.replicas.get(&group) else {
            return;
        };
        let notice = format!("a part of {} was not read: {error}", replica.dir);
        self.effects.push(Effect::Notice(notice));
    }

    /// A part came that was asked for.
    pub(crate) fn take_part(&mut self, group: GroupId, part: FilePart) {
        let replica = self.replicas.get_mut(&group);
        let Some(copying) = replica.and_then(|replica| replica.copying.as_mut()) else {
            return;
        };
        if part.from != copying.message.from() {
            return;
        }
        let FilePart {
            place,
            total,
            bytes,
            ..
        } = part;
        if let Some(arrival) = copying.incoming.take(&place, total, bytes) {
            let job = CopyJob::Write(group, arrival);
            self.effects.push(Effect::Copy(job));
        }
    }

    /// A part was read or written.
    pub fn copied(&mut self, copied: Copied) {
        match copied {
            Copied::Read {
                group,
                request,
                total,
                result,
            } => match result {
                Ok(bytes) => {
                    let part = FilePart {
                        from: request.to,
                        to: request.from,
                        place: request.place,
                        total,
                        bytes,
                    };
                    self.send(group, PeerMessage::FilePart(part));
                }
                Err(error) => self.not_given(group, &error),
            },
            Copied::Written(group, arrived) => self.part_written(group, arrived),
        }
    }

    fn part_written(&mut self, group: GroupId, arrived: Arrived) {
        let replica = self.replicas.get_mut(&group);
        let copying = replica.and_then(|replica| replica.copying.as_mut());
        let Some(copying) = copying.filter(|copying| copying.incoming.dir() == arrived.dir())
        else {
            // It was given up meanwhile.
            self.remove_directory(arrived.dir().to_path_buf());
            return;
        };
        copying.idle_ticks = 0;
        match copying.incoming.arrived(arrived) {
            Ok(()) => {
                if let Some(message) = self.go_on_copying(group) {
                    self.step(group, message);
                }
            }
            Err(error @ IncomingError::Sync(_)) => {
                let dir = &copying.dir;
                let why = format!("the copy of another replica's log for {dir}: {error}");
                self.fail(why);
            }
            Err(error) => {
                let warning = format!("a copy of another replica's log is given up: {error}");
                self.effects.push(Effect::Warning(warning));
                self.give_up_copy(group);
            }
        }
    }

    /// The copy is not needed, or cannot be had.
    pub(crate) fn give_up_copy(&mut self, group: GroupId) {
        let replica = self.replicas.get_mut(&group);
        if let Some(copying) = replica.and_then(|replica| replica.copying.take()) {
            self.discard(&copying);
        }
    }

    pub(crate) fn discard(&mut self, copying: &Copying<D>) {
        self.dirs_in_use.remove(&copying.dir);
        // One that is being written goes when that is over.
        if !copying.incoming.is_writing() {
            self.remove_directory(copying.incoming.dir().to_path_buf());
        }
    }

    fn remove_directory(&mut self, dir: PathBuf) {
        let removal = LogRemoval::new(self.disk.clone(), dir);
        self.effects.push(Effect::RemoveLog(removal));
    }

    /// Where the log begins that Raft is told to begin with: name of its directory, and its state if that
    /// was copied.
    pub(crate) fn place_of(&mut self, group: GroupId, data: &Bytes) -> (String, Option<LogState>) {
        let replica = self.replicas.get_mut(&group).expect("the caller found it");
        let copying = replica.copying.take_if(|copying| {
            let told = copying.message.snapshot();
            copying.incoming.is_whole() && told.is_some_and(|told| told.data == *data)
        });
        match copying {
            Some(copying) => (copying.dir, Some(copying.incoming.state())),
            None => (
                self.free_directory(&self.replicas[&group].spec.clone()),
                None,
            ),
        }
    }

    /// Where a copy waits that is to be in `dir`.
    pub(crate) fn waiting_room(&self, dir: &str) -> PathBuf {
        self.config.dir.join(waiting_name(dir))
    }

    /// Removes what a process left behind that stopped while it copied, or while it removed a log.
    pub(crate) fn clear_up(&mut self) -> io::Result<()> {
        let room = self.waiting_room("");
        let names = match self.disk.list(&room) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names?,
        };
        for name in names {
            self.dirs_in_use
                .insert(waiting_name(&name.to_string_lossy()));
            self.remove_directory(room.join(name));
        }
        let dir = self.config.dir.clone();
        for name in self.disk.list(&dir)? {
            if is_doomed(&name) {
                self.remove_directory(dir.join(name));
            }
        }
        Ok(())
    }
}

/// The name of a directory while it waits.
pub(crate) fn waiting_name(dir: &str) -> String {
    format!("{WAITING_ROOM}/{dir}")
}

impl<D: Disk> Replica<D> {
    /// The log to begin with, if Raft is going to want that and its segments have to be copied first.
    fn lacks(&self, message: &Message) -> Option<LogState> {
        let snapshot = message.snapshot()?;
        let state = beginning_of(&snapshot.data)?;
        let is_known = snapshot.index < self.group.committed()
            || self.group.has(snapshot.index, snapshot.term);
        let is_old = message.term() < self.group.term();
        (!state.segments.is_empty() && !is_known && !is_old).then_some(state)
    }
}
