//! The checker of histories against good ones, which it must pass, and bad ones, which it must name.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a change is made to one kind of operation"
)]
#![expect(clippy::ptr_arg, reason = "all changes have one type")]

mod bad;
mod good;
mod groups;
mod made;
mod mutated;
