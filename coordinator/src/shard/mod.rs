//! The groups of one `__consumer_offsets` partition.
//!
//! [`GroupShard`] has one file per request; `turn.rs` is what they share, `rebalance.rs` the way from
//! one generation to the next, `pending.rs` and `outcome.rs` what waits for the log.

mod delete_groups;
mod describe;
mod expiry;
mod join;
mod leave;
mod load;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod outcome;
mod pending;
mod rebalance;
mod static_member;
mod sync;
mod tick;
mod timers;
mod turn;

use std::collections::BTreeMap;

use thalweg_model::Now;

use self::pending::PendingAppends;
use self::timers::Timers;
use self::turn::Turn;
use crate::classic::ClassicGroup;
use crate::effects::Effects;
use crate::stored::DurableState;
use crate::{GroupConfig, GroupId};

pub use load::ShardLoader;
pub use offset_delete::DeletedTopic;

pub(crate) type Groups = BTreeMap<GroupId, ClassicGroup>;

/// Coordinates the groups of one partition, as its leader.
///
/// ```text
///   request ─► GroupShard ─► Effects { appends, replies }
///                  ▲              │ append as one batch each
///                  └─ committed / failed (in log order)
/// ```
///
/// The shell calls [`Self::on_tick`] no later than [`Self::next_deadline`], asked anew after every
/// call, and [`Self::unload`] when it stops to lead.
#[derive(Debug)]
pub struct GroupShard {
    config: GroupConfig,
    durable: DurableState,
    groups: Groups,
    timers: Timers,
    pending: PendingAppends,
}

impl GroupShard {
    /// The committed state: what a replay of the log gives.
    #[must_use]
    pub fn durable(&self) -> &DurableState {
        &self.durable
    }

    /// Takes over changed settings; what is under way keeps the old ones.
    pub fn set_config(&mut self, config: GroupConfig) {
        self.config = config;
    }

    fn turn(&mut self, now: Now) -> (&mut Groups, &DurableState, Turn<'_>) {
        let turn = Turn {
            now,
            config: &self.config,
            timers: &mut self.timers,
            pending: &mut self.pending,
            effects: Effects::default(),
        };
        (&mut self.groups, &self.durable, turn)
    }
}
