//! A seed is a whole cluster on one thread: disks, network and clocks that fail, in virtual time.
//!
//! The machines of `replica` and `consensus` run here as they do in the broker; what is around them
//! is simulated, and everything that is random comes from the seed. The same seed gives the same trace.

mod random;

pub use random::Random;
