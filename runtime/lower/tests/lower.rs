//! What is lowered, what is refused and by which name, and the bounds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use bacalhau_lower::{LowerError, is_component, lower};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// A command that does nothing but what `inside` defines before it.
fn command(inside: &str) -> String {
    format!(
        r#"(component {inside}
            (core module $M (func (export "run") (result i32) (i32.const 0)))
            (core instance $m (instantiate $M))
            (func $run (result (result)) (canon lift (core func $m "run")))
            (instance $run (export "run" (func $run)))
            (export "wasi:cli/run@0.2.3" (instance $run)))"#
    )
}

fn lower_text(text: &str) -> Result<Vec<u8>, LowerError> {
    lower(&wat::parse_str(text).unwrap(), 1 << 20)
}

/// Lowers the text, which is refused with these words in this order.
fn refused(text: &str, words: &[&str]) {
    let said = lower_text(text).unwrap_err().to_string();
    let mut rest = said.as_str();
    for word in words {
        let at = rest.find(word).unwrap_or_else(|| panic!("{word:?} is not in {said:?}"));
        rest = &rest[at + word.len()..];
    }
}

#[test]
fn a_command_becomes_a_module_that_imports_preview_1_only() {
    let module = lower_text(&command("")).unwrap();
    let features = WasmFeatures::WASM2 | WasmFeatures::MULTI_MEMORY;
    Validator::new_with_features(features).validate_all(&module).unwrap();
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(&module) {
        match payload.unwrap() {
            Payload::ImportSection(section) => {
                imports.extend(section.into_imports().map(|import| import.unwrap().module.to_owned()));
            }
            Payload::ExportSection(section) => {
                exports.extend(section.into_iter().map(|it| it.unwrap().name.to_owned()));
            }
            _ => {}
        }
    }
    assert!(imports.iter().all(|module| module == "wasi_snapshot_preview1"), "{imports:?}");
    assert_eq!(exports, ["memory", "_start"]);
    assert_eq!(lower_text(&command("")).unwrap(), module, "the same bytes each time");
}

#[test]
fn operators_of_the_newest_profile_are_taken() {
    let inside = "(core module $Other
        (memory 1 1 shared)
        (func (param v128 i64) (result v128 i64 i64)
            (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0))
            (i64.mul_wide_u (local.get 1) (local.get 1)))
        (func (result i32) (i32.atomic.load (i32.const 0))))
        (core instance (instantiate $Other))";
    let module = lower_text(&command(inside)).unwrap();
    let features = WasmFeatures::WASM2
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::THREADS
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::WIDE_ARITHMETIC;
    Validator::new_with_features(features).validate_all(&module).unwrap();
}

#[test]
fn only_components_look_like_components() {
    assert!(is_component(&wat::parse_str("(component)").unwrap()));
    assert!(!is_component(&wat::parse_str("(module)").unwrap()));
    assert!(!is_component(b"\0asm\x0d\0\x01"));
    assert!(!is_component(b"(component)"));
    assert!(matches!(lower(b"\0asm\x0d\0\x01\0\x99", 100), Err(LowerError::Invalid(_))));
    assert!(matches!(lower(&wat::parse_str("(module)").unwrap(), 100), Err(LowerError::Invalid(_))));
}

#[test]
fn worlds_that_jobs_do_not_have_are_named() {
    refused(&command(r#"(import "wasi:http/types@0.2.3" (instance))"#), &["wasi:http/types@0.2.3", "no network"]);
    refused(&command(r#"(import "my:own/thing" (instance))"#), &["my:own/thing", "compose"]);
    refused(&command(r#"(import "log" (func))"#), &["\"log\"", "wasi:cli/command"]);
    refused(&command(r#"(import "wasi:io/poll@0.3.0" (instance))"#), &["wasi:io/poll@0.3.0", "WASI 0.2"]);
    refused(&command(r#"(import "wasi:io/poll@0.2.0-rc.1" (instance))"#), &["wasi:io/poll@0.2.0-rc.1"]);
    refused(&command(r#"(import "wasi:io/poll" (instance))"#), &["wasi:io/poll"]);
}

#[test]
fn what_belongs_to_wasi_0_3_is_named() {
    refused(&command("(type (func async))"), &["asynchronous functions", "WASI 0.3", "wasm32-wasip2"]);
    refused(&command("(type (stream u8))"), &["asynchronous streams or futures", "WASI 0.3"]);
    refused(&command("(core func (canon task.cancel))"), &["asynchronous built-in", "WASI 0.3"]);
}

#[test]
fn a_component_that_is_no_command_is_told_what_it_exports() {
    refused("(component)", &["wasi:cli/run@0.2", "exports nothing"]);
    refused(r#"(component (instance $i) (export "a:b/c" (instance $i)))"#, &["wasi:cli/run@0.2", "a:b/c"]);
    let of_0_3 = command("").replace("wasi:cli/run@0.2.3", "wasi:cli/run@0.3.0");
    refused(&of_0_3, &["WASI 0.3", "WASI 0.2"]);
}

#[test]
fn functions_of_wasi_have_the_types_of_wasi() {
    let random = |ty: &str| {
        command(&format!(
            r#"(import "wasi:random/random@0.2.1" (instance $r (export "get-random-u64" (func {ty}))))
            (core func (canon lower (func $r "get-random-u64")))"#
        ))
    };
    lower_text(&random("(result u64)")).unwrap();
    refused(&random("(result s64)"), &["get-random-u64", "() -> s64", "it is () -> u64"]);
    let unknown = r#"(import "wasi:random/random@0.2.1" (instance $r (export "dice" (func))))"#;
    lower_text(&command(unknown)).unwrap();
    refused(
        &command(&format!(r#"{unknown} (core func (canon lower (func $r "dice")))"#)),
        &["\"dice\"", "wasi:random/random"],
    );
    refused(
        &command(r#"(import "wasi:io/poll@0.2.1" (instance (export "pool" (type (sub resource)))))"#),
        &["resource \"pool\"", "wasi:io/poll"],
    );
}

/// A component that only imports sockets runs: no socket can be made, so no method is called.
#[test]
fn sockets_may_be_imported() {
    let text = command(
        r#"(import "wasi:sockets/tcp@0.2.0" (instance $tcp
            (export "tcp-socket" (type $s (sub resource)))
            (export "[method]tcp-socket.is-listening" (func (param "self" (borrow $s)) (result bool)))))
        (alias export $tcp "tcp-socket" (type $s))
        (core func (canon lower (func $tcp "[method]tcp-socket.is-listening")))
        (core func (canon resource.drop $s))"#,
    );
    lower_text(&text).unwrap();
}

#[test]
fn nesting_and_instances_are_bounded() {
    let nested = |depth: usize| command(&("(component ".repeat(depth) + &")".repeat(depth)));
    lower_text(&nested(20)).unwrap();
    refused(&nested(40), &["components inside of one another"]);
    // 2^25 instances of the innermost component.
    let mut doubling = String::from("(component $c0)");
    for level in 1..25 {
        let before = level - 1;
        write!(doubling, "(component $c{level} (alias outer 1 $c{before} (component $c)) (instance (instantiate $c)) (instance (instantiate $c)))")
            .unwrap();
    }
    refused(&command(&(doubling + "(instance (instantiate $c24))")), &["instances of components", "1000"]);
    let many = "(component $many (core module $E)".to_owned()
        + &"(core instance (instantiate $E))".repeat(600)
        + ") (instance (instantiate $many)) (instance (instantiate $many))";
    refused(&command(&many), &["instances of core modules", "1000"]);
}

#[test]
fn types_are_bounded() {
    let mut deep = String::from("(type $t0 (list u8))");
    for level in 1..70 {
        write!(deep, "(type $t{level} (list $t{}))", level - 1).unwrap();
    }
    refused(&command(&deep), &["value types inside of one another"]);
    let mut wide = String::from("(type $t0 (tuple u8 u8))");
    for level in 1..15 {
        write!(wide, "(type $t{level} (tuple $t{0} $t{0}))", level - 1).unwrap();
    }
    refused(&command(&wide), &["parts in one value type"]);
}

/// Each module's global is twice that of the one before, as an expression.
#[test]
fn constants_are_bounded() {
    let mut text = String::from(
        r#"(core module $A (global (export "g") i32 (i32.const 1))) (core instance $i0 (instantiate $A))
        (core module $B (import "m" "g" (global $g i32))
            (global (export "g") i32 (i32.add (global.get $g) (global.get $g))))"#,
    );
    for level in 1..30 {
        write!(text, r#"(core instance $i{level} (instantiate $B (with "m" (instance $i{}))))"#, level - 1).unwrap();
    }
    refused(&command(&text), &["bytes in a constant"]);
}

#[test]
fn bytes_are_bounded() {
    let component = wat::parse_str(command("")).unwrap();
    let module = lower(&component, 1 << 20).unwrap();
    let least = module.len() as u64;
    lower(&component, least).unwrap();
    assert!(matches!(lower(&component, least - 1), Err(LowerError::TooLarge(_))));
    assert!(matches!(lower(&component, component.len() as u64 - 1), Err(LowerError::TooLarge(_))));
    let data = format!(r#"(core module $D (memory 1) (data "{}"))"#, "x".repeat(10_000));
    let twice = wat::parse_str(command(&(data + &"(core instance (instantiate $D))".repeat(200)))).unwrap();
    let said = lower(&twice, 1 << 20).unwrap_err().to_string();
    assert!(said.contains("bytes in instances of core modules"), "{said}");
}

/// Damaged bytes are refused or lowered, and nothing else happens.
#[test]
fn damaged_components_do_not_panic() {
    let text = command(
        r#"(import "wasi:random/random@0.2.1" (instance $r (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
        (core module $L (memory (export "m") 1) (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
        (core instance $l (instantiate $L))
        (core func (canon lower (func $r "get-random-bytes") (memory $l "m") (realloc (func $l "r"))))"#,
    );
    let component = wat::parse_str(text).unwrap();
    lower(&component, 1 << 20).unwrap();
    for at in 0..component.len() {
        let _ = lower(&component[..at], 1 << 20);
        for change in [1, 0x40, 0x80, 0xff] {
            let mut damaged = component.clone();
            damaged[at] ^= change;
            if let Ok(module) = lower(&damaged, 1 << 20) {
                Validator::new().validate_all(&module).unwrap();
            }
        }
    }
}

/// Other releases of Rust make other bytes.
#[test]
fn the_support_module_is_what_its_source_builds() {
    let version = Command::new("rustc").arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    if !version.starts_with("rustc 1.95.0 ") {
        eprintln!("skipped: support.wasm is built with Rust 1.95.0, and this is {version}");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("support/build.sh");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("support");
    let output = Command::new(script).arg("--check").env("SUPPORT_TARGET_DIR", target).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
