//! Messages between the replicas of one group.

use raft::eraftpb;
use thalweg_model::{ReplicaId, Term};

use crate::{Entry, Snapshot};

/// A message to another replica; what is in it is Raft's own business.
#[derive(Clone, Debug, PartialEq)]
pub struct Message(pub(crate) eraftpb::Message);

impl Message {
    /// Who is to get it.
    #[must_use]
    pub fn to(&self) -> ReplicaId {
        ReplicaId(self.0.to)
    }

    /// Who sent it.
    #[must_use]
    pub fn from(&self) -> ReplicaId {
        ReplicaId(self.0.from)
    }

    /// The sender's term.
    #[must_use]
    pub fn term(&self) -> Term {
        Term(self.0.term)
    }

    /// Whether it gives the sender's vote to the receiver.
    #[must_use]
    pub fn grants_vote(&self) -> bool {
        self.0.msg_type == eraftpb::MessageType::MsgRequestVoteResponse && !self.0.reject
    }

    /// What it is about, for a person who reads a trace.
    #[must_use]
    pub fn brief(&self) -> String {
        let Self(message) = self;
        let (first, count) = (message.index, message.entries.len());
        let no = if message.reject { " refused" } else { "" };
        format!(
            "{:?}{no} from {} in term {}: {first} of term {}, {count} entries, commit {}",
            message.msg_type, message.from, message.term, message.log_term, message.commit
        )
    }

    /// The beginning of a log that it carries, if it is about one; none if that cannot be understood.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.0.snapshot.as_ref().and_then(Snapshot::from_raft)
    }

    /// Whether it carries the beginning of a log.
    #[must_use]
    pub fn is_snapshot(&self) -> bool {
        self.0.msg_type == eraftpb::MessageType::MsgSnapshot
    }

    /// The entries it carries.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.0.entries.iter().map(Entry::from_raft)
    }
}
