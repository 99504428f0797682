//! Lays the groups out as a table, and a table as CSV or as aligned text.
//!
//! Numbers are rounded here and only here.

use crate::{
    groups::{Groups, Numbers},
    options::Options,
    statistics::Statistics,
};
use guest::text::csv_field;

/// Rows of fields; the first is the header.
pub(crate) type Table = Vec<Vec<String>>;

const COLUMNS: [&str; 8] = ["column", "rows", "missing", "sum", "mean", "median", "min", "max"];

/// One row for each group and value column.
pub(crate) fn table(groups: &Groups, options: &Options) -> Table {
    let mut table = vec![header(&options.group)];
    for (key, columns) in groups.iter() {
        for (column, numbers) in options.value.iter().zip(columns) {
            let mut row = key.clone();
            row.extend(statistics_row(column, numbers, options.decimals));
            table.push(row);
        }
    }
    table
}

/// One row for each value column over all groups.
pub(crate) fn totals(groups: &Groups, options: &Options) -> Table {
    let mut table = vec![header(&[])];
    for (index, column) in options.value.iter().enumerate() {
        let mut all = Numbers::default();
        for (_, columns) in groups.iter() {
            all.present.extend(&columns[index].present);
            all.missing += columns[index].missing;
        }
        all.sum = groups.total(index);
        table.push(statistics_row(column, &all, options.decimals));
    }
    table
}

pub(crate) fn as_csv(table: &Table) -> String {
    let line = |row: &Vec<String>| row.iter().map(|field| csv_field(field)).collect::<Vec<_>>().join(",") + "\n";
    table.iter().map(line).collect()
}

/// Columns as wide as their widest field; numbers stand to the right.
pub(crate) fn as_text(table: &Table) -> String {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    let first_number = columns.saturating_sub(COLUMNS.len() - 1);
    let mut text = String::new();
    for row in table {
        let fields = row.iter().zip(&widths).enumerate().map(|(column, (field, &width))| {
            if column < first_number { format!("{field:<width$}") } else { format!("{field:>width$}") }
        });
        text.push_str(fields.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn header(group: &[String]) -> Vec<String> {
    group.iter().cloned().chain(COLUMNS.map(str::to_owned)).collect()
}

fn statistics_row(column: &str, numbers: &Numbers, decimals: usize) -> Vec<String> {
    let rows = numbers.present.len() + numbers.missing;
    let mut row = vec![column.to_owned(), rows.to_string(), numbers.missing.to_string()];
    match Statistics::of(&numbers.present, numbers.sum) {
        Some(statistics) => row.extend(statistics.values().map(|value| format!("{value:.decimals$}"))),
        None => row.extend([const { String::new() }; 5]),
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_aligned_and_a_column_of_nothing_stays_empty() {
        let table = vec![header(&[]), statistics_row("price", &Numbers { missing: 12, ..Numbers::default() }, 2)];
        assert_eq!(as_text(&table), "column  rows  missing  sum  mean  median  min  max\nprice     12       12\n");
    }
}
