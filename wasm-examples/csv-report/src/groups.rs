//! Reads CSV files into groups of numbers.
//!
//! Every number is kept until the end, because a median needs all of them: memory grows with the inputs.

use crate::{options::Options, statistics::Sum};
use csv::{ErrorKind, Reader, StringRecord};
use guest::{InputFile, Problem, Result};
use std::{collections::BTreeMap, fs::File, io::BufReader};

/// The numbers of one value column in one group.
#[derive(Debug, Default, Clone)]
pub(crate) struct Numbers {
    pub(crate) present: Vec<f64>,
    pub(crate) missing: usize,
    pub(crate) sum: Sum,
}

/// For each group, in the order of its fields, the numbers of each value column.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    by_key: BTreeMap<Vec<String>, Vec<Numbers>>,
    /// Of each value column, over all groups.
    totals: Vec<Sum>,
    header: Option<StringRecord>,
    rows: usize,
}

/// Why a field cannot be counted.
#[derive(Debug)]
enum Trouble {
    NotANumber,
    /// The sum of these numbers would be more than a double can hold.
    Overflow(&'static str),
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

    /// The sum of a value column over all groups.
    pub(crate) fn total(&self, column: usize) -> Sum {
        self.totals.get(column).copied().unwrap_or_default()
    }

    /// Adds the rows of one file.
    pub(crate) fn read(&mut self, file: &InputFile, options: &Options) -> Result<()> {
        let mut reader = Reader::from_reader(file.open()?);
        let header = self.same_header(file, &mut reader)?;
        let group = indices(file, &header, &options.group)?;
        let value = indices(file, &header, &options.value)?;
        self.totals.resize(value.len(), Sum::default());
        for row in reader.records() {
            let row = row.map_err(|error| malformed(file, &error))?;
            let key = group.iter().map(|&index| row[index].to_owned()).collect();
            let numbers = self.by_key.entry(key).or_insert_with(|| vec![Numbers::default(); value.len()]);
            for ((numbers, total), &index) in numbers.iter_mut().zip(&mut self.totals).zip(&value) {
                let added = numbers.add(&row[index], total);
                added.map_err(|trouble| wrong(file, &row, &header[index], &row[index], &trouble))?;
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
    fn add(&mut self, field: &str, total: &mut Sum) -> std::result::Result<(), Trouble> {
        let field = field.trim();
        if field.is_empty() {
            self.missing += 1;
            return Ok(());
        }
        let number: f64 = field.parse().map_err(|_| Trouble::NotANumber)?;
        if !number.is_finite() {
            return Err(Trouble::NotANumber);
        }
        if !self.sum.add(number) {
            return Err(Trouble::Overflow("its group"));
        }
        if !total.add(number) {
            return Err(Trouble::Overflow("all groups"));
        }
        self.present.push(number);
        Ok(())
    }
}

fn indices(file: &InputFile, header: &StringRecord, names: &[String]) -> Result<Vec<usize>> {
    let index = |name: &String| {
        let mut found = header.iter().enumerate().filter(|(_, column)| column == name).map(|(index, _)| index);
        match (found.next(), found.next()) {
            (Some(index), None) => Ok(index),
            (Some(first), Some(second)) => Err(Problem::Input(format!(
                "{}, line 1: fields {} and {} of the header are both {name:?}; give each column a name of its own",
                file.name,
                first + 1,
                second + 1
            ))),
            (None, _) => {
                let columns = header.iter().collect::<Vec<_>>().join(", ");
                Err(Problem::Input(format!("{}: no column {name:?}; the columns are: {columns}", file.name)))
            }
        }
    };
    names.iter().map(index).collect()
}

fn wrong(file: &InputFile, row: &StringRecord, column: &str, field: &str, trouble: &Trouble) -> Problem {
    let line = row.position().map_or(0, csv::Position::line);
    let why = match trouble {
        Trouble::NotANumber => "which is not a finite number; mend it or leave it empty".to_owned(),
        Trouble::Overflow(of) => {
            format!("with which the sum of {of} is larger than a double can hold; are the units right?")
        }
    };
    Problem::Input(format!("{}, line {line}: column {column:?} holds {field:?}, {why}", file.name))
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
