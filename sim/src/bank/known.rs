//! The committed table of where each defect was found.

use thalweg_model::defect::Defect;

use super::courses::Course;

const TABLE: &str = include_str!("../../../docs/bug-bank.md");

/// Whether a defect was found when the table was written.
#[must_use]
pub fn is_known(defect: Defect) -> bool {
    place_of(defect).is_some()
}

/// Course and seed that found a defect when the table was written.
pub(super) fn place_of(defect: Defect) -> Option<(Course, u64)> {
    TABLE.lines().find_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let name = cells.next()?.trim_matches('`');
        let _about = cells.next()?;
        let course = Course::named(cells.next()?)?;
        let seed = cells.next()?.parse().ok()?;
        (name == defect.name()).then_some((course, seed))
    })
}
