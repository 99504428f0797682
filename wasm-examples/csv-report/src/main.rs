//! Groups the rows of every CSV file below `/inputs` and reports count, sum, mean, median, least and greatest value
//! of the chosen columns: `report.csv` for programs and `report.txt` for people.
//!
//! All files must have the same header. It does not guess types: a value that is not a number is an error with its
//! file and line, an empty one counts as missing.

mod groups;
mod options;
mod report;
mod statistics;

use groups::Groups;
use guest::{Job, Result};
use options::Options;
use std::{io::Write, process::ExitCode};

const USAGE: &str = "csv-report --group COLUMN[,COLUMN...] --value COLUMN[,COLUMN...] [--decimals N]";

fn main() -> ExitCode {
    guest::run(USAGE, make_report)
}

fn make_report(job: &Job, out: &mut dyn Write) -> Result<()> {
    let options = Options::parse(job.parser())?;
    let files = job.input_files_with("csv")?;
    let mut groups = Groups::default();
    for file in &files {
        groups.read(file, &options)?;
    }
    let table = report::table(&groups, &options);
    job.write_output("report.csv", report::as_csv(&table).as_bytes())?;
    job.write_output("report.txt", report::as_text(&table).as_bytes())?;
    let columns = options.group.join(", ");
    writeln!(out, "{} rows of {} files in {} groups by {columns}", groups.rows(), files.len(), groups.len())?;
    out.write_all(report::as_text(&report::totals(&groups, &options)).as_bytes())?;
    writeln!(out, "all groups: report.csv, report.txt")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use guest::Problem;
    use std::fs;

    fn report_of(csv: &str, args: &[&str]) -> std::io::Result<std::result::Result<String, Problem>> {
        let root = tempfile::tempdir()?;
        let job = Job {
            inputs: root.path().join("in"),
            outputs: root.path().join("out"),
            args: args.iter().map(Into::into).collect(),
        };
        fs::create_dir_all(&job.inputs)?;
        fs::write(job.inputs.join("orders.csv"), csv)?;
        match make_report(&job, &mut Vec::new()) {
            Ok(()) => fs::read_to_string(job.outputs.join("report.csv")).map(Ok),
            Err(problem) => Ok(Err(problem)),
        }
    }

    const BY_SHOP: [&str; 2] = ["--group=shop", "--value=price"];

    #[test]
    fn groups_are_sorted_and_every_statistic_is_there() -> std::io::Result<()> {
        let report = report_of("shop,price\nYork,4\n\"Leeds, Market\",1.5\nYork,1\nYork,\nYork,2\n", &BY_SHOP)?;
        let expected = "shop,column,rows,missing,sum,mean,median,min,max\n\
                        \"Leeds, Market\",price,1,0,1.50,1.50,1.50,1.50,1.50\n\
                        York,price,4,1,7.00,2.33,2.00,1.00,4.00\n";
        assert_eq!(report, Ok(expected.to_owned()));
        Ok(())
    }

    #[test]
    fn problems_name_the_file_the_line_and_the_column() -> std::io::Result<()> {
        for (csv, words) in [
            ("shop,price\nYork,4\nYork,four\n", ["orders.csv", "line 3", "price", "four"]),
            ("shop,price\nYork,inf\n", ["orders.csv", "line 2", "price", "inf"]),
            ("shop,cost\nYork,4\n", ["orders.csv", "no column", "price", "shop, cost"]),
            ("shop,price\nYork,4,5\n", ["orders.csv", "line 2", "2 fields", "3"]),
            ("shop,price\nYork,1e308\nYork,1\nYork,1e308\n", ["orders.csv", "line 4", "1e308", "the sum of its group"]),
            ("shop,price\nYork,1e308\nLeeds,1e308\n", ["orders.csv", "line 3", "1e308", "the sum of all groups"]),
            ("shop,price,x,price\nYork,1,2,3\n", ["orders.csv", "line 1", "fields 2 and 4", "both \"price\""]),
        ] {
            let Err(Problem::Input(message)) = report_of(csv, &BY_SHOP)? else {
                panic!("{csv:?} must be refused as an input");
            };
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
        Ok(())
    }
}
