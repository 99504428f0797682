//! Reads CSV files into groups of numbers.
//!
//! Every number is kept until the end, because a median needs all of them: memory grows with the inputs.

use crate::options::Options;
use csv::{ErrorKind, Reader, StringRecord};
use guest::{InputFile, Problem, Result};
use std::{collections::BTreeMap, fs::File, io::BufReader};

/// The numbers of one value column in one group.
#[derive(Debug, Default, Clone)]
pub(crate) struct Numbers {
    pub(crate) present: Vec<f64>,
    pub(crate) missing: usize,
}

/// For each group, in the order of its fields, the numbers of each value column.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    by_key: BTreeMap<Vec<String>, Vec<Numbers>>,
    header: Option<StringRecord>,
    rows: usize,
}

impl Groups {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Vec<String>, &Vec<Numbers>)> {
        self.by_key.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds the rows of one file.
    pub(crate) fn read(&mut self, file: &InputFile, options: &Options) -> Result<()> {
        let mut reader = Reader::from_reader(file.open()?);
        let header = self.same_header(file, &mut reader)?;
        let group = indices(file, &header, &options.group)?;
        let value = indices(file, &header, &options.value)?;
        for row in reader.records() {
            let row = row.map_err(|error| malformed(file, &error))?;
            let key = group.iter().map(|&index| row[index].to_owned()).collect();
            let numbers = self.by_key.entry(key).or_insert_with(|| vec![Numbers::default(); value.len()]);
            for (numbers, &index) in numbers.iter_mut().zip(&value) {
                numbers.add(&row[index]).map_err(|()| not_a_number(file, &row, &header[index], &row[index]))?;
            }
            self.rows += 1;
        }
        Ok(())
    }

    fn same_header(&mut self, file: &InputFile, reader: &mut Reader<BufReader<File>>) -> Result<StringRecord> {
        let header = reader.headers().map_err(|error| malformed(file, &error))?.clone();
        match &self.header {
            Some(first) if *first != header => Err(Problem::Input(format!(
                "{}: the header differs from that of the first file; report on files of one kind at a time",
                file.name
            ))),
            _ => Ok(self.header.insert(header).clone()),
        }
    }
}

impl Numbers {
    fn add(&mut self, field: &str) -> std::result::Result<(), ()> {
        let field = field.trim();
        if field.is_empty() {
            self.missing += 1;
            return Ok(());
        }
        let number: f64 = field.parse().map_err(|_| ())?;
        if !number.is_finite() {
            return Err(());
        }
        self.present.push(number);
        Ok(())
    }
}

fn indices(file: &InputFile, header: &StringRecord, names: &[String]) -> Result<Vec<usize>> {
    let index = |name: &String| {
        header.iter().position(|column| column == name).ok_or_else(|| {
            let columns = header.iter().collect::<Vec<_>>().join(", ");
            Problem::Input(format!("{}: no column {name:?}; the columns are: {columns}", file.name))
        })
    };
    names.iter().map(index).collect()
}

fn not_a_number(file: &InputFile, row: &StringRecord, column: &str, field: &str) -> Problem {
    let line = row.position().map_or(0, csv::Position::line);
    Problem::Input(format!(
        "{}, line {line}: column {column:?} holds {field:?}, which is not a finite number; mend it or leave it empty",
        file.name
    ))
}

fn malformed(file: &InputFile, error: &csv::Error) -> Problem {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        ErrorKind::Io(error) => Problem::reading(&file.path, error),
        ErrorKind::UnequalLengths { expected_len, len, .. } => Problem::Input(format!(
            "{}, line {line}: the header has {expected_len} fields and this row {len}; is a quote or a comma missing?",
            file.name
        )),
        ErrorKind::Utf8 { .. } => {
            Problem::Input(format!("{}, line {line}: not UTF-8; convert the file first", file.name))
        }
        _ => Problem::Input(format!("{}: {error}", file.name)),
    }
}
