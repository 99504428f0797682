//! What a terminal sees: one of the system's own, made by `script`.

use std::path::Path;
use std::process::{Command, Stdio};

use bacalhau_testkit::{Lab, command::binary, pattern};

const SCRIPT: &str = "/usr/bin/script";

/// What `line` writes to a terminal of the kind `term`; `None` where the machine has no `script`.
fn on_terminal(lab: &Lab, term: &str, line: &str) -> Option<String> {
    if !Path::new(SCRIPT).exists() {
        eprintln!("skipped: there is no {SCRIPT}");
        return None;
    }
    let own = lab.command(line);
    let command = format!("{} {line}", binary().display());
    let mut script = Command::new(SCRIPT);
    script.args(["-qec", &command, "/dev/null"]).env_clear().envs(own.get_envs().filter_map(|(k, v)| Some((k, v?))));
    script.env("TERM", term).current_dir(lab.path("")).stdin(Stdio::null());
    let end = script.output().unwrap();
    assert!(end.status.success(), "{end:?}");
    Some(String::from_utf8_lossy(&end.stdout).into_owned())
}

#[test]
fn a_dumb_terminal_gets_neither_colours_nor_movements() {
    let lab = Lab::new();
    for (term, obeys) in [("dumb", false), ("xterm", true)] {
        let line = format!("wasm run hello.wat --output-dir {term}");
        let Some(said) = on_terminal(&lab, term, &line) else { return };
        assert!(said.contains("3 of 3 independent runs agree"), "{said}");
        assert_eq!(said.contains('\x1b'), obeys, "{term}: {said:?}");
        assert!(obeys || !said.replace("\r\n", "").contains('\r'), "{term}: {said:?}");
        let Some(said) = on_terminal(&lab, term, "wasm run --help") else { return };
        assert_eq!(said.contains('\x1b'), obeys, "{term}: {said:?}");
    }
}

#[test]
fn a_bar_ends_at_its_end() {
    let lab = Lab::new();
    // Also where blocks are alike, of which an archive has one.
    lab.write("alike", vec![5; 3 << 20]);
    lab.write("large", pattern(3 << 20, 1));
    for (name, size) in [("alike", "256.59 KiB"), ("large", "3.00 MiB")] {
        let Some(said) = on_terminal(&lab, "xterm", &format!("piece {name}")) else { return };
        let full = format!("{size} of {size}");
        assert!(said.contains(&full), "{name}: {said:?}");
        // It stays there.
        let after = said.rsplit(&full).next().unwrap();
        assert!(!after.contains("\r\x1b[2K"), "{name}: {said:?}");
    }
}
