//! Tables for a terminal.

use crate::output::{BOLD, styled};

/// Formats rows under bold headings. Each column is as wide as its widest cell.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(char_count);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = char_count(cell).max(*width);
        }
    }
    let heading = styled(BOLD, &format_row(&headings, &widths));
    let rows = rows.iter().map(|row| format_row(row, &widths));
    [heading]
        .into_iter()
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}

fn char_count(cell: &str) -> usize {
    cell.chars().count()
}

fn format_row(cells: &[impl AsRef<str>], widths: &[usize]) -> String {
    let padded: Vec<_> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{:width$}", cell.as_ref()))
        .collect();
    padded.join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_is_as_wide_as_its_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned);
        let text = table(["A", "B"], &[row(["über", "x"]), row(["y", ""])]);
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows, ["über  x", "y"]);
    }
}
