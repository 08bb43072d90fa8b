//! A member of a classic group.

use std::sync::Arc;

use bytes::Bytes;

use crate::effects::ReplyToken;
use crate::messages::{JoinRequest, Protocol};
use crate::{InstanceId, MemberId};

/// A member with the requests it waits on.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) instance: Option<InstanceId>,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) assignment: Bytes,
    /// The join that waits for the next generation.
    pub(crate) awaiting_join: Option<ReplyToken>,
    /// The sync that waits for the leader's assignment.
    pub(crate) awaiting_sync: Option<ReplyToken>,
    /// Whether it never was in a generation: then waiting alone does not prove that it lives.
    pub(crate) is_new: bool,
}

impl Member {
    /// The member that a join asks to become.
    pub(crate) fn joining(id: MemberId, request: &JoinRequest) -> Self {
        Self {
            id,
            instance: request.instance.clone(),
            client_id: Arc::clone(&request.client_id),
            client_host: Arc::clone(&request.client_host),
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            protocols: request.protocols.clone(),
            assignment: Bytes::new(),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: true,
        }
    }

    pub(crate) fn is_static(&self) -> bool {
        self.instance.is_some()
    }

    /// Whether a session that ran out proves nothing: the member waits for us, not we for it.
    pub(crate) fn is_excused(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }

    /// Its input to a protocol; empty if it cannot do it.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let known = self.protocols.iter().find(|p| &*p.name == protocol);
        known.map_or_else(Bytes::new, |protocol| protocol.metadata.clone())
    }

    pub(crate) fn session_timeout(&self) -> u64 {
        millis(self.session_timeout_ms)
    }

    pub(crate) fn rebalance_timeout(&self) -> u64 {
        millis(self.rebalance_timeout_ms)
    }
}

/// A duration of the wire: what is negative is over at once.
fn millis(value: i32) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
