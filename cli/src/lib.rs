//! The command line, over the public protocols.
