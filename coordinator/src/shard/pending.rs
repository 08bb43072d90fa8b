//! Appends whose outcome is open, and what waits for them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use thalweg_model::{PartitionIndex, Tick, Uuid};

use super::static_member::StaticChange;
use crate::effects::{Append, AppendId, ReplyToken};
use crate::messages::{OffsetFetchRequest, Reply};
use crate::stored::{DurableState, Record};
use crate::{Generation, GroupId, MemberId, TopicName};

/// An append whose outcome is open.
#[derive(Debug)]
pub(super) struct PendingAppend {
    pub(super) id: AppendId,
    pub(super) records: Arc<[Record]>,
    pub(super) parked: Vec<Parked>,
    pub(super) follow_up: FollowUp,
    /// When its waiters stop waiting; none once they have.
    deadline: Option<Tick>,
}

/// An answer that waits for an append.
#[derive(Debug)]
pub(super) enum Parked {
    /// It is known already.
    Reply(ReplyToken, Reply),
    /// It is read once all that came before is committed.
    Fetch(ReplyToken, OffsetFetchRequest),
}

/// What happens to a group when the outcome is known.
#[derive(Debug, Default)]
pub(super) enum FollowUp {
    /// Nothing.
    #[default]
    None,
    /// Members get the leader's assignment.
    Assignment(Assignment),
    /// A static member goes on under its new id.
    Static(StaticChange),
}

/// What a leader brought for a generation.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) group: GroupId,
    pub(super) generation: Generation,
    pub(super) parts: BTreeMap<MemberId, Bytes>,
}

/// Positions that a group will have: by whom, and for which incarnation of the topic; none if the
/// position is forgotten.
type Projected = BTreeMap<(TopicName, PartitionIndex), (AppendId, Option<Uuid>)>;

/// Open appends in log order, and the positions they will leave.
#[derive(Debug, Default)]
pub(super) struct PendingAppends {
    next_id: u64,
    queue: VecDeque<PendingAppend>,
    projected: BTreeMap<GroupId, Projected>,
}

impl PendingAppends {
    /// Opens an append.
    pub(super) fn open(
        &mut self,
        records: Vec<Record>,
        follow_up: FollowUp,
        deadline: Tick,
    ) -> Append {
        assert!(!records.is_empty(), "an append has records");
        let id = AppendId(self.next_id);
        self.next_id += 1;
        let records: Arc<[Record]> = records.into();
        self.project(id, &records);
        self.queue.push_back(PendingAppend {
            id,
            records: Arc::clone(&records),
            parked: Vec::new(),
            follow_up,
            deadline: Some(deadline),
        });
        Append { id, records }
    }

    fn project(&mut self, id: AppendId, records: &[Record]) {
        for record in records {
            if let Record::Offset {
                group,
                topic,
                partition,
                value,
            } = record
            {
                let offsets = self.projected.entry(group.clone()).or_default();
                let left = value.as_ref().map(|value| value.topic_id);
                offsets.insert((topic.clone(), *partition), (id, left));
            }
        }
    }

    /// Lets an answer wait for an open append; gives it back if that one is overdue already.
    ///
    /// # Panics
    /// If the append is not open.
    pub(super) fn park(&mut self, id: AppendId, parked: Parked) -> Result<(), Parked> {
        let open = self.queue.iter_mut().rev().find(|append| append.id == id);
        let open = open.expect("answers wait for open appends");
        if open.deadline.is_none() {
            return Err(parked);
        }
        open.parked.push(parked);
        Ok(())
    }

    /// The append that the log will hold last.
    pub(super) fn last(&self) -> Option<AppendId> {
        self.queue.back().map(|append| append.id)
    }

    /// Closes the oldest append, which was committed.
    ///
    /// # Panics
    /// If another one is the oldest: a log commits in order.
    pub(super) fn commit(&mut self, id: AppendId) -> PendingAppend {
        let append = self.queue.pop_front();
        let append = append.filter(|append| append.id == id);
        let append = append.expect("appends are committed in the order they were handed out");
        for record in &*append.records {
            if let Record::Offset {
                group,
                topic,
                partition,
                ..
            } = record
            {
                self.unproject(id, group, &(topic.clone(), *partition));
            }
        }
        append
    }

    fn unproject(&mut self, id: AppendId, group: &GroupId, key: &(TopicName, PartitionIndex)) {
        if let Some(offsets) = self.projected.get_mut(group) {
            if offsets.get(key).is_some_and(|(by, _)| *by == id) {
                offsets.remove(key);
            }
            if offsets.is_empty() {
                self.projected.remove(group);
            }
        }
    }

    /// Closes an append that did not reach the log.
    ///
    /// # Panics
    /// If the append is not open.
    pub(super) fn fail(&mut self, id: AppendId) -> PendingAppend {
        let position = self.queue.iter().position(|append| append.id == id);
        let append = position.and_then(|position| self.queue.remove(position));
        let append = append.expect("an append has one outcome");
        // What it hid is seen again; failures are rare enough to start over.
        self.projected.clear();
        let open: Vec<_> = self
            .queue
            .iter()
            .map(|append| (append.id, Arc::clone(&append.records)))
            .collect();
        for (id, records) in open {
            self.project(id, &records);
        }
        append
    }

    /// Closes everything, oldest first.
    pub(super) fn abandon(&mut self) -> VecDeque<PendingAppend> {
        self.projected.clear();
        std::mem::take(&mut self.queue)
    }

    /// Takes what waits for appends that are overdue; the appends stay open.
    pub(super) fn take_overdue(&mut self, now: Tick) -> Vec<(Vec<Parked>, FollowUp)> {
        let mut overdue = Vec::new();
        for append in &mut self.queue {
            match append.deadline {
                // Later ones are not overdue either.
                Some(deadline) if deadline > now => break,
                Some(_) => {
                    append.deadline = None;
                    let parked = std::mem::take(&mut append.parked);
                    overdue.push((parked, std::mem::take(&mut append.follow_up)));
                }
                None => {}
            }
        }
        overdue
    }

    pub(super) fn next_deadline(&self) -> Option<Tick> {
        self.queue.iter().find_map(|append| append.deadline)
    }

    /// Whether an open append tells the log about a group.
    pub(super) fn concerns(&self, group: &GroupId) -> bool {
        self.queue
            .iter()
            .flat_map(|append| &*append.records)
            .any(|record| match record {
                Record::Group { group: of, value } => of == group && value.is_some(),
                Record::Offset {
                    group: of, value, ..
                } => of == group && value.is_some(),
            })
    }

    /// Whether an open append deletes a group.
    pub(super) fn deletes(&self, group: &GroupId) -> bool {
        self.queue
            .iter()
            .flat_map(|append| &*append.records)
            .any(|record| match record {
                Record::Group { group: of, value } => of == group && value.is_none(),
                Record::Offset { .. } => false,
            })
    }

    /// Whether an open append changes a position.
    pub(super) fn is_open(&self, group: &GroupId, key: &(TopicName, PartitionIndex)) -> bool {
        let offsets = self.projected.get(group);
        offsets.is_some_and(|offsets| offsets.contains_key(key))
    }

    /// Groups that will have positions once everything open is committed, and some that will not.
    pub(super) fn offset_groups<'a>(&'a self, durable: &'a DurableState) -> BTreeSet<&'a GroupId> {
        let durable = durable.offset_groups().map(|(group, _)| group);
        durable.chain(self.projected.keys()).collect()
    }

    /// A group's positions once everything open is committed, with the incarnations of their topics.
    pub(super) fn offsets_of(
        &self,
        group: &GroupId,
        durable: &DurableState,
    ) -> BTreeMap<(TopicName, PartitionIndex), Uuid> {
        let mut offsets = BTreeMap::new();
        for (key, value) in durable.offsets_of(group).into_iter().flatten() {
            offsets.insert(key.clone(), value.topic_id);
        }
        for (key, (_, left)) in self.projected.get(group).into_iter().flatten() {
            match left {
                Some(topic_id) => offsets.insert(key.clone(), *topic_id),
                None => offsets.remove(key),
            };
        }
        offsets
    }

    /// Whether a position will be there once everything open is committed.
    pub(super) fn has_offset(
        &self,
        group: &GroupId,
        key: &(TopicName, PartitionIndex),
        durable: &DurableState,
    ) -> bool {
        let projected = self
            .projected
            .get(group)
            .and_then(|offsets| offsets.get(key));
        match projected {
            Some((_, left)) => left.is_some(),
            None => durable.offset(group, &key.0, key.1).is_some(),
        }
    }
}
