//! Offsets and groups that nobody needs any more.

use thalweg_model::Timestamp;

use super::Groups;
use super::offset_delete::tombstone;
use super::timers::Timer;
use super::turn::Turn;
use crate::GroupId;
use crate::classic::{ClassicGroup, Phase};
use crate::stored::{CommittedOffset, DurableState, Record};

/// From when a group's offsets age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// From each one's commit.
    SinceCommit,
    /// From when the group lost its last member; from its commit if that is not known.
    SinceEmpty(Option<Timestamp>),
    /// They do not.
    Never,
}

impl Turn<'_> {
    pub(super) fn schedule_expiry(&mut self) {
        let interval = self.config.offsets_retention_check_interval_ms.max(1);
        let deadline = self.after(interval);
        self.timers.set(Timer::Expiry, deadline);
    }

    /// Forgets offsets that are too old, and groups that have neither members nor offsets.
    pub(super) fn expire(&mut self, groups: &mut Groups, durable: &DurableState) {
        let ids: Vec<GroupId> = groups.keys().cloned().collect();
        let mut records = Vec::new();
        for id in ids {
            let Some(group) = groups.get(&id) else {
                continue;
            };
            let (expired, all) = self.expired_offsets(group, durable);
            let is_over = all && *group.phase() == Phase::Empty;
            records.extend(expired);
            if is_over {
                records.push(self.forget_group(groups, &id));
            }
        }
        self.append_tombstones(&records);
        self.schedule_expiry();
    }

    /// Tombstones of a group's expired offsets, and whether those are all it has.
    fn expired_offsets(&self, group: &ClassicGroup, durable: &DurableState) -> (Vec<Record>, bool) {
        let age = offset_age(group);
        let mut expired = Vec::new();
        let mut all = true;
        for (key, _) in self.pending.offsets_of(&group.id, durable) {
            // What is being committed now is not old.
            let committed = durable.offset(&group.id, &key.0, key.1);
            let is_open = self.pending.is_open(&group.id, &key);
            let is_old = committed.is_some_and(|offset| self.is_expired(age, offset));
            if is_old && !is_open && !group.is_subscribed_to(&key.0) {
                expired.push(tombstone(&group.id, key.0, key.1));
            } else {
                all = false;
            }
        }
        (expired, all)
    }

    fn is_expired(&self, age: Age, offset: &CommittedOffset) -> bool {
        let now = self.now.wall.0;
        let since = match age {
            Age::Never => return false,
            Age::SinceCommit => offset.committed_at,
            Age::SinceEmpty(since) => since.unwrap_or(offset.committed_at),
        };
        match offset.expires_at {
            Some(expires_at) => now >= expires_at.0,
            None => now.saturating_sub(since.0) >= self.config.offsets_retention_ms,
        }
    }
}

/// How a group's offsets age: those of members that work only where their topics are known.
fn offset_age(group: &ClassicGroup) -> Age {
    if group.protocol_type.is_none() {
        return Age::SinceCommit;
    }
    match group.phase() {
        Phase::Empty => Age::SinceEmpty(group.state_since),
        Phase::Stable if group.is_consumer_group() && group.subscribed.is_some() => {
            Age::SinceCommit
        }
        Phase::Stable | Phase::PreparingRebalance(_) | Phase::CompletingRebalance => Age::Never,
    }
}
