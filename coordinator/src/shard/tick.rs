//! The passing of time.

use thalweg_model::{Now, Tick};

use super::timers::Timer;
use super::turn::Turn;
use super::{GroupShard, Groups};
use crate::effects::{AppendFailure, Effects};
use crate::stored::DurableState;

impl GroupShard {
    /// When [`Self::on_tick`] is due, if nothing else happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        let timers = self.timers.next_deadline().into_iter();
        timers.chain(self.pending.next_deadline()).min()
    }

    /// Does what is due.
    pub fn on_tick(&mut self, now: Now) -> Effects {
        let (groups, durable, mut turn) = self.turn(now);
        turn.give_up_overdue(groups);
        // What becomes due by what is done here waits for the next call: no call runs forever.
        for _ in 0..turn.timers.due(now.tick) {
            let Some(timer) = turn.timers.pop_due(now.tick) else {
                break;
            };
            turn.on_timer(groups, durable, timer);
        }
        turn.effects
    }
}

impl Turn<'_> {
    fn on_timer(&mut self, groups: &mut Groups, durable: &DurableState, timer: Timer) {
        match timer {
            Timer::Expiry => self.expire(groups, durable),
            Timer::Session(group, member) => {
                if let Some(group) = groups.get_mut(&group) {
                    self.on_session_timer(group, &member);
                }
            }
            Timer::Join(group) => {
                if let Some(group) = groups.get_mut(&group) {
                    self.on_join_timer(group);
                }
            }
            Timer::Sync(group) => {
                if let Some(group) = groups.get_mut(&group) {
                    self.on_sync_timer(group);
                }
            }
        }
    }

    /// Refuses what waited too long for the log. The records may be committed still, so they stay.
    fn give_up_overdue(&mut self, groups: &mut Groups) {
        for (parked, follow_up) in self.pending.take_overdue(self.now.tick) {
            self.revert(groups, follow_up, AppendFailure::TimedOut);
            for parked in parked {
                self.refuse(parked, AppendFailure::TimedOut);
            }
        }
    }
}
