//! A seed is a whole cluster on one thread: disks, network and clocks that fail, in virtual time.
//!
//! The machines of `replica` and `consensus` run here as they do in the broker; what is around them
//! is simulated, and everything that is random comes from the seed. The same seed gives the same trace.

#[cfg(feature = "defects")]
pub mod bank;
mod call;
mod clients;
mod directory;
mod ending;
pub mod history;
mod nemesis;
mod network;
mod node;
mod power_loss;
mod quiet_node;
mod random;
mod recorder;
mod run;
mod schedule;
mod session;
mod swarm;
mod topics;
mod trace;
mod truth;
mod violation;
mod workload;
mod world;

pub use power_loss::{PowerLoss, PowerLossOutcome, Progress, power_loss};
pub use random::Random;
pub use run::{Outcome, Plan, run};
pub use trace::Trace;
pub use violation::Violation;
pub use workload::Workload;
