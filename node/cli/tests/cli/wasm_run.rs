//! `bacalhau wasm run`: outcomes, verdicts, the output directory, the summary in its three forms.

use std::fs;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use bacalhau_testkit::{
    End, Lab,
    guests::{CAT, HELLO},
};

#[test]
fn three_runs_agree_and_the_summary_says_so() {
    let lab = Lab::new();
    let end = lab.expect(0, "wasm run hello.wat --output-dir out");
    for words in [
        "outcome    exit 0\n",
        "verdict    verified: 3 of 3 independent runs agree (the largest group of equal results wins)\n",
        "h1         h1:",
        " of 2,000,000,000,000 (less than 0.01 %)\n",
        "profile    v1 (bafyrei",
        "module     bafkrei",
        "results    out/results  (3 files, 7 bytes)\n",
        "receipt    out/receipt.json  (check it with: bacalhau verify out/receipt.json)\n",
        "\nstdout:\n  hello\n",
    ] {
        assert!(end.stdout.contains(words), "{words}\n{}", end.stdout);
    }
    assert!(!end.stdout.contains('\x1b') && !end.stderr.contains('\x1b'), "no colours without a terminal");
    assert_eq!(lab.list("out"), ["receipt.cbor", "receipt.json", "results"]);
    assert_eq!(lab.read("out/results/stdout"), "hello\n");
    assert_eq!(lab.read("out/results/exitCode"), "0");
    let h1 = lab.json("out/receipt.json")["claim"]["h1"].as_str().unwrap().to_owned();
    assert_eq!(lab.expect(0, "hash out/results").stdout, format!("{h1}\n"));
}

#[test]
fn flags_stand_anywhere_and_the_guests_come_after_two_dashes() {
    let lab = Lab::new();
    lab.write("in.txt", "from stdin");
    lab.expect(0, "wasm run echo.wat one -e A=1 two --output-dir out --stdin /inputs/in.txt -i in.txt -- -c --flag x");
    let said = lab.read("out/results/stdout");
    assert_eq!(said, "main.wasm\0one\0two\0-c\0--flag\0x\0A=1\0from stdin");
    lab.expect(0, "wasm run -e A=1 --output-dir out echo.wat -i in.txt one two --stdin /inputs/in.txt -- -c --flag x");
    assert_eq!(lab.read("out/results/stdout"), said);
}

/// Runs what must succeed, with `input` in a pipe at standard input.
fn run_with_stdin(lab: &Lab, line: &str, input: &[u8]) -> End {
    let mut command = lab.command(line);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The pipe holds as much without anybody to read it.
    child.stdin.take().unwrap().write_all(input).unwrap();
    let end = End::from(child.wait_with_output().unwrap());
    assert_eq!(end.code, 0, "{line}\n{}\n{}", end.stdout, end.stderr);
    end
}

#[test]
fn standard_input_becomes_an_input_of_the_job_with_a_dash() {
    let lab = Lab::new();
    run_with_stdin(&lab, "wasm run cat.wat --stdin - --output-dir out", b"from a pipe");
    assert_eq!(lab.read("out/results/stdout"), "from a pipe");
    let job = &lab.json("out/receipt.json")["claim"]["job"];
    assert_eq!(job["stdin"], "/stdin");
    assert!(job["inputs"]["/stdin"].as_str().unwrap().starts_with("bafkrei"), "{job}");
    lab.expect(0, "verify out/receipt.json");
    let end = lab.expect(2, "wasm run cat.wat --stdin - -i out:/stdin");
    assert!(end.stderr.contains("two inputs at /stdin"), "{}", end.stderr);
}

#[test]
fn a_pipe_that_the_program_does_not_see_is_warned_about() {
    let lab = Lab::new();
    let warns = |line: &str, input: &[u8]| run_with_stdin(&lab, line, input).stderr.contains("--stdin -");
    assert!(warns("wasm run cat.wat --output-dir out -c 1", b"unseen"));
    assert!(!warns("wasm run cat.wat --output-dir out -c 1", b""));
    assert!(!warns("wasm run cat.wat --output-dir out -c 1 -q", b"unseen"));
    assert!(!warns("wasm run cat.wat --output-dir out -c 1 --stdin -", b"seen"));
}

/// Makes `/result.txt` and `/outputs/kept`.
const WRITES_OUTSIDE: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "result.txtoutputs/kept")
  (func $make (param $at i32) (param $length i32)
    (drop (call $open (i32.const 3) (i32.const 0) (local.get $at) (local.get $length) (i32.const 1) (i64.const 64)
      (i64.const 0) (i32.const 0) (i32.const 8))))
  (func (export "_start") (call $make (i32.const 16) (i32.const 10)) (call $make (i32.const 26) (i32.const 12))))"#;

#[test]
fn files_outside_of_the_outputs_are_named() {
    let lab = Lab::new();
    lab.write("writes.wat", WRITES_OUTSIDE);
    let end = lab.expect(0, "wasm run writes.wat --output-dir out");
    let note = "note       1 file outside of /outputs was not kept: \"/result.txt\"; a directory is kept if -o NAME:PATH \
        names it\n";
    assert!(end.stdout.contains(note), "{}", end.stdout);
    assert_eq!(lab.list("out/results/outputs"), ["kept"]);
    let report = lab.expect_json(0, "wasm run writes.wat --output-dir out --output json");
    assert_eq!(report["notes"].as_array().unwrap().len(), 1, "{report}");
    assert!(!report["claim"].to_string().contains("result.txt"), "{report}");
}

#[test]
fn every_part_of_a_job_reaches_the_receipt() {
    let lab = Lab::new();
    lab.write("data/a.txt", "a");
    let report = lab.expect_json(
        0,
        "wasm run echo.wat -i data:/in/ -o report:/r -e K=V=W --seed 7 --epoch 99 --fuel 1_000_000 --memory 64m \
         --stack 64k --output-bytes 1k --output-files 9 --path-depth 8 --log-bytes 2k --open-files 10 \
         --table-elements 11 --module-size 1MiB --output json -q -- x",
    );
    let job = &report["claim"]["job"];
    assert_eq!(job["args"], json!(["x"]));
    assert_eq!(job["env"], json!({"K": "V=W"}));
    assert_eq!(job["outputs"], json!({"report": "/r"}));
    assert_eq!((&job["seed"], &job["epoch_seconds"]), (&json!(7), &json!(99)));
    let limits = json!({
        "fuel": 1_000_000, "memory_bytes": 64 << 20, "table_elements": 11, "stack_bytes": 64 << 10,
        "output_bytes": 1024, "output_files": 9, "path_depth": 8, "log_bytes": 2048, "open_files": 10,
        "module_bytes": 1 << 20,
    });
    assert_eq!(job["limits"], limits);
    let plain = lab.expect(0, "hash data --prefix=").stdout;
    assert_eq!(job["inputs"]["/in"], plain.trim());
    assert_eq!(report["unclaimed"]["input_sources"]["/in"], lab.path("data").to_str().unwrap());
    assert_eq!(report["unclaimed"]["module_source"], lab.path("echo.wat").to_str().unwrap());
}

#[test]
fn the_program_s_own_failure_is_a_result() {
    let lab = Lab::new();
    let table = [
        ("fail", "outcome    exit 7\n", "7"),
        ("trap", "outcome    trap: unreachable", "134"),
        ("loop", "outcome    limit: out of fuel (raise it with --fuel)\n", "152"),
    ];
    for (entry, words, code) in table {
        let end = lab.expect(10, &format!("wasm run hello.wat --entry-point {entry} --fuel 5000 --output-dir out"));
        assert!(end.stdout.contains(words), "{}", end.stdout);
        assert!(end.stdout.contains("verified: 3 of 3"));
        assert!(end.stdout.contains(" of 5,000 ("), "fuel, whatever the outcome: {}", end.stdout);
        assert_eq!(lab.read("out/results/exitCode"), code);
    }
    let end = lab.expect(10, "wasm run hello.wat --entry-point fail --output-dir out");
    assert!(end.stdout.ends_with("\nstderr:\n  hello\n"), "{}", end.stdout);
}

#[test]
fn one_run_is_not_verified() {
    let lab = Lab::new();
    for (flags, words) in [
        ("-c 1", "not verified: a single run cannot be verified"),
        ("--verifier noop", "not verified: the noop verifier compares nothing"),
        ("--verifier noop --concurrency 2", "not verified: the noop verifier compares nothing"),
    ] {
        let end = lab.expect(0, &format!("wasm run hello.wat {flags} --output-dir out"));
        assert!(end.stdout.contains(words), "{}", end.stdout);
        assert_eq!(lab.read("out/results/stdout"), "hello\n");
    }
    let report = lab.expect_json(0, "wasm run hello.wat -c 5 --confidence 5 --output json --output-dir out");
    assert_eq!(report["verdict"]["groups"][0]["executions"], json!([1, 2, 3, 4, 5]));
}

#[test]
fn json_and_yaml_have_the_same_documented_keys() {
    let lab = Lab::new();
    let report = lab.expect_json(0, "wasm run hello.wat --output json --output-dir out");
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    let expected = [
        "claim",
        "executions",
        "explanation",
        "findings",
        "job",
        "notes",
        "output_dir",
        "receipt",
        "results_dir",
        "unclaimed",
        "verdict",
        "verified",
    ];
    assert!(keys.len() == expected.len() && expected.iter().all(|key| report.get(key).is_some()), "{keys:?}");
    assert_eq!(report["verified"], true);
    assert_eq!(report["verdict"]["rule"], "largest-group");
    assert_eq!(report["claim"]["outcome"], json!({"exit": 0}));
    assert_eq!(report["executions"][2]["number"], 3);
    assert_eq!(report["executions"][2]["h1"], report["claim"]["h1"]);
    assert_eq!((&report["output_dir"], &report["receipt"]), (&json!("out"), &json!("out/receipt.json")));
    assert_eq!(report["claim"], lab.json("out/receipt.json")["claim"]);
    let yaml = lab.expect(0, "wasm run hello.wat --output yaml --output-dir out").stdout;
    let yaml: Value = serde_yaml_ng::from_str(&yaml).unwrap();
    assert_eq!(yaml["claim"], report["claim"]);
    assert_eq!(yaml["verdict"], report["verdict"]);
}

#[test]
fn the_default_directory_is_named_after_the_job() {
    let lab = Lab::new();
    let name = |lab: &Lab| {
        let names = lab.list(".");
        names.into_iter().filter(|name| name.starts_with("bacalhau-")).collect::<Vec<_>>()
    };
    lab.expect(0, "wasm run hello.wat");
    let [first] = &name(&lab)[..] else { panic!("{:?}", lab.list(".")) };
    let job = lab.json(&format!("{first}/receipt.json"))["claim"]["job_cid"].as_str().unwrap().to_owned();
    assert_eq!(*first, format!("bacalhau-{}", &job[7..23]));
    lab.expect(0, "wasm run hello.wat");
    assert_eq!(name(&lab), std::slice::from_ref(first), "the same job replaces its results");
    lab.write(&format!("{first}/mine.txt"), "");
    lab.expect(0, "wasm run hello.wat");
    assert_eq!(name(&lab), [first.clone(), format!("{first}-2")], "what is not ours stays");
    lab.expect(0, "wasm run hello.wat --seed 1");
    assert_eq!(name(&lab).len(), 3, "another job, another name");
}

#[test]
fn results_are_replaced_as_a_whole_or_not_at_all() {
    let lab = Lab::new();
    fs::create_dir(lab.path("out")).unwrap();
    lab.expect(0, "wasm run hello.wat --output-dir out");
    fs::create_dir(lab.path("out/results/outputs/stale")).unwrap();
    lab.expect(0, "wasm run hello.wat --output-dir out");
    assert!(!lab.path("out/results/outputs/stale").exists());
    let before = lab.read("out/receipt.json");
    lab.expect(3, "wasm run hello.wat --output-dir out --entry-point nothing");
    lab.expect(4, "wasm run hello.wat --output-dir out --entry-point loop --fuel 9000000000000000 --timeout 0.05");
    assert_eq!(lab.read("out/receipt.json"), before);
    assert_eq!(lab.new_names(), ["out"], "no staging directory is left");
    lab.expect(0, "wasm run hello.wat --output-dir new/deep/out");
    assert_eq!(lab.list("new/deep"), ["out"]);
}

#[test]
fn refusals_name_the_item_and_nothing_runs() {
    let lab = Lab::new();
    lab.write("text.wasm", "just a text");
    lab.write("import.wat", r#"(module (import "env" "socket" (func)) (func (export "_start")))"#);
    let table = [
        ("wasm run hello.wat --entry-point nothing", "nothing"),
        ("wasm run text.wasm", "error: "),
        ("wasm run import.wat", "socket"),
        ("wasm run hello.wat --module-size 10", "--module-size"),
        ("wasm run hello.wat -i echo.wat:/outputs/x", "overlap"),
        ("wasm run hello.wat -o stdout:/x", "is not usable"),
    ];
    for (line, words) in table {
        let end = lab.expect(3, line);
        assert!(end.stderr.contains(words), "{line}: {}", end.stderr);
        assert_eq!(end.stderr.matches("error: ").count(), 1, "said once as the end of it: {}", end.stderr);
        assert!(end.stdout.is_empty());
    }
}

#[test]
fn the_watchdog_is_a_failure_of_the_host() {
    let lab = Lab::new();
    let end = lab.expect(4, "wasm run hello.wat --entry-point loop --fuel 9000000000000000 --timeout 0.05");
    assert!(end.stderr.contains("error: ") && end.stderr.contains("--timeout"), "{}", end.stderr);
    assert!(end.stdout.is_empty());
}

#[test]
fn what_the_program_says_is_shown_bounded_and_harmless() {
    let lab = Lab::new();
    let end = lab.expect(0, "wasm run hello.wat --entry-point colour --output-dir out");
    assert!(end.stdout.ends_with("stdout:\n  hello\n  \\u{1b}[31mred\n"), "{:?}", end.stdout);
    let end = lab.expect(0, "wasm run hello.wat --entry-point lines --output-dir out");
    assert!(end.stdout.contains("stdout (beginning only; complete in out/results/stdout):\n"), "{}", end.stdout);
    assert_eq!(end.stdout.matches("  hello\n").count(), 20);
}

#[test]
fn talk_goes_to_standard_error_and_can_be_turned_off() {
    let lab = Lab::new();
    let end = lab.expect(0, "wasm run hello.wat --output-dir out");
    for line in ["running 3 independent runs", "bids 3", "accepted 3", "proposals 3/3"] {
        assert!(end.stderr.lines().any(|said| said == line), "{line}: {}", end.stderr);
    }
    assert!(end.stderr.contains("\nverdict: 3 of 3 agree"), "{}", end.stderr);
    assert!(lab.expect(0, "wasm run hello.wat --output-dir out --quiet").stderr.is_empty());
}

#[test]
fn machine_flags_change_no_claim() {
    let lab = Lab::new();
    let claim = |flags: &str| {
        lab.expect(0, &format!("wasm run hello.wat --output-dir out {flags}"));
        lab.json("out/receipt.json")["claim"].clone()
    };
    let expected = claim("");
    for flags in ["--no-cache", "--cache-dir other", "--timeout 60.5"] {
        assert_eq!(claim(flags), expected, "{flags}");
    }
    for tier in ["baseline", "optimized", "unoptimized", "interpreter"] {
        assert_eq!(claim(&format!("--tier {tier}")), expected, "{tier}");
        assert_eq!(lab.json("out/receipt.json")["unclaimed"]["backend"], tier);
    }
    assert_eq!(claim("--tier auto"), expected);
    assert!(lab.path("other").is_dir());
}

#[test]
fn a_large_program_comes_to_the_same_by_every_tier_cold_and_warm() {
    let lab = Lab::new();
    let function = |n| format!("(func (result i64) (i64.mul (i64.const {}) (i64.const {n})))\n", i64::MAX - n);
    let functions: String = (0..20_000).map(function).collect();
    lab.write("large.wat", HELLO.strip_suffix(')').unwrap().to_owned() + &functions + ")");
    let mut claims = Vec::new();
    for flags in ["", "", "--tier baseline", "--tier optimized", "--tier auto"] {
        let end = lab.expect(0, &format!("wasm run large.wat --output-dir out {flags}"));
        assert!(!end.stderr.contains("compiling"), "that is for terminals only: {}", end.stderr);
        claims.push(lab.json("out/receipt.json")["claim"].clone());
    }
    assert!(claims.iter().all(|claim| *claim == claims[0]), "{claims:?}");
    assert_eq!(lab.json("out/receipt.json")["unclaimed"]["backend"], "optimized", "the best that is in the cache");
}

#[test]
fn a_program_that_would_cost_too_much_to_compile_is_refused_with_the_bound() {
    let lab = Lab::new();
    let cases = "0 ".repeat(1 << 17);
    lab.write("huge.wat", format!(r#"(module (func (export "_start") (block (br_table {cases} (i32.const 0)))))"#));
    let end = lab.expect(3, "wasm run huge.wat --output-dir out");
    assert!(end.stderr.contains("targets of br_table in a function: "), "{}", end.stderr);
    assert!(end.stderr.contains("and the limit is 70000"), "{}", end.stderr);
    assert!(lab.list(".").iter().all(|name| name != "out"));
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_leaves_nothing() {
    let lab = Lab::new();
    let mut command = lab.command("wasm run hello.wat --entry-point loop --fuel 9000000000000000 --output-dir out");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let talk = BufReader::new(child.stderr.take().unwrap());
    assert!(talk.lines().any(|line| line.unwrap().starts_with("running")));
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(lab.new_names().is_empty());
}

#[test]
fn runs_that_share_two_inputs_all_end() {
    let lab = Lab::new();
    for number in 0..120 {
        lab.write(&format!("a/{}/{number}", number % 5), vec![b'a'; 1000 + number]);
        lab.write(&format!("b/{number}"), vec![b'b'; 2000 + number]);
    }
    for round in 0..4 {
        let line = "wasm run hello.wat -i a:/a -i b:/b -c 3 --confidence 3 --output json --output-dir out";
        let mut child = lab.command(line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut stdout, (ended, end)) = (child.stdout.take().unwrap(), mpsc::channel());
        thread::spawn(move || ended.send(io::copy(&mut stdout, &mut io::sink())));
        let hung = end.recv_timeout(Duration::from_mins(3)).is_err();
        if hung {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        assert!(!hung && status.success(), "round {round}: {status}, {}", if hung { "hung" } else { "not hung" });
    }
}

/// Copies its standard input to standard output, and takes its time.
fn slow_cat() -> String {
    let counts = "(loop $on (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $on (i32.lt_u (local.get $n) (i32.const 800000000))))";
    let cat = CAT.replace("(func (export \"_start\")", "(func (export \"_start\") (local $n i32)");
    format!("{} {counts}))", cat.strip_suffix("))").unwrap())
}

#[test]
fn an_input_that_is_overwritten_while_it_is_read_is_no_result() {
    let lab = Lab::new();
    lab.write("slow.wat", slow_cat());
    lab.write("in/data", "aaaa");
    let line = "wasm run slow.wat -i in:/in --stdin /in/data -c 3 --output-dir out";
    let mut child = lab.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // The same length, the same file, again and again: also between the first look at it and the end of the run.
    let mut turn = 0_u8;
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        let file = fs::File::options().write(true).open(lab.path("in/data")).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[b'a' + turn % 26; 4], 0).unwrap();
        turn = turn.wrapping_add(1);
        thread::sleep(Duration::from_millis(5));
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("\"data\" was changed while the job ran"), "{said}");
    assert!(!lab.path("out/receipt.json").exists());
}

#[test]
fn the_current_directory_can_be_an_input() {
    let lab = Lab::new();
    lab.write("here/hello.wat", fs::read_to_string(lab.path("hello.wat")).unwrap());
    lab.write("here/data", "data");
    let run = || {
        let mut command = lab.command("wasm run hello.wat -i . -c 3 --confidence 3 --output json");
        let output = command.current_dir(lab.path("here")).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let results = lab.path("here").join(report["output_dir"].as_str().unwrap());
        assert!(results.join("receipt.json").exists(), "{report:#}");
        fs::remove_dir_all(results).unwrap();
        report["claim"]["job"]["inputs"].clone()
    };
    let hashed = lab.expect(0, "hash --prefix= here").stdout;
    let inputs = run();
    assert_eq!(inputs.as_object().unwrap().values().next().unwrap(), hashed.split_whitespace().next().unwrap());
    assert_eq!(run(), inputs);
    assert_eq!(lab.list("here"), ["data", "hello.wat"]);
}
