//! The other replicas of a shard's partitions: messages from them and to them, and what they lack.

use thalweg_consensus::{Entry, EntryKind, Message, ReadRequest};
use thalweg_log::GroupId;
use thalweg_log::disk::Disk;
use thalweg_log::partition::StoredEntry;
use thalweg_model::{Now, TopicPartition};

use crate::begin::is_usable;
use crate::limits::{RAFT_TICK_MS, READ_BACK_BYTES_MAX};
use crate::message::PeerMessage;
use crate::{Effect, Shard};

impl<D: Disk> Shard<D> {
    /// Takes a message of another replica of a partition. One for a replica that is not here, or
    /// is not any more, is dropped: its sender will try again or learn better.
    pub fn receive(&mut self, partition: TopicPartition, message: PeerMessage) {
        if self.failed.is_some() {
            return;
        }
        let Some(&group) = self.by_partition.get(&partition) else {
            return;
        };
        let Some(replica) = self.replicas.get(&group) else {
            return;
        };
        let is_known = replica.peers.contains_key(&message.from());
        if message.to() != replica.spec.replica || !is_known {
            return;
        }
        match message {
            PeerMessage::Raft(message) => self.receive_raft(group, message),
            PeerMessage::FileRequest(request) => self.give_part(group, request),
            PeerMessage::FilePart(part) => self.take_part(group, part),
        }
    }

    fn receive_raft(&mut self, group: GroupId, message: Message) {
        if !is_usable(&message) {
            let dir = &self.replicas[&group].dir;
            let notice = format!("a beginning of {dir} cannot be understood");
            self.effects.push(Effect::Notice(notice));
            return;
        }
        if !message.is_snapshot() {
            self.step(group, message);
        } else if let Some(message) = self.copy_first(group, message) {
            self.step(group, message);
        }
    }

    /// Gives a message to Raft.
    pub(crate) fn step(&mut self, group: GroupId, message: Message) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        if let Err(error) = replica.group.step(message) {
            let notice = format!("a message for {} was refused: {error}", replica.dir);
            self.effects.push(Effect::Notice(notice));
            return;
        }
        self.work(group);
    }

    /// Lets Raft's time pass in the groups that have other members; alone there is nobody to wait for.
    pub(crate) fn tick_groups(&mut self, now: Now) {
        if now.tick < self.next_raft_tick || self.failed.is_some() {
            return;
        }
        // After a pause that was not this replica's choice one tick passes, not all that were missed:
        // what others said meanwhile is still to be read.
        self.next_raft_tick = now.tick.after_ms(RAFT_TICK_MS);
        for group in self.shared.iter().copied().collect::<Vec<_>>() {
            if let Some(replica) = self.replicas.get_mut(&group) {
                if !replica.waits_for_room() {
                    replica.group.tick();
                }
                self.change_members(group);
                self.tick_copy(group);
                self.work(group);
            }
        }
    }

    /// Passes Raft's messages on.
    pub(crate) fn send_all(&mut self, group: GroupId, messages: Vec<Message>) {
        for message in messages {
            self.send(group, PeerMessage::Raft(message));
        }
    }

    /// Passes a message on to where its receiver lives.
    pub(crate) fn send(&mut self, group: GroupId, message: PeerMessage) {
        let Some(replica) = self.replicas.get(&group) else {
            return;
        };
        if let Some(&to) = replica.peers.get(&message.to()) {
            let partition = replica.spec.topic_partition();
            self.effects.push(Effect::Send {
                to,
                partition,
                message,
            });
        }
    }

    /// Reads entries that a follower lacks and that are no longer in memory.
    pub(crate) fn read_back(&mut self, group: GroupId, request: ReadRequest) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        let end = request.to.min(replica.log.last_entry().index.next());
        match replica.log.entries(request.from, end, READ_BACK_BYTES_MAX) {
            Ok(entries) => {
                let entries: Vec<_> = entries.into_iter().map(entry_of).collect();
                replica.group.read_back(request, &entries);
            }
            Err(error) => {
                // The follower asks again with the next heartbeat.
                let notice = format!("{} was not read for a follower: {error}", replica.dir);
                self.effects.push(Effect::Notice(notice));
            }
        }
    }
}

fn entry_of(stored: StoredEntry) -> Entry {
    let kind = match stored.base_offset {
        Some(_) => EntryKind::Data,
        None if stored.payload.is_empty() => EntryKind::Leader,
        None => EntryKind::Membership,
    };
    Entry {
        index: stored.index,
        term: stored.term,
        kind,
        data: stored.payload,
    }
}
