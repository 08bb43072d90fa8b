//! The whole process from outside: started, killed, lied to.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]
#![expect(
    clippy::disallowed_methods,
    reason = "what a process takes is measured from outside"
)]

mod damage;
mod debug;
mod device;
mod faults;
mod fenced;
mod harness;
mod history;
mod hostile;
mod kill_nine;
mod member;
mod memory;
mod metrics;
mod pipelined;
mod refusals;
mod sequences;
mod slow;
mod soak;
mod start;
mod unacknowledged;
mod validation;
