//! `bacalhau wasm validate`.

use serde_json::json;

use crate::support::Room;

#[test]
fn a_module_that_can_be_run() {
    let room = Room::new();
    let end = room.expect(0, "wasm validate hello.wat");
    for words in [
        "verdict    can be run\n",
        "entry      _start (it has _start, colour, lines, fail, loop, trap)\n",
        "memory     64.0 KiB at the start, of 512.0 MiB\n",
        "imports    2 imports, all provided\n",
        "wasi_snapshot_preview1.fd_write  func (i32, i32, i32, i32) -> (i32)\n",
    ] {
        assert!(end.stdout.contains(words), "{words}\n{}", end.stdout);
    }
    let answer = room.expect_json(0, "wasm validate hello.wat --output json --entry-point fail");
    assert_eq!((&answer["accepted"], &answer["problems"]), (&json!(true), &json!([])));
    assert_eq!(answer["entry_point"], "fail");
    assert_eq!(answer["inspection"]["imports"][0]["provided"], true);
    assert_eq!(room.list("."), ["cat.wat", "echo.wat", "hello.wat"], "nothing is written");
}

#[test]
fn every_problem_is_listed() {
    let room = Room::new();
    room.write(
        "bad.wat",
        r#"(module (import "env" "socket" (func)) (import "wasi_snapshot_preview1" "fd_write" (func))
            (memory (export "memory") 32) (table 100 funcref) (func (export "main") (param i32)))"#,
    );
    let answer = room.expect_json(3, "wasm validate bad.wat --memory 1m --table-elements 10 --output json");
    let problems: Vec<&str> =
        answer["problems"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    for words in ["socket", "_start", "--memory", "--table-elements"] {
        assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:?}");
    }
    let table = room.expect(3, "wasm validate bad.wat").stdout;
    assert!(table.contains("imports    2 imports, 2 missing\n"), "{table}");
    assert!(table.contains("env.socket  func () -> ()  missing\n"), "{table}");
}

#[test]
fn what_is_no_module_gets_an_answer_too() {
    let room = Room::new();
    room.write("text.wasm", "just a text");
    let answer = room.expect_json(3, "wasm validate text.wasm --output json");
    assert_eq!(answer["accepted"], false);
    assert_eq!(answer["inspection"], json!(null));
    assert!(room.expect(3, "wasm validate text.wasm").stdout.starts_with("verdict    cannot be run\nproblem    "));
    room.expect(2, "wasm validate missing.wasm");
}
