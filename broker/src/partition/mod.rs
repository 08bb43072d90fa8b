//! Partitions: the one door for handlers ([`appends`]), and the shell that carries out what the shard
//! asks for ([`worker`], [`gather`], [`io_threads`]).

pub(crate) mod appends;
pub(crate) mod gather;
pub(crate) mod housekeeping;
pub(crate) mod io_threads;
pub(crate) mod scan;
pub(crate) mod worker;
