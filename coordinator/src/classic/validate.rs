//! Who may do what: the fences of a classic group, in Kafka's order.

use thalweg_model::ErrorCode;

use super::{ClassicGroup, Phase};
use crate::messages::{OffsetCommitRequest, SyncRequest};
use crate::{Generation, InstanceId, MemberId};

impl ClassicGroup {
    /// Checks that a member is one, and that a static name is still its own.
    pub(crate) fn check_member(
        &self,
        member: &MemberId,
        instance: Option<&InstanceId>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.static_member(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(owner) if owner != member => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.member(member).is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        Ok(())
    }

    /// Checks a member and its generation.
    pub(crate) fn check_generation(
        &self,
        member: &MemberId,
        instance: Option<&InstanceId>,
        generation: Generation,
    ) -> Result<(), ErrorCode> {
        self.check_member(member, instance)?;
        if generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        Ok(())
    }

    /// Checks a sync.
    pub(crate) fn check_sync(&self, request: &SyncRequest) -> Result<(), ErrorCode> {
        self.check_generation(
            &request.member,
            request.instance.as_ref(),
            request.generation,
        )?;
        let differs = |theirs: &Option<_>, ours: &Option<_>| match (theirs, ours) {
            (Some(theirs), Some(ours)) => theirs != ours,
            (None, _) | (_, None) => false,
        };
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol_name)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    /// Checks a commit. Without membership it may only touch a group that has no members.
    pub(crate) fn check_commit(&self, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
        let is_empty = *self.phase() == Phase::Empty;
        let has_generation = request.generation >= Generation(0);
        if !has_generation && is_empty {
            return Ok(());
        }
        if !has_generation && request.member.is_unknown() && request.instance.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.check_generation(
            &request.member,
            request.instance.as_ref(),
            request.generation,
        )?;
        if *self.phase() == Phase::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// Checks a deletion of offsets: only consumers' subscriptions can be told from free topics.
    pub(crate) fn check_offset_delete(&self) -> Result<(), ErrorCode> {
        if *self.phase() != Phase::Empty && !self.is_consumer_group() {
            return Err(ErrorCode::NonEmptyGroup);
        }
        Ok(())
    }

    /// Checks a deletion of the group.
    pub(crate) fn check_delete(&self) -> Result<(), ErrorCode> {
        if *self.phase() != Phase::Empty {
            return Err(ErrorCode::NonEmptyGroup);
        }
        Ok(())
    }
}
