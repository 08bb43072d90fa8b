//! Rows as a table or as plain lines.

use std::fmt::Display;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// One row of a result; its JSON form is its serialised fields.
pub(crate) trait Row: Serialize {
    /// Headings of the columns.
    const HEADS: &'static [&'static str];

    /// What stands under them.
    fn cells(&self) -> Vec<String>;
}

/// Numbers or names with commas between, `-` if there is none.
pub(crate) fn list(values: &[impl Display]) -> String {
    if values.is_empty() {
        return "-".to_owned();
    }
    let shown: Vec<String> = values.iter().map(ToString::to_string).collect();
    shown.join(",")
}

pub(super) fn table<R: Row>(rows: &[R]) -> String {
    aligned(R::HEADS, rows.iter().map(Row::cells))
}

/// Cells under their headings.
pub(super) fn aligned(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heads);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
        .lines()
        .flat_map(|line| [line.trim_end().to_owned(), "\n".to_owned()])
        .collect()
}

/// Cells with tabs between.
pub(super) fn separated(rows: impl Iterator<Item = Vec<String>>) -> String {
    rows.map(|row| row.join("\t") + "\n").collect()
}

pub(super) fn plain<R: Row>(rows: &[R]) -> String {
    separated(rows.iter().map(Row::cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Fruit {
        name: &'static str,
        count: i32,
    }

    impl Row for Fruit {
        const HEADS: &'static [&'static str] = &["NAME", "COUNT"];

        fn cells(&self) -> Vec<String> {
            vec![self.name.to_owned(), self.count.to_string()]
        }
    }

    const FRUITS: &[Fruit] = &[
        Fruit {
            name: "apricot",
            count: 1,
        },
        Fruit {
            name: "fig",
            count: 20,
        },
    ];

    #[test]
    fn columns_are_aligned_under_headings_without_trailing_blanks() {
        assert_eq!(table(FRUITS), "NAME     COUNT\napricot  1\nfig      20\n");
        assert_eq!(table::<Fruit>(&[]), "NAME  COUNT\n");
    }

    #[test]
    fn plain_rows_are_separated_by_tabs_and_have_no_heading() {
        assert_eq!(plain(FRUITS), "apricot\t1\nfig\t20\n");
        assert_eq!(plain::<Fruit>(&[]), "");
    }

    #[test]
    fn lists_have_commas() {
        assert_eq!(list(&[1, 2]), "1,2");
        assert_eq!(list(&[0; 0]), "-");
    }
}
