//! DeleteGroups.

use thalweg_model::{ErrorCode, Now};

use super::offset_delete::tombstone;
use super::turn::Turn;
use super::{GroupShard, Groups};
use crate::GroupId;
use crate::effects::{Effects, ReplyToken};
use crate::messages::{DeletedGroup, Reply};
use crate::stored::{DurableState, Record};

impl GroupShard {
    /// Deletes groups that have no members, with their offsets.
    pub fn delete_groups(&mut self, now: Now, token: ReplyToken, ids: &[GroupId]) -> Effects {
        let (groups, durable, mut turn) = self.turn(now);
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            let checked = match groups.get(id) {
                Some(group) => group.check_delete(),
                None => Err(ErrorCode::GroupIdNotFound),
            };
            if checked.is_ok() {
                records.extend(turn.offset_tombstones(id, durable));
                records.push(turn.forget_group(groups, id));
            }
            results.push(DeletedGroup {
                group: id.clone(),
                error: checked.err().unwrap_or(ErrorCode::None),
            });
        }
        turn.append_tombstones(&records);
        let last = turn.pending.last();
        turn.reply_after(last, token, Reply::DeleteGroups(results));
        turn.effects
    }
}

impl Turn<'_> {
    /// Tombstones of every position that a group will have.
    pub(super) fn offset_tombstones(&self, id: &GroupId, durable: &DurableState) -> Vec<Record> {
        let offsets = self.pending.offsets_of(id, durable).into_keys();
        offsets
            .map(|(topic, partition)| tombstone(id, topic, partition))
            .collect()
    }

    /// Lets go of a group; the tombstone makes it last.
    pub(super) fn forget_group(&mut self, groups: &mut Groups, id: &GroupId) -> Record {
        if let Some(group) = groups.remove(id) {
            self.end_timers(&group);
        }
        Record::Group {
            group: id.clone(),
            value: None,
        }
    }
}
