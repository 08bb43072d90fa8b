//! `cargo xtask tools-diff`: Kafka's own command line tools, run against Apache Kafka and Thalweg.
//!
//! The same script of commands goes to both; what they print is masked (names, sizes, times, ids)
//! and compared. A difference is either listed with its reason or a failure.

mod allowed;
mod command;
mod compare;
mod mask;
mod script;
mod session;

pub(crate) use command::run;
