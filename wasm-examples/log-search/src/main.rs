//! Prints the lines of every file below `/inputs` that match a regular expression, as `file:line: text`, and counts
//! the requests among them: `by-hour.csv` and `by-status.csv`.
//!
//! Requests are read from the common and the combined log format of nginx and Apache; other lines are searched too,
//! but not counted by hour and status. Classes such as `\w` and `\d` and the letters of `-i` are those of ASCII. No
//! match at all is a result like any other: the exit code is 0.

mod request;
mod summary;

use guest::{InputFile, Job, Problem, Result};
use lexopt::prelude::*;
use regex::bytes::{Regex, RegexBuilder};
use std::{
    io::{BufRead, Write},
    process::ExitCode,
};
use summary::Summary;

const USAGE: &str = "log-search [-i] PATTERN    (-i: upper and lower case are the same)";

fn main() -> ExitCode {
    guest::run(USAGE, search)
}

fn search(job: &Job, out: &mut dyn Write) -> Result<()> {
    let pattern = parse(job)?;
    let files = job.input_files()?;
    let mut summary = Summary::default();
    for file in &files {
        search_file(file, &pattern, &mut summary, out)?;
    }
    job.write_output("by-hour.csv", summary.by_hour_csv().as_bytes())?;
    job.write_output("by-status.csv", summary.by_status_csv().as_bytes())?;
    writeln!(out, "{} of {} lines match in {} files", summary.matches, summary.lines, files.len())?;
    writeln!(out, "{} of them are requests, counted in by-hour.csv and by-status.csv", summary.requests())?;
    Ok(())
}

fn search_file(file: &InputFile, pattern: &Regex, summary: &mut Summary, out: &mut dyn Write) -> Result<()> {
    for (index, line) in file.open()?.split(b'\n').enumerate() {
        let line = line.map_err(|error| Problem::reading(&file.path, &error))?;
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        summary.lines += 1;
        if pattern.is_match(line) {
            summary.add_match(line);
            write!(out, "{}:{}: ", file.name, index + 1)?;
            out.write_all(line)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

fn parse(job: &Job) -> Result<Regex> {
    let (mut pattern, mut any_case) = (None, false);
    let mut parser = job.parser();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('i') => any_case = true,
            Value(value) if pattern.is_none() => pattern = Some(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let pattern = pattern.ok_or_else(|| Problem::Usage("no pattern given".into()))?;
    RegexBuilder::new(&pattern)
        .unicode(false)
        .case_insensitive(any_case)
        .build()
        .map_err(|error| Problem::Usage(format!("the pattern {pattern:?} cannot be used: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LOG: &str = "\
192.0.2.1 - - [14/Mar/2022:06:25:24 +0000] \"GET /a HTTP/1.1\" 200 10 \"-\" \"Mozilla\"\r
192.0.2.2 - - [14/Mar/2022:07:00:00 +0000] \"GET /b HTTP/1.1\" 503 20 \"-\" \"curl\"
caf\u{e9} 503 is no request
192.0.2.3 - eve [14/Mar/2022:07:59:59 +0000] \"POST /C HTTP/1.1\" 503 - \"-\" \"curl\"";

    fn search_log(args: &[&str]) -> std::io::Result<(Result<()>, String, String)> {
        let root = tempfile::tempdir()?;
        let job = Job {
            inputs: root.path().join("in"),
            outputs: root.path().join("out"),
            args: args.iter().map(Into::into).collect(),
        };
        fs::create_dir(&job.inputs)?;
        fs::write(job.inputs.join("access.log"), LOG)?;
        let mut out = Vec::new();
        let outcome = search(&job, &mut out);
        let by_hour = fs::read_to_string(job.outputs.join("by-hour.csv")).unwrap_or_default();
        Ok((outcome, String::from_utf8_lossy(&out).into_owned(), by_hour))
    }

    #[test]
    fn matches_are_printed_with_their_place_and_counted_by_hour() -> std::io::Result<()> {
        let (outcome, out, by_hour) = search_log(&[r"\b503\b"])?;
        assert_eq!(outcome, Ok(()));
        assert!(out.starts_with("access.log:2: 192.0.2.2"), "{out}");
        assert!(out.contains("\naccess.log:3: caf\u{e9} 503"), "{out}");
        assert_eq!(by_hour, "hour,requests,bytes\n2022-03-14T07,2,20\n");
        Ok(())
    }

    #[test]
    fn case_is_ignored_only_on_demand() -> std::io::Result<()> {
        assert!(search_log(&["/c"])?.1.starts_with("0 of 4"));
        assert!(search_log(&["-i", "/c"])?.1.contains("1 of 4"));
        Ok(())
    }

    #[test]
    fn a_bad_pattern_is_bad_usage() -> std::io::Result<()> {
        for args in [&["("][..], &[], &["a", "b"]] {
            assert!(matches!(search_log(args)?.0, Err(Problem::Usage(_))), "{args:?}");
        }
        Ok(())
    }
}
