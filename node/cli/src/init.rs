//! `bacalhau serve --init`: writes a commented configuration file from flags and answers, and checks it.

use std::fs::OpenOptions;
use std::io::{self, BufRead, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bacalhau_runtime::HostFailure;

use super::doctor::Diagnosis;
use super::exit::{Exit, Failure};
use super::output::{self, Format};
use super::serve::ListenArgs;
use super::settings::Settings;
use bacalhau_service::config::{Layers, default_data_dir, default_file_path, file_of_flags};

/// Maximum bytes of an answer.
const MAX_ANSWER_BYTES: u64 = 4096;

/// A question: the key that it sets, its text, and the default answer.
struct Question {
    key: &'static str,
    text: &'static str,
    default: String,
}

/// Writes the file and prints the findings about it.
///
/// # Errors
/// When the file exists or cannot be written, or a value is invalid.
pub(super) fn run(file: Option<&Path>, mut settings: Settings, listen: &ListenArgs) -> Result<Exit, Failure> {
    if listen.is_given() {
        return Err(Failure::usage(
            "--host, --api-port and --swarm-port are not written to a file: set api.listen and swarm.listen in it",
        ));
    }
    let path = match file {
        Some(path) => path.to_path_buf(),
        None => default_file_path()
            .ok_or_else(|| Failure::usage("there is no home directory: name a file, as in --init config.toml"))?,
    };
    if path.exists() {
        let shown = path.display();
        let why = format!(
            "{shown} exists and is not replaced: name another file, or check it with bacalhau doctor --config {shown}"
        );
        return Err(Failure::usage(why));
    }
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        ask(&mut settings, &mut io::stdin().lock(), &mut io::stderr())?;
    }
    let mut layers = Layers::default();
    settings.lay_over(&mut layers)?;
    let config = layers.config()?;
    write(&path, &file_of_flags(&layers))?;
    let diagnosis = Diagnosis::of(&config);
    output::line(&format!("wrote {}", path.display()))?;
    output::print(Format::default(), &diagnosis)?;
    let shown = path.display();
    output::line(&match diagnosis.exit() {
        Exit::Success => format!("\nstart the node with: bacalhau serve --config {shown}"),
        _ => format!("\nmend the problems, then repeat the checks with: bacalhau doctor --config {shown}"),
    })?;
    Ok(diagnosis.exit())
}

fn questions() -> [Question; 5] {
    let data_dir = default_data_dir().map(|dir| dir.display().to_string()).unwrap_or_default();
    let question = |key, text, default: &str| Question { key, text, default: default.into() };
    [
        question("node.data_dir", "Data directory of the node", &data_dir),
        question(
            "storage.filecoin_unsealed_path",
            "Path template of unsealed data, as in /var/lib/data/{{.Cid}}; empty for none",
            "",
        ),
        question("compute.total_cpu", "Cores for jobs; empty for all", ""),
        question("compute.total_memory", "Memory for jobs, as in 32GiB; empty for all", ""),
        question("swarm.peers", "Nodes to connect to, /ip4/…/tcp/…/p2p/ID, separated by commas; empty for none", ""),
    ]
}

/// Asks for the values that no flag sets. An answer that is not valid is asked for again.
fn ask(settings: &mut Settings, input: &mut impl BufRead, output: &mut impl Write) -> Result<(), Failure> {
    let failed = |error| Failure::from(HostFailure::io("ask on the terminal", error));
    for question in questions().into_iter().filter(|question| !settings.sets(question.key)).collect::<Vec<_>>() {
        loop {
            let default = if question.default.is_empty() { String::new() } else { format!(" [{}]", question.default) };
            write!(output, "{}{default}: ", question.text).and_then(|()| output.flush()).map_err(failed)?;
            let mut answer = String::new();
            if io::Read::take(&mut *input, MAX_ANSWER_BYTES).read_line(&mut answer).map_err(failed)? == 0 {
                return Err(Failure::usage("standard input ended before all questions were answered"));
            }
            let answer = Some(answer.trim()).filter(|answer| !answer.is_empty()).unwrap_or(&question.default);
            if answer.is_empty() {
                break;
            }
            let mut tried = settings.clone();
            tried.answer(question.key, answer)?;
            let mut layers = Layers::default();
            match tried.lay_over(&mut layers).and_then(|()| Ok(layers.config()?)) {
                Ok(_) => {
                    *settings = tried;
                    break;
                }
                Err(failure) => writeln!(output, "{failure}").map_err(failed)?,
            }
        }
    }
    Ok(())
}

/// Only the owner may read it: it may have secrets.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::from(HostFailure::at("write", path, error)).without_result();
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(settings: &mut Settings, answers: &str) -> (Result<(), Failure>, String) {
        let mut said = Vec::new();
        let done = ask(settings, &mut answers.as_bytes(), &mut said);
        (done, String::from_utf8(said).unwrap())
    }

    #[test]
    fn five_questions_make_a_file_that_is_read_as_it_was_answered() {
        let mut settings = Settings::default();
        let (done, said) = asked(&mut settings, "/srv/b\n/var/{{.Cid}}\nmany\n4\n\n\n");
        done.unwrap();
        assert!(said.contains("compute.total_cpu") || said.contains("--limit-total-cpu"), "{said}");
        assert_eq!(said.matches("Cores for jobs").count(), 2, "a wrong answer is asked for again: {said}");
        let mut layers = Layers::default();
        settings.lay_over(&mut layers).unwrap();
        let file = file_of_flags(&layers);
        assert!(file.contains("\ndata_dir = \"/srv/b\"\n") && file.contains("\n# total_memory = "), "{file}");
        let mut read = Layers::default();
        read.text(Path::new("config.toml"), &file).unwrap();
        assert_eq!(read.config().unwrap(), layers.config().unwrap());
    }

    #[test]
    fn what_a_flag_sets_is_not_asked_for_and_an_end_is_an_error() {
        let mut settings = Settings::default();
        settings.answer("swarm.peers", "none").unwrap();
        let (done, said) = asked(&mut settings, "/srv/b\n\n\n");
        assert!(done.unwrap_err().message.contains("standard input ended"), "{said}");
        assert!(!said.contains("Nodes to connect to"), "{said}");
    }
}
