//! `cargo xtask bench`: Apache Kafka and Thalweg alternately, under the same unmodified load.
//!
//! Within a scenario all systems stay up, warmed by one run that does not count; then every round
//! gives each of them the same load, and the file system is synced between runs, so that none pays
//! for the one before it. Ratios are taken within a round and reported as medians.

mod device;
mod environment;
mod first_produce;
mod generator;
mod measure;
mod memory;
mod page;
mod page_cache;
mod plan;
mod rounds;
mod scenario;
mod statistics;

pub(crate) use plan::run;
