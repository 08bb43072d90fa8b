//! The whole process from outside: started, killed, lied to.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]

mod harness;
mod hostile;
mod kill_nine;
