//! Names of groups, of their members and of the topics they read.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::limits::NAME_BYTES_MAX;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

name!(
    /// Name of a group; may be empty for offsets, never for membership.
    GroupId
);
name!(
    /// Name the coordinator gave to one session of a member; empty where a client has none yet.
    MemberId
);
name!(
    /// Name that a static member keeps across its restarts (KIP-345).
    InstanceId
);
name!(
    /// Name of a topic, as offsets are stored under.
    TopicName
);

impl GroupId {
    /// Whether the name could not be stored.
    pub(crate) fn is_too_long(&self) -> bool {
        self.0.len() > NAME_BYTES_MAX
    }
}

impl MemberId {
    /// Whether the client has no member id yet.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }

    /// A new id: what the client calls itself, and 16 random bytes as a version-4 UUID.
    pub(crate) fn generate(prefix: &str, mut entropy: [u8; 16]) -> Self {
        entropy[6] = (entropy[6] & 0x0f) | 0x40;
        entropy[8] = (entropy[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(prefix.len() + 37);
        text.push_str(prefix);
        for (position, byte) in entropy.iter().enumerate() {
            if matches!(position, 0 | 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for digit in [byte >> 4, byte & 0x0f] {
                text.push(char::from_digit(digit.into(), 16).expect("four bits are a digit"));
            }
        }
        Self(text.into())
    }
}

/// One round of a group's membership; members and commits of an older one are fenced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub i32);

impl Generation {
    /// What a client without membership sends, and what a refusal carries.
    pub const NONE: Self = Self(-1);

    /// The round after this one; never negative.
    pub(crate) fn next(self) -> Self {
        Self(self.0.checked_add(1).unwrap_or(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_ids_look_as_clients_expect() {
        let id = MemberId::generate("app", [0xff; 16]);
        assert_eq!(id.as_str(), "app-ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
