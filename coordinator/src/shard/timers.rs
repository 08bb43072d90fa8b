//! What is due when.

use std::collections::{BTreeMap, BTreeSet};

use thalweg_model::Tick;

use crate::{GroupId, MemberId};

/// Something that happens unless it is cancelled or put off.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A member's session ends.
    Session(GroupId, MemberId),
    /// A group stops waiting for joins.
    Join(GroupId),
    /// A group stops waiting for syncs.
    Sync(GroupId),
    /// Offsets and groups are looked at for their age.
    Expiry,
}

/// Timers by deadline; each is set at most once.
#[derive(Debug, Default)]
pub(super) struct Timers {
    order: BTreeSet<(Tick, Timer)>,
    deadlines: BTreeMap<Timer, Tick>,
}

impl Timers {
    /// Sets a timer, wherever it stood before.
    pub(super) fn set(&mut self, timer: Timer, deadline: Tick) {
        self.cancel(&timer);
        self.order.insert((deadline, timer.clone()));
        self.deadlines.insert(timer, deadline);
    }

    pub(super) fn cancel(&mut self, timer: &Timer) {
        if let Some(deadline) = self.deadlines.remove(timer) {
            self.order.remove(&(deadline, timer.clone()));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Tick> {
        self.order.first().map(|(deadline, _)| *deadline)
    }

    /// How many timers are due.
    pub(super) fn due(&self, now: Tick) -> usize {
        self.order
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .count()
    }

    /// Takes the timer that is due longest.
    pub(super) fn pop_due(&mut self, now: Tick) -> Option<Timer> {
        if self.next_deadline()? > now {
            return None;
        }
        let (_, timer) = self.order.pop_first()?;
        self.deadlines.remove(&timer);
        Some(timer)
    }
}
