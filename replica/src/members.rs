//! Who the replicas of a partition are to be: the leader brings its group there, step by step.

use thalweg_consensus::MembershipChange;
use thalweg_log::GroupId;
use thalweg_log::disk::Disk;
use thalweg_model::defect::{self, Defect};
use thalweg_model::{BrokerId, ReplicaId};

use crate::Shard;
use crate::partition::Replica;
use crate::recovery::term_runs;

impl<D: Disk> Shard<D> {
    /// Tells which replicas a partition is to have, and where they and those live that it still has:
    /// without one that is to go, nobody may be elected. Whichever of them leads adds
    /// those that are new as followers, and when they have what the others have, makes them voters
    /// and removes the rest in one change. A replica whose disk is gone comes back as another one:
    /// under its old name it would vote again where it had voted.
    pub fn reassign(
        &mut self,
        group: GroupId,
        wanted: &[ReplicaId],
        living: &[(ReplicaId, BrokerId)],
    ) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        let all = !defect::is_on(Defect::LeavingReplicasUnknown);
        let known = living
            .iter()
            .filter(|(living, _)| all || wanted.contains(living));
        replica.peers.extend(known.copied());
        replica.wanted = wanted.to_vec();
        if replica.wanted != [replica.spec.replica] {
            self.shared.insert(group);
        }
    }

    /// The voters of a partition that this replica leads, unless they are being changed. Replicas that
    /// are not among them are needed no more.
    #[must_use]
    pub fn voters(&self, group: GroupId) -> Option<Vec<ReplicaId>> {
        let replica = self.replicas.get(&group)?;
        replica.serving()?;
        replica.group.settled_voters()
    }

    /// Takes the next step to the replicas that the partition is to have.
    pub(crate) fn change_members(&mut self, group: GroupId) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        if let Err(error) = replica.change_members() {
            let notice = format!("the replicas of {} were not changed: {error}", replica.dir);
            self.effects.push(crate::Effect::Notice(notice));
        }
    }
}

impl<D: Disk> Replica<D> {
    fn change_members(&mut self) -> std::io::Result<()> {
        if self.wanted.is_empty() || self.serving().is_none() {
            return Ok(());
        }
        // A replica that was alone when it started knows nothing of its older entries, which others are going to lack:
        // also one that was adding them then.
        self.reveal_older()?;
        let now = self.group.membership();
        let caught_up = |id| self.group.is_caught_up(id);
        let Some(change) = MembershipChange::toward(&self.wanted, &now, caught_up) else {
            return Ok(());
        };
        // One that cannot be proposed now is tried again with the next tick.
        let _later = self.group.change_members(&change);
        Ok(())
    }

    /// Tells the group of entries of the log that are older than those it knows of.
    pub(crate) fn reveal_older(&mut self) -> std::io::Result<()> {
        let before = self.log.before_first_entry();
        let known_from = self.group.known_from();
        if before.index < known_from {
            let runs = term_runs(&self.log, before.index.next(), known_from)?;
            self.group.reveal((before.index, before.term), &runs);
        }
        Ok(())
    }
}
