//! LeaveGroup.

use thalweg_model::ErrorCode;

use crate::{GroupId, InstanceId, MemberId};

/// Members leave, on their own or removed by an administrator.
#[derive(Clone, Debug)]
pub struct LeaveRequest {
    /// The group.
    pub group: GroupId,
    /// Who leaves.
    pub members: Vec<LeavingMember>,
}

/// A member that leaves.
#[derive(Clone, Debug)]
pub struct LeavingMember {
    /// Its id; unknown if the static name says who.
    pub member: MemberId,
    /// Its static name.
    pub instance: Option<InstanceId>,
}

/// The answer to a leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveReply {
    /// The outcome of the request as a whole.
    pub error: ErrorCode,
    /// The outcome for each member, in order.
    pub members: Vec<LeftMember>,
}

/// What became of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftMember {
    /// The id it was named by.
    pub member: MemberId,
    /// Its static name.
    pub instance: Option<InstanceId>,
    /// The outcome.
    pub error: ErrorCode,
}

impl LeaveReply {
    /// A refusal of the whole request.
    #[must_use]
    pub fn refused(error: ErrorCode) -> Self {
        Self {
            error,
            members: Vec::new(),
        }
    }
}
