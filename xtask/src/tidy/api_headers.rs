//! One API, one file: each starts by saying which versions it serves.

use super::Finding;
use super::tracked::Tracked;

const FOLDER: &str = "broker/src/api/";

pub(super) fn check(files: &Tracked) -> Vec<Finding> {
    let apis = files
        .rust()
        .filter(|(file, _)| file.path.starts_with(FOLDER));
    apis.filter(|(file, _)| !file.is_test() && file.name() != "mod.rs")
        .filter(|(file, _)| !file.text.starts_with("//!"))
        .map(|(file, _)| Finding::new(&file.path, "must start with //! and its versions"))
        .collect()
}
