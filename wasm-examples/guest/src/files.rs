//! The input files of a job in one fixed order, and its output files.
//!
//! It follows no symbolic links and never looks outside of the two directories.

use crate::{Job, Problem, Result};
use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

/// One file below the inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Its path below the inputs with `/` between names: how reports call it.
    pub name: String,
    /// Where to open it.
    pub path: PathBuf,
}

impl InputFile {
    /// Opens the file for buffered reading.
    pub fn open(&self) -> Result<BufReader<File>> {
        File::open(&self.path).map(BufReader::new).map_err(|error| Problem::reading(&self.path, &error))
    }

    /// Whether the name ends with `.` and this extension, in any case of letters.
    pub fn has_extension(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|own| own.eq_ignore_ascii_case(extension))
    }
}

impl Job {
    /// Every file below the inputs in the order of their paths; at least one, or a problem that says how to mount some.
    pub fn input_files(&self) -> Result<Vec<InputFile>> {
        let mut paths = Vec::new();
        let mut directories = Vec::from_iter(self.inputs.is_dir().then(|| self.inputs.clone()));
        while let Some(directory) = directories.pop() {
            list(&directory, &mut directories, &mut paths)?;
        }
        paths.sort();
        if paths.is_empty() {
            return Err(self.nothing_found("files"));
        }
        Ok(paths.into_iter().map(|path| InputFile { name: name_below(&self.inputs, &path), path }).collect())
    }

    /// The input files with this extension; at least one, or a problem.
    pub fn input_files_with(&self, extension: &str) -> Result<Vec<InputFile>> {
        let mut files = self.input_files()?;
        files.retain(|file| file.has_extension(extension));
        if files.is_empty() {
            return Err(self.nothing_found(&format!("files named *.{extension}")));
        }
        Ok(files)
    }

    /// Writes one output file, making the directories it needs.
    pub fn write_output(&self, name: &str, content: &[u8]) -> Result<()> {
        let mut file = self.create_output(name)?;
        file.write_all(content)
            .and_then(|()| file.flush())
            .map_err(|error| Problem::writing(&self.outputs.join(name), &error))
    }

    /// Opens one output file for buffered writing, making the directories it needs.
    pub fn create_output(&self, name: &str) -> Result<BufWriter<File>> {
        let path = self.outputs.join(name);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| File::create(&path))
            .map(BufWriter::new)
            .map_err(|error| Problem::writing(&path, &error))
    }

    fn nothing_found(&self, what: &str) -> Problem {
        let inputs = self.inputs.display();
        Problem::Input(format!("no {what} below {inputs}; mount some with `-i SOURCE:{inputs}`"))
    }
}

fn list(directory: &Path, directories: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) -> Result<()> {
    let problem = |error| Problem::reading(directory, &error);
    for entry in fs::read_dir(directory).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        let kind = entry.file_type().map_err(problem)?;
        if kind.is_dir() {
            directories.push(entry.path());
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn name_below(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let names: Vec<_> = below.components().map(|name| name.as_os_str().to_string_lossy()).collect();
    names.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(root: &Path) -> Job {
        Job { inputs: root.join("inputs"), outputs: root.join("outputs"), args: Vec::new() }
    }

    #[test]
    fn lists_a_tree_in_the_order_of_paths() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let job = job(root.path());
        for name in ["b/2.TXT", "b/1.txt", "a.txt", "b-c/x.csv"] {
            let path = job.inputs.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&job.inputs))?;
            fs::write(path, name)?;
        }
        let names = |files: Vec<InputFile>| files.into_iter().map(|file| file.name).collect::<Vec<_>>();
        assert_eq!(
            job.input_files().map(names),
            Ok(["a.txt", "b/1.txt", "b/2.TXT", "b-c/x.csv"].map(str::to_owned).into())
        );
        assert_eq!(job.input_files_with("txt").map(names).map(|names| names.len()), Ok(3));
        Ok(())
    }

    #[test]
    fn no_inputs_is_a_problem_that_says_what_to_do() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let job = job(root.path());
        let is_helpful = || matches!(job.input_files(), Err(Problem::Input(message)) if message.contains("-i SOURCE:"));
        assert!(is_helpful());
        fs::create_dir(&job.inputs)?;
        assert!(is_helpful());
        Ok(())
    }

    #[test]
    fn outputs_make_their_directories() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let job = job(root.path());
        assert_eq!(job.write_output("deep/er/file", b"x"), Ok(()));
        assert_eq!(fs::read(job.outputs.join("deep/er/file"))?, b"x");
        Ok(())
    }
}
