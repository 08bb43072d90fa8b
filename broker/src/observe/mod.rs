//! What the node tells about itself: what is counted ([`metrics`]), its text form for Prometheus, and
//! the door where it is fetched ([`door`]).

mod counter;
mod exposition;
mod families;
mod histogram;
mod text;

pub(crate) mod door;
pub(crate) mod metrics;
pub(crate) mod process;
