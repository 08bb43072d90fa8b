//! The journal from outside: what it takes, what it gives back, and what a power cut may take.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[macro_use]
#[path = "../both_disks/mod.rs"]
mod both_disks;
mod fixture;
mod power_cuts;
mod properties;
mod recovery;
mod voyage;
