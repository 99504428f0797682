//! `bacalhau wasm validate`.

use serde_json::json;

use bacalhau_testkit::Lab;

#[test]
fn a_module_that_can_be_run() {
    let lab = Lab::new();
    let end = lab.expect(0, "wasm validate hello.wat");
    for words in [
        "verdict    can be run\n",
        "entry      _start (it has _start, colour, lines, fail, loop, trap)\n",
        "memory     64.0 KiB at the start, of 512.0 MiB\n",
        "imports    2 imports, all provided\n",
        "wasi_snapshot_preview1.fd_write  func (i32, i32, i32, i32) -> (i32)\n",
    ] {
        assert!(end.stdout.contains(words), "{words}\n{}", end.stdout);
    }
    let answer = lab.expect_json(0, "wasm validate hello.wat --output json --entry-point fail");
    assert_eq!((&answer["accepted"], &answer["problems"]), (&json!(true), &json!([])));
    assert_eq!(answer["entry_point"], "fail");
    assert_eq!(answer["inspection"]["imports"][0]["provided"], true);
    assert!(lab.new_names().is_empty() && !lab.path(".cache").exists(), "nothing is written");
}

#[test]
fn every_problem_is_listed() {
    let lab = Lab::new();
    lab.write(
        "bad.wat",
        r#"(module (import "env" "socket" (func)) (import "wasi_snapshot_preview1" "fd_write" (func))
            (memory (export "memory") 32) (table 100 funcref) (func (export "main") (param i32)))"#,
    );
    let answer = lab.expect_json(3, "wasm validate bad.wat --memory 1m --table-elements 10 --output json");
    let problems: Vec<&str> =
        answer["problems"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    for words in ["socket", "_start", "--memory", "--table-elements"] {
        assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:?}");
    }
    let table = lab.expect(3, "wasm validate bad.wat").stdout;
    assert!(table.contains("imports    2 imports, 2 missing\n"), "{table}");
    assert!(table.contains("env.socket  func () -> ()  missing\n"), "{table}");
}

#[test]
fn what_is_no_module_gets_an_answer_too() {
    let lab = Lab::new();
    lab.write("text.wasm", "just a text");
    let answer = lab.expect_json(3, "wasm validate text.wasm --output json");
    assert_eq!(answer["accepted"], false);
    assert_eq!(answer["inspection"], json!(null));
    assert!(lab.expect(3, "wasm validate text.wasm").stdout.starts_with("verdict    cannot be run\nproblem    "));
    lab.expect(2, "wasm validate missing.wasm");
}
