//! The bug bank: each [`Defect`] is switched on and has to be found.
//!
//! A defect that no seed finds is a hole in the simulator: then the workload or a check is what has to change.

mod courses;
mod known;
mod search;

pub use known::is_known;
pub use search::{Found, Search, search};
