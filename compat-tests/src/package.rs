//! Where this package lies.

use std::path::PathBuf;

/// The package's folder: of the checkout that cargo runs, which need not be the one that the binary was
/// built in when several share a target folder.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}
