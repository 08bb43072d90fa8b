//! One classic group: members, generation and who waits for what.
//!
//! Nothing here stores or schedules; `shard/` decides what happens next.

mod describe;
mod group;
mod member;
mod protocols;
mod stored;
mod validate;
mod waiting;

pub(crate) use group::{ClassicGroup, InitialDelay, Phase};
pub(crate) use member::Member;
