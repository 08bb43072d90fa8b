//! The log of one partition, on the real disk and on the simulated one.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[macro_use]
#[path = "../both_disks/mod.rs"]
mod both_disks;

mod append_read;
mod checkpoints;
mod copies;
mod fixture;
mod full_disk;
mod kafka_files;
mod power_cuts;
mod producer_rules;
mod recovery;
mod retention;
mod stretches;
mod times;
mod transactions;
mod truncation;
