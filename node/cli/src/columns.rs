//! Aligned columns for lists.

/// Rows with aligned cells.
#[derive(Debug, Default)]
pub(super) struct Columns {
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// Adds a row. Cells may contain colour sequences.
    pub(super) fn add<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The rows, with two spaces between cells and no trailing spaces.
    pub(super) fn into_text(self) -> String {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let widths: Vec<usize> =
            (0..count).map(|column| cells(column).map(|cell| width(cell)).max().unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, most) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', most - width(cell) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// The width of a cell without colour sequences.
fn width(cell: &str) -> usize {
    let mut painting = false;
    let shown = cell.chars().filter(|c| {
        let was = painting;
        painting = if was { *c != 'm' } else { *c == '\x1b' };
        !was && !painting
    });
    shown.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_one_below_the_other_whatever_their_colour() {
        let mut columns = Columns::default();
        columns.add(["a".into(), "long".into(), "x".into()]);
        columns.add(["\x1b[32mbcd\x1b[0m".into(), String::new(), "y".into()]);
        columns.add(["e".into(), "f".into(), String::new()]);
        assert_eq!(columns.into_text(), "a    long  x\n\x1b[32mbcd\x1b[0m        y\ne    f\n");
        assert_eq!(Columns::default().into_text(), "");
    }
}
