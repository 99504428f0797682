//! Counts the words of every file below `/inputs`: `words.csv` (the whole tree) and `files.csv` (each file).
//!
//! A word is a run of letters and digits of any script, with apostrophes inside, in lower case. There is no stemming
//! and no list of stop words. Bytes that are not UTF-8 part words and are otherwise ignored.

mod count;

use count::{Counts, FileTotals};
use guest::{Job, Problem, Result, text::csv_field};
use lexopt::prelude::*;
use std::{
    io::{BufRead, Write},
    process::ExitCode,
};

const USAGE: &str = "word-count [--top N]    (N: how many words to print; 10 if not given)";

fn main() -> ExitCode {
    guest::run(USAGE, count_words)
}

fn count_words(job: &Job, out: &mut dyn Write) -> Result<()> {
    let top = parse(job)?;
    let mut counts = Counts::default();
    let files = job.input_files()?;
    let mut files_csv = String::from("file,lines,words,distinct_words\n");
    for file in &files {
        let mut totals = FileTotals::default();
        for line in file.open()?.split(b'\n') {
            let line = line.map_err(|error| Problem::reading(&file.path, &error))?;
            totals.add_line(&line);
        }
        counts.add_file(&totals);
        let (words, distinct) = (totals.word_count(), totals.words.len());
        files_csv.push_str(&format!("{},{},{words},{distinct}\n", csv_field(&file.name), totals.lines));
    }
    job.write_output("words.csv", words_csv(&counts).as_bytes())?;
    job.write_output("files.csv", files_csv.as_bytes())?;
    summarise(&counts, files.len(), top, out)
}

fn parse(job: &Job) -> Result<usize> {
    let mut top = 10;
    let mut parser = job.parser();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("top") => top = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(top)
}

fn words_csv(counts: &Counts) -> String {
    let mut csv = String::from("word,count,files\n");
    for (word, tally) in counts.by_frequency() {
        csv.push_str(&format!("{word},{},{}\n", tally.count, tally.files));
    }
    csv
}

fn summarise(counts: &Counts, files: usize, top: usize, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{} words, {} distinct, in {files} files", counts.total(), counts.distinct())?;
    for (word, tally) in counts.by_frequency().into_iter().take(top) {
        writeln!(out, "{:>8}  {word}", tally.count)?;
    }
    writeln!(out, "all words: words.csv; totals of each file: files.csv")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_tree_is_counted_as_a_whole_and_by_file() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let job =
            Job { inputs: root.path().join("in"), outputs: root.path().join("out"), args: vec!["--top=1".into()] };
        fs::create_dir_all(job.inputs.join("deep"))?;
        fs::write(job.inputs.join("a.txt"), "To be, or not\nto be")?;
        fs::write(job.inputs.join("deep/b.txt"), "be!\n")?;
        let mut out = Vec::new();
        assert_eq!(count_words(&job, &mut out), Ok(()));
        assert_eq!(
            fs::read_to_string(job.outputs.join("words.csv"))?,
            "word,count,files\nbe,3,2\nto,2,1\nnot,1,1\nor,1,1\n"
        );
        assert_eq!(
            fs::read_to_string(job.outputs.join("files.csv"))?,
            "file,lines,words,distinct_words\na.txt,2,6,4\ndeep/b.txt,1,1,1\n"
        );
        assert!(out.starts_with(b"7 words, 4 distinct, in 2 files\n       3  be\nall"));
        Ok(())
    }
}
