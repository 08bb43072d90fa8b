//! The thalweg binary: sockets, disks, tasks and wiring.
fn main() {}
