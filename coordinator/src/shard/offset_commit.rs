//! OffsetCommit.

use std::sync::Arc;

use thalweg_model::defect::{self, Defect};
use thalweg_model::{ErrorCode, Now, Timestamp};

use super::GroupShard;
use super::pending::FollowUp;
use super::turn::Turn;
use crate::Generation;
use crate::classic::{ClassicGroup, Phase};
use crate::effects::{Effects, ReplyToken};
use crate::limits::NAME_BYTES_MAX;
use crate::messages::{
    CommitPartition, CommitTopic, OffsetCommitReply, OffsetCommitRequest, PartitionResult, Reply,
    TopicResults,
};
use crate::stored::{CommittedOffset, Record};

/// First version that can say that there is no such group.
const GROUP_ID_NOT_FOUND_FROM: i16 = 9;

impl GroupShard {
    /// Stores positions. A group without members is made if there is none.
    pub fn commit_offsets(
        &mut self,
        now: Now,
        token: ReplyToken,
        request: &OffsetCommitRequest,
    ) -> Effects {
        let (groups, _, mut turn) = self.turn(now);
        let checked = match groups.get_mut(&request.group) {
            _ if request.group.is_too_long() => Err(ErrorCode::InvalidGroupId),
            Some(group) => turn.check_commit(group, request),
            None => check_commit_to_nobody(request),
        };
        if let Err(error) = checked {
            let reply = OffsetCommitReply::refused(request, error);
            turn.reply(token, Reply::OffsetCommit(reply));
            return turn.effects;
        }
        let mut records = Vec::new();
        let topics = request.topics.iter();
        let topics = topics.map(|topic| turn.commit_topic(request, topic, &mut records));
        let reply = Reply::OffsetCommit(OffsetCommitReply {
            topics: topics.collect(),
        });
        if records.is_empty() {
            turn.reply(token, reply);
            return turn.effects;
        }
        groups
            .entry(request.group.clone())
            .or_insert_with(|| ClassicGroup::new(request.group.clone(), now.wall));
        let appended = turn.append(records, FollowUp::None);
        let early = defect::is_on(Defect::PositionAckedBeforeStored);
        turn.reply_after((!early).then_some(appended), token, reply);
        turn.effects
    }
}

fn check_commit_to_nobody(request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
    if request.generation < Generation(0) {
        Ok(())
    } else if request.api_version >= GROUP_ID_NOT_FOUND_FROM {
        Err(ErrorCode::GroupIdNotFound)
    } else {
        Err(ErrorCode::IllegalGeneration)
    }
}

impl Turn<'_> {
    /// Checks who commits; a commit is a sign of life.
    fn check_commit(
        &mut self,
        group: &ClassicGroup,
        request: &OffsetCommitRequest,
    ) -> Result<(), ErrorCode> {
        if !defect::is_on(Defect::StaleGenerationCommits) {
            group.check_commit(request)?;
        }
        let is_working = matches!(group.phase(), Phase::Stable | Phase::PreparingRebalance(_));
        if is_working && let Some(member) = group.member(&request.member) {
            self.restart_session(group, member);
        }
        Ok(())
    }

    fn commit_topic(
        &self,
        request: &OffsetCommitRequest,
        topic: &CommitTopic,
        records: &mut Vec<Record>,
    ) -> TopicResults {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for position in &topic.partitions {
            let error = if self.is_note_too_long(position) {
                ErrorCode::OffsetMetadataTooLarge
            } else {
                records.push(Record::Offset {
                    group: request.group.clone(),
                    topic: topic.name.clone(),
                    partition: position.partition,
                    value: Some(self.committed_offset(request, topic, position)),
                });
                ErrorCode::None
            };
            partitions.push(PartitionResult {
                partition: position.partition,
                error,
            });
        }
        TopicResults {
            name: topic.name.clone(),
            id: topic.id,
            partitions,
        }
    }

    fn is_note_too_long(&self, position: &CommitPartition) -> bool {
        let note = position.metadata.as_deref().unwrap_or_default();
        note.encode_utf16().count() > self.config.offset_metadata_max || note.len() > NAME_BYTES_MAX
    }

    fn committed_offset(
        &self,
        request: &OffsetCommitRequest,
        topic: &CommitTopic,
        position: &CommitPartition,
    ) -> CommittedOffset {
        let now = self.now.wall;
        let expires_at = request.retention_ms.map(|ms| now.0.saturating_add(ms));
        CommittedOffset {
            offset: position.offset,
            leader_epoch: position.leader_epoch,
            metadata: position
                .metadata
                .as_ref()
                .map(Arc::clone)
                .unwrap_or_default(),
            committed_at: now,
            expires_at: expires_at.map(Timestamp),
            topic_id: topic.id,
        }
    }
}
