//! The pages of `docs/src/reference`, generated from the code: flags, configuration, metrics, API and exit codes. Tests
//! compare them with the files; `BLESS=1` writes the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use serde_json::Value;

use super::Cli;
use super::exit::Exit;
use bacalhau_api::openapi;
use bacalhau_metrics::{NAMES, with_values};
use bacalhau_service::config::{Arity, KEYS, SECTIONS, kind};

/// Line width of a help text.
const WIDTH: usize = 110;

fn compare(page: &str, text: &str) {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|dir| dir.join("docs/book.toml").is_file());
    let path = top.unwrap().join("docs/src/reference").join(page);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{} differs from the code: write it with BLESS=1 and review git diff", path.display());
}

/// A text as a table cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Hides environment values and the terminal width.
fn plain(command: Command) -> Command {
    let command = command.term_width(WIDTH).mut_args(|arg| arg.hide_env_values(true));
    command.mut_subcommands(plain)
}

/// All commands without subcommands, with their words.
fn leaves(words: &str, command: &mut Command, found: &mut Vec<(String, String, String)>) {
    if !command.has_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        found.push((words.into(), about, command.render_long_help().to_string()));
        return;
    }
    for part in command.get_subcommands_mut().filter(|part| !part.is_hide_set() && part.get_name() != "help") {
        leaves(&format!("{words} {}", part.get_name()), part, found);
    }
}

#[test]
fn the_reference_has_every_flag() {
    let mut command = plain(Cli::command());
    command.build();
    let mut found = Vec::new();
    leaves("bacalhau", &mut command, &mut found);
    let mut page = String::from(
        "# Command line\n\nThe output of `--help` of every command, in a build with the feature `docker`.\n\n| command | does |\n|---|---|\n",
    );
    for (words, about, _) in &found {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| [`{words}`](#{}) | {} |", words.replace(' ', "-"), cell(about));
    }
    for (words, _, help) in &found {
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(page, "\n## {words}\n\n```text\n{}\n```\n", lines.join("\n").trim());
    }
    compare("flags.md", &page);
}

#[test]
fn the_reference_has_every_key() {
    let mut page = String::from(
        "# Configuration\n\nPrecedence: flag, then environment, then file; a later file overrides an earlier one. `bacalhau config default` prints\n\
         all of this as a file, `bacalhau config show --origin` the effective values and their sources. Every key has an environment\n\
         variable `BACALHAU_SECTION_KEY`; some have others too, named here. Set keys without a flag in a file or by their variable; the\n\
         flags that earlier versions had for them are still accepted.\n\n\
         A size in kB, MB, GB or TB counts in powers of 1000; one in KiB, MiB, GiB, TiB, or with a letter alone (64m), of 1024.\n",
    );
    for (section, about) in SECTIONS {
        let _ = write!(
            page,
            "\n## {section}\n\n{}\n\n| key | type | default | flag of `serve` | purpose |\n|---|---|---|---|---|\n",
            cell(&about.concat())
        );
        for key in KEYS.iter().filter(|key| key.section == *section) {
            let code = |text: &str| if text.is_empty() { "–".into() } else { format!("`{text}`") };
            let flag = key.flag.filter(|_| !key.hidden).map_or_else(|| "–".into(), |flag| format!("`--{flag}`"));
            let also: Vec<String> = key.also.iter().map(|name| format!("`{name}`")).collect();
            let also = if also.is_empty() { String::new() } else { format!(" Also {}.", also.join(", ")) };
            let default = if key.arity == Arity::Many { key.default.replace(',', "`, `") } else { key.default.into() };
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {flag} | {}{also} |",
                key.name,
                cell(&kind(key)),
                code(&default),
                cell(&key.summary())
            );
        }
    }
    compare("configuration.md", &page);
}

#[test]
fn the_reference_has_every_metric() {
    let text = with_values().text();
    let mut page = String::from(
        "# Metrics\n\n`GET /metrics` answers in the OpenMetrics format.\n\n| metric | type | labels | counts |\n|---|---|---|---|\n",
    );
    for (name, help) in NAMES {
        let kind =
            text.lines().find_map(|line| line.strip_prefix("# TYPE ")?.strip_prefix(name)?.strip_prefix(' ')).unwrap();
        let exposed = if kind == "counter" { format!("{name}_total") } else { name.into() };
        let labels: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix(&exposed)?.strip_prefix('{')?.split_once('}'))
            .flat_map(|(labels, _)| labels.split(',').filter_map(|label| label.split_once('=')))
            .map(|(label, _)| format!("`{label}`"))
            .collect();
        let labels: Vec<String> = labels.into_iter().collect();
        let _ = writeln!(page, "| `{exposed}` | {kind} | {} | {} |", labels.join(", "), cell(help));
    }
    compare("metrics.md", &page);
}

#[test]
fn the_reference_has_every_route() {
    let document: Value = serde_json::from_str(openapi()).unwrap();
    let text = |value: &Value| value.as_str().map(cell).unwrap_or_default();
    let mut by_tag: BTreeMap<String, Vec<(String, &Value)>> = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, route) in methods.as_object().unwrap() {
            let routes = by_tag.entry(text(&route["tags"][0])).or_default();
            routes.push((format!("{} {path}", method.to_uppercase()), route));
        }
    }
    let about = document["info"]["description"].as_str().unwrap();
    let mut page = format!(
        "# API\n\n{about}\n\nA node serves the full description, with all types, at `/api/v1/openapi.json`; the same file is\n\
         [openapi.json](../../../node/api/src/openapi.json).\n"
    );
    for tag in document["tags"].as_array().unwrap() {
        let _ = write!(page, "\n## {}\n\n{}.\n", text(&tag["name"]), text(&tag["description"]));
        for (title, route) in by_tag.get(&text(&tag["name"])).into_iter().flatten() {
            let _ = write!(page, "\n### `{title}`\n\n{}.", text(&route["summary"]));
            if let Some(more) = route["description"].as_str() {
                let _ = write!(page, " {}", cell(more));
            }
            page.push('\n');
            let Some(parameters) = route["parameters"].as_array() else { continue };
            page.push_str("\n| parameter | in | meaning |\n|---|---|---|\n");
            for parameter in parameters {
                let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
                let _ = writeln!(page, "| `{name}` | {place} | {} |", text(&parameter["description"]));
            }
        }
    }
    compare("api.md", &page);
}

#[test]
fn the_reference_has_every_exit_code() {
    let mut page = String::from(
        "# Exit codes\n\nOf every command. A code never changes its meaning. A job that ends on a server gives the same code as a job in\n\
         the process of the command.\n\n| code | meaning |\n|---|---|\n",
    );
    for exit in Exit::ALL {
        let _ = writeln!(page, "| {} | {} |", exit as u8, cell(exit.meaning()));
    }
    compare("exit-codes.md", &page);
}
