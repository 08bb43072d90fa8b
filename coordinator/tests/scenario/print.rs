//! What a shard does, as text.

use std::fmt::Write as _;

use bytes::Bytes;
use thalweg_coordinator::messages::{
    GroupDescription, GroupListing, JoinReply, LeaveReply, OffsetFetchReply, Reply, SyncReply,
    TopicResults,
};
use thalweg_coordinator::stored::{CommittedOffset, Record, StoredGroup};
use thalweg_coordinator::{Append, ReplyToken};
use thalweg_model::{ErrorCode, LeaderEpoch};
use thalweg_wire::messages::ConsumerProtocolSubscription;
use thalweg_wire::record::decode_value;

use super::command::ID_MIDDLE;

/// Writes generated ids short.
pub(super) fn shorten(text: &str) -> String {
    text.replace(ID_MIDDLE, "#")
}

pub(super) fn append(append: &Append) -> String {
    let records: Vec<String> = append.records.iter().map(record).collect();
    format!("append {}", records.join("; "))
}

fn record(record: &Record) -> String {
    match record {
        Record::Group { group, value } => match value {
            Some(value) => format!("group {group} {}", stored_group(value)),
            None => format!("group {group} gone"),
        },
        Record::Offset {
            group,
            topic,
            partition,
            value,
        } => {
            let value = value.as_ref().map_or_else(|| "gone".to_owned(), offset);
            format!("offset {group} {topic}-{partition} {value}")
        }
    }
}

fn stored_group(group: &StoredGroup) -> String {
    let mut text = format!("generation={}", group.generation);
    if let Some(protocol) = &group.protocol_name {
        write!(text, " protocol={protocol}").unwrap();
    }
    if let Some(leader) = &group.leader {
        write!(text, " leader={leader}").unwrap();
    }
    for member in &group.members {
        write!(text, " {}", member.member).unwrap();
        if let Some(instance) = &member.instance {
            write!(text, "/{instance}").unwrap();
        }
        write!(text, "={}", bytes(&member.assignment)).unwrap();
    }
    text
}

fn offset(value: &CommittedOffset) -> String {
    let mut text = value.offset.to_string();
    if value.leader_epoch.is_some() {
        write!(text, "@{}", LeaderEpoch::to_wire(value.leader_epoch)).unwrap();
    }
    if !value.metadata.is_empty() {
        write!(text, "/{}", value.metadata).unwrap();
    }
    if let Some(at) = value.expires_at {
        write!(text, " until {at}").unwrap();
    }
    text
}

fn bytes(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Topics of a subscription, or its bytes.
fn metadata(raw: &Bytes) -> String {
    match decode_value::<ConsumerProtocolSubscription>(raw) {
        Ok(subscription) => {
            let topics: Vec<&str> = subscription.topics.iter().map(|t| t.as_str()).collect();
            topics.join("+")
        }
        Err(_) => bytes(raw),
    }
}

pub(super) fn reply(token: ReplyToken, reply: &Reply) -> String {
    let text = match reply {
        Reply::Join(reply) => join(reply),
        Reply::Sync(reply) => sync(reply),
        Reply::Leave(reply) => leave(reply),
        Reply::OffsetCommit(reply) => format!("commit{}", results(&reply.topics)),
        Reply::OffsetFetch(reply) => fetch(reply),
        Reply::OffsetDelete(reply) => {
            format!("delete-offsets {}{}", reply.error, results(&reply.topics))
        }
        Reply::DeleteGroups(groups) => {
            let groups = groups.iter().map(|g| format!(" {}={}", g.group, g.error));
            format!("delete-groups{}", groups.collect::<String>())
        }
    };
    format!("reply {} {text}", token.0)
}

fn join(reply: &JoinReply) -> String {
    let mut text = format!("join {} member={}", reply.error, reply.member);
    if reply.generation.0 >= 0 {
        let protocol = reply.protocol_name.as_deref().unwrap_or("none");
        write!(
            text,
            " generation={} protocol={protocol} leader={}",
            reply.generation, reply.leader
        )
        .unwrap();
    }
    if reply.skip_assignment {
        text.push_str(" skip-assignment");
    }
    for member in &reply.members {
        write!(text, " {}", member.member).unwrap();
        if let Some(instance) = &member.instance {
            write!(text, "/{instance}").unwrap();
        }
        write!(text, ":{}", metadata(&member.metadata)).unwrap();
    }
    text
}

fn sync(reply: &SyncReply) -> String {
    if reply.error != ErrorCode::None {
        return format!("sync {}", reply.error);
    }
    let kind = reply.protocol_type.as_deref().unwrap_or("none");
    let protocol = reply.protocol_name.as_deref().unwrap_or("none");
    format!("sync NONE {kind}/{protocol} {}", bytes(&reply.assignment))
}

fn leave(reply: &LeaveReply) -> String {
    let mut text = format!("leave {}", reply.error);
    for member in &reply.members {
        write!(text, " {}", member.member).unwrap();
        if let Some(instance) = &member.instance {
            write!(text, "/{instance}").unwrap();
        }
        write!(text, "={}", member.error).unwrap();
    }
    text
}

fn results(topics: &[TopicResults]) -> String {
    let mut text = String::new();
    for topic in topics {
        for result in &topic.partitions {
            write!(
                text,
                " {}-{}={}",
                topic.name, result.partition, result.error
            )
            .unwrap();
        }
    }
    text
}

fn fetch(reply: &OffsetFetchReply) -> String {
    let mut text = format!("fetch {}", reply.error);
    for topic in &reply.topics {
        for partition in &topic.partitions {
            let committed = partition.committed.as_ref();
            let committed = committed.map_or_else(|| "none".to_owned(), offset);
            write!(text, " {}-{}={committed}", topic.name, partition.partition).unwrap();
        }
    }
    text
}

pub(super) fn description(group: &GroupDescription) -> String {
    let mut text = format!("group {} {}", group.group, group.state);
    if !group.protocol_type.is_empty() {
        write!(text, " {}/{}", group.protocol_type, group.protocol_name).unwrap();
    }
    for member in &group.members {
        write!(text, "\n  {}", member.member).unwrap();
        if let Some(instance) = &member.instance {
            write!(text, "/{instance}").unwrap();
        }
        write!(
            text,
            " {}{} {} -> {}",
            member.client_id,
            member.client_host,
            metadata(&member.metadata),
            bytes(&member.assignment)
        )
        .unwrap();
    }
    text
}

pub(super) fn listing(group: &GroupListing) -> String {
    let kind = &group.protocol_type;
    format!(
        "{} {} {} {kind}",
        group.group, group.group_type, group.state
    )
}
