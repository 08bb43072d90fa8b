//! A history of what clients did and were told, and the check that a Kafka-compatible cluster can have answered so.
//!
//! A history says nothing about how it was made: the simulator, a test of the real process and a client in another
//! language write the same [`Operation`]s ([`text`] is their form as lines of JSON). [`check`] knows the promises by
//! name ([`Invariant`]) and shows for each broken one the fewest operations that prove it.

mod groups;
mod invariant;
mod lookups;
mod operation;
mod order;
mod records;
mod register;
pub mod text;
mod view;

pub use invariant::{Broken, Invariant};
pub use operation::{
    Acks, Call, Member, Observed, Operation, OperationId, Outcome, Partition, Place, ProducerRef,
    Sent,
};

use view::View;

/// Every broken promise of a history, at most one for each reason and place.
#[must_use]
pub fn check(history: &[Operation]) -> Vec<Broken> {
    let view = View::of(history);
    let mut broken = Vec::new();
    records::check(&view, &mut broken);
    order::check(&view, &mut broken);
    lookups::check(&view, &mut broken);
    groups::check(&view, &mut broken);
    broken.sort_by_key(|broken| (broken.invariant, broken.operations.clone()));
    broken.dedup();
    broken
}
