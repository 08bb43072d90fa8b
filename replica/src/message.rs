//! What replicas of one partition tell each other.

use bytes::Bytes;
use thalweg_consensus::Message;
use thalweg_log::incoming::FilePlace;
use thalweg_model::ReplicaId;

/// A message for another replica of the partition.
#[derive(Clone, Debug, PartialEq)]
pub enum PeerMessage {
    /// Raft's own business.
    Raft(Message),
    /// Bytes of a file are wanted.
    FileRequest(FileRequest),
    /// Here they are.
    FilePart(FilePart),
}

/// A replica that was told where another one's log begins asks for a segment of it, part by part. Not
/// answered where that segment is not, or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRequest {
    /// Who asks.
    pub from: ReplicaId,
    /// Who is asked.
    pub to: ReplicaId,
    /// For what.
    pub place: FilePlace,
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// Who has it.
    pub from: ReplicaId,
    /// Who asked.
    pub to: ReplicaId,
    /// For what.
    pub place: FilePlace,
    /// Bytes of the file.
    pub total: u64,
    /// Those from the place on, some of them.
    pub bytes: Bytes,
}

impl PeerMessage {
    /// Who is to get it.
    #[must_use]
    pub fn to(&self) -> ReplicaId {
        match self {
            Self::Raft(message) => message.to(),
            Self::FileRequest(request) => request.to,
            Self::FilePart(part) => part.to,
        }
    }

    /// Who sent it.
    #[must_use]
    pub fn from(&self) -> ReplicaId {
        match self {
            Self::Raft(message) => message.from(),
            Self::FileRequest(request) => request.from,
            Self::FilePart(part) => part.from,
        }
    }

    /// Whether it gives the sender's vote to the receiver.
    #[must_use]
    pub fn grants_vote(&self) -> bool {
        matches!(self, Self::Raft(message) if message.grants_vote())
    }

    /// What it is about, for a person who reads a trace.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Self::Raft(message) => message.brief(),
            Self::FileRequest(request) => {
                format!("asks for {} from {}", brief(&request.place), request.from.0)
            }
            Self::FilePart(part) => format!(
                "{} bytes of {} in {} from {}",
                part.bytes.len(),
                part.total,
                brief(&part.place),
                part.from.0
            ),
        }
    }
}

fn brief(place: &FilePlace) -> String {
    let (base, kind) = (place.segment.base, place.kind);
    format!("segment {base} {kind:?} at {}", place.position)
}
