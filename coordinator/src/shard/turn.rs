//! One call into a shard: its time, and what it changes besides the groups.

use thalweg_model::{Now, Tick};

use super::pending::{FollowUp, Parked, PendingAppends};
use super::timers::{Timer, Timers};
use crate::classic::{ClassicGroup, Member};
use crate::effects::{AppendFailure, AppendId, Effects, ReplyToken};
use crate::limits::TOMBSTONES_PER_APPEND_MAX;
use crate::messages::Reply;
use crate::stored::Record;
use crate::{GroupConfig, MemberId};

/// Everything a step needs but the groups, so that a group can be borrowed beside it.
pub(super) struct Turn<'a> {
    pub(super) now: Now,
    pub(super) config: &'a GroupConfig,
    pub(super) timers: &'a mut Timers,
    pub(super) pending: &'a mut PendingAppends,
    pub(super) effects: Effects,
}

impl Turn<'_> {
    /// Appends records as one batch.
    pub(super) fn append(&mut self, records: Vec<Record>, follow_up: FollowUp) -> AppendId {
        let deadline = self.after(self.config.offsets_commit_timeout_ms);
        let append = self.pending.open(records, follow_up, deadline);
        let id = append.id;
        self.effects.appends.push(append);
        id
    }

    /// Appends tombstones in batches; the last one stands for all.
    pub(super) fn append_tombstones(&mut self, records: &[Record]) -> Option<AppendId> {
        let mut last = None;
        for chunk in records.chunks(TOMBSTONES_PER_APPEND_MAX) {
            last = Some(self.append(chunk.to_vec(), FollowUp::None));
        }
        last
    }

    /// Answers now.
    pub(super) fn reply(&mut self, token: ReplyToken, reply: Reply) {
        self.effects.replies.push((token, reply));
    }

    /// Answers once an append is committed; now if there is none.
    pub(super) fn reply_after(
        &mut self,
        append: Option<AppendId>,
        token: ReplyToken,
        reply: Reply,
    ) {
        match append {
            Some(append) => self.park(append, Parked::Reply(token, reply)),
            None => self.reply(token, reply),
        }
    }

    /// Lets an answer wait for an append, unless that one is overdue.
    pub(super) fn park(&mut self, append: AppendId, parked: Parked) {
        if let Err(parked) = self.pending.park(append, parked) {
            self.refuse(parked, AppendFailure::TimedOut);
        }
    }

    pub(super) fn after(&self, millis: u64) -> Tick {
        self.now.tick.after_ms(millis)
    }

    /// Starts a member's session anew.
    pub(super) fn restart_session(&mut self, group: &ClassicGroup, member: &Member) {
        let deadline = self.after(member.session_timeout());
        let timer = Timer::Session(group.id.clone(), member.id.clone());
        self.timers.set(timer, deadline);
    }

    pub(super) fn end_session(&mut self, group: &ClassicGroup, member: &MemberId) {
        let timer = Timer::Session(group.id.clone(), member.clone());
        self.timers.cancel(&timer);
    }

    /// Ends every timer of a group that goes away.
    pub(super) fn end_timers(&mut self, group: &ClassicGroup) {
        let members = group.member_ids();
        for member in members.iter().chain(&group.pending_members) {
            self.end_session(group, member);
        }
        self.timers.cancel(&Timer::Join(group.id.clone()));
        self.timers.cancel(&Timer::Sync(group.id.clone()));
    }
}
