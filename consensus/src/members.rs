//! Changes of a group's members: learners first, then all at once through a joint configuration.

use raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2};
use raft::{ProgressState, StateRole};
use thalweg_model::defect::{self, Defect};
use thalweg_model::{LogIndex, ReplicaId, Term};

use crate::limits::CATCH_UP_ENTRIES_MAX;
use crate::{Group, Membership};

/// A change of the members; one at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembershipChange {
    /// Replicas that follow from then on.
    pub learners: Vec<ReplicaId>,
    /// Replicas that vote from then on.
    pub voters: Vec<ReplicaId>,
    /// Members that are so no more.
    pub removed: Vec<ReplicaId>,
}

/// Why the members were not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Another replica leads.
    #[error("this replica does not lead its group")]
    NotLeader,
    /// An earlier change is not over.
    #[error("the members are being changed already")]
    UnderWay,
}

impl MembershipChange {
    /// The next step from `now` to a group whose voters are `wanted`; none if there is nothing to do.
    /// A new member follows until `caught_up` says that it has what the others have.
    #[must_use]
    pub fn toward(
        wanted: &[ReplicaId],
        now: &Membership,
        caught_up: impl Fn(ReplicaId) -> bool,
    ) -> Option<Self> {
        let is_in = |ids: &[ReplicaId], id: &ReplicaId| ids.contains(id);
        let new: Vec<_> = wanted
            .iter()
            .copied()
            .filter(|id| !is_in(&now.voters, id))
            .collect();
        let unknown: Vec<_> = new
            .iter()
            .copied()
            .filter(|id| !is_in(&now.learners, id))
            .collect();
        if !unknown.is_empty() {
            return Some(Self {
                learners: unknown,
                ..Self::default()
            });
        }
        let members = now.voters.iter().chain(&now.learners).copied();
        let removed: Vec<_> = members.filter(|id| !is_in(wanted, id)).collect();
        let is_ready = new.iter().all(|&id| caught_up(id));
        let is_done = new.is_empty() && removed.is_empty();
        (is_ready && !is_done).then_some(Self {
            voters: new,
            removed,
            ..Self::default()
        })
    }

    fn to_raft(&self) -> ConfChangeV2 {
        let kinds = [
            (&self.learners, ConfChangeType::AddLearnerNode),
            (&self.voters, ConfChangeType::AddNode),
            (&self.removed, ConfChangeType::RemoveNode),
        ];
        let mut changes = Vec::new();
        for (ids, kind) in kinds {
            for id in ids {
                let mut single = ConfChangeSingle {
                    node_id: id.0,
                    ..ConfChangeSingle::default()
                };
                single.set_change_type(kind);
                changes.push(single);
            }
        }
        ConfChangeV2 {
            changes: changes.into(),
            ..ConfChangeV2::default()
        }
    }
}

impl Group {
    /// Proposes a change of the members. It holds when it is committed; one of several members goes
    /// through a joint configuration, which ends by itself.
    ///
    /// # Errors
    /// It cannot be proposed here or now.
    pub fn change_members(&mut self, change: &MembershipChange) -> Result<(), ChangeError> {
        let raft = &self.node.raft;
        if raft.state != StateRole::Leader {
            return Err(ChangeError::NotLeader);
        }
        if raft.has_pending_conf() || !self.membership().voters_outgoing.is_empty() {
            return Err(ChangeError::UnderWay);
        }
        let proposed = self.node.propose_conf_change(Vec::new(), change.to_raft());
        proposed.map_err(|_dropped| ChangeError::UnderWay)
    }

    /// The voters, unless they are being changed. A change is over when most of them know of it after
    /// a crash as well: until then an election may need those that it removed.
    #[must_use]
    pub fn settled_voters(&self) -> Option<Vec<ReplicaId>> {
        let now = self.membership();
        let is_changing = !now.voters_outgoing.is_empty() || !now.learners.is_empty();
        let remember = now.voters.iter().filter(|&&voter| self.is_told(voter));
        let is_known = defect::is_on(Defect::ChangeOverWhenCommitted)
            || 2 * remember.count() > now.voters.len();
        let is_settled = !is_changing && is_known;
        is_settled.then_some(now.voters)
    }

    /// Whether a replica remembers the last change of the members, as far as the leader knows.
    fn is_told(&self, replica: ReplicaId) -> bool {
        if replica == self.config.replica {
            return self.remembers_members();
        }
        let progress = self.node.raft.prs().get(replica.0);
        progress.is_some_and(|progress| progress.committed_index >= self.membership_index.0)
    }

    /// Whether a follower has nearly all that the leader has.
    #[must_use]
    pub fn is_caught_up(&self, replica: ReplicaId) -> bool {
        let progress = self.node.raft.prs().get(replica.0);
        progress.is_some_and(|progress| {
            progress.state == ProgressState::Replicate
                && progress.matched + CATCH_UP_ENTRIES_MAX >= self.last_index().0
        })
    }

    /// Tells where the log really begins and the terms of its entries up to where the group took it
    /// to begin: a group of one voter does not ask for them until it gets another.
    pub fn reveal(&mut self, start: (LogIndex, Term), terms: &[(LogIndex, Term)]) {
        self.node.mut_store().reveal(start, terms);
    }

    /// The entry before the first one that the group knows of.
    #[must_use]
    pub fn known_from(&self) -> LogIndex {
        self.node.store().start().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[u64]) -> Vec<ReplicaId> {
        ids.iter().copied().map(ReplicaId).collect()
    }

    #[test]
    fn a_replica_follows_before_it_votes_and_all_change_at_once() {
        let wanted = ids(&[2, 3, 4]);
        let mut now = Membership {
            voters: ids(&[1, 2, 3]),
            ..Membership::default()
        };
        let step = |now: &Membership, caught_up: bool| {
            MembershipChange::toward(&wanted, now, |_| caught_up)
        };
        let first = step(&now, false).expect("the new one is no member yet");
        assert_eq!(first.learners, ids(&[4]));
        assert!(first.voters.is_empty() && first.removed.is_empty());
        now.learners = ids(&[4]);
        assert_eq!(step(&now, false), None);
        let second = step(&now, true).expect("it has all entries");
        assert_eq!((second.voters, second.removed), (ids(&[4]), ids(&[1])));
        now.voters = ids(&[2, 3, 4]);
        now.learners = Vec::new();
        assert_eq!(step(&now, true), None);
    }
}
