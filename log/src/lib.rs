//! The bytes of partitions on disk, and the journal they share.
