//! A table of modules and what the gate says about each.

use super::*;

const MAX: u64 = 1 << 20;

/// Text through both steps, with `_start` as the entry point.
fn gate(text: &str) -> Result<Inspection, Refusal> {
    let wasm = to_binary(text.as_bytes(), MAX)?;
    let inspection = inspect(&wasm, MAX)?;
    check_entry(&inspection, "_start")?;
    Ok(inspection)
}

fn words(text: &str) -> String {
    gate(text).map_or_else(|refusal| refusal.to_string(), |_| "accepted".into())
}

/// Every word of `wanted` separated by ` … ` must be in the answer.
fn assert_says(text: &str, wanted: &str) {
    let said = words(text);
    for part in wanted.split(" … ") {
        assert!(said.contains(part), "{text}\nsaid: {said}\nwanted: {part}");
    }
}

#[test]
fn what_jobs_are_written_in_is_accepted() {
    for body in [
        "",
        "(func (drop (v128.const i32x4 0 0 0 0)))",
        "(func (result i32 i64) i32.const 1 i64.const 2)",
        "(memory 1) (memory 1) (func (memory.fill 1 (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(table 1 funcref) (func (table.set (i32.const 0) (ref.null func)))",
        "(func $f return_call $f)",
        "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        "(func (param f64) (result i32) (i32.trunc_sat_f64_s (f64.sqrt (local.get 0))))",
        "(func $s) (start $s)",
        "(memory 1) (func (atomic.fence) (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))",
        "(memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0))))",
        "(import \"env\" \"memory\" (memory 1 65536 shared)) \
         (import \"wasi\" \"thread-spawn\" (func (param i32) (result i32))) \
         (import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i32) (result i32)))",
        "(func (param v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0)))",
        "(type $f (func)) (func (param (ref null $f) externref) (call_ref $f (local.get 0)))",
        "(tag (param i32 f64)) (func (try_table (catch_all 0) (throw 0 (i32.const 1) (f64.const 2))))",
        "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32)))",
        "(import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i32) (result i32))) (memory (export \"memory\") 1)",
    ] {
        assert_says(&format!("(module {body} (func (export \"_start\")))"), "accepted");
    }
}

#[test]
fn the_oldest_profile_with_the_language_of_a_module_is_named() {
    for (body, profile) in [
        ("", "v1"),
        ("(func $f return_call $f)", "v1"),
        ("(tag)", "v2"),
        ("(func (try_table))", "v2"),
        ("(func (param exnref))", "v2"),
        ("(func (throw_ref (ref.null exn)))", "v2"),
        ("(func atomic.fence)", "v2"),
        ("(memory 1 1 shared)", "v2"),
        ("(memory i64 1)", "v2"),
        ("(table i64 1 funcref)", "v2"),
        ("(func (param i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 0)))", "v2"),
        ("(table 1 externref)", "v2"),
        ("(type $f (func)) (func (param (ref $f)))", "v2"),
        ("(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))", "v2"),
    ] {
        let text = format!("(module {body} (func (export \"_start\")))");
        assert_eq!(gate(&text).unwrap().profile, profile, "{body}");
    }
}

#[test]
fn a_denied_proposal_is_named_with_what_to_do() {
    for (body, wanted) in DENIED_MODULES {
        let text = format!("(module {body} (func (export \"_start\")))");
        assert_says(&text, wanted);
        assert_eq!(gate(&text).map_err(|refusal| refusal.kind()), Err(RefusalKind::Proposal), "{text}");
    }
}

const DENIED_MODULES: [(&str, &str); 14] = [
    (
        "(func try catch_all end)",
        "legacy exception handling … -wasm-use-legacy-eh=false … -wasm-enable-sjlj … --translate-to-exnref",
    ),
    ("(table 1 exnref)", "exception handling with a table or global of type exnref"),
    ("(global exnref (ref.null exn))", "exception handling with a table or global of type exnref"),
    ("(tag (param funcref))", "exception handling with a tag with a reference"),
    ("(memory 65536) (tag)", "a memory of 65536 pages … at most 65535"),
    ("(memory i64 65536)", "a memory of 65536 pages … at most 65535"),
    ("(import \"env\" \"memory\" (memory 65536 65536 shared))", "a memory of 65536 pages … at most 65535"),
    ("(type (struct))", "garbage collection"),
    ("(func (param anyref))", "garbage collection"),
    ("(memory 1 (pagesize 1))", "custom page sizes"),
    ("(memory 1) (func (memory.discard (i32.const 0) (i32.const 0)))", "memory control"),
    ("(type $f (func)) (type (cont $f))", "stack switching"),
    ("(global (shared i32) (i32.const 0))", "shared-everything threads"),
    ("(memory 1 (pagesize 1)) (func (param anyref))", "garbage collection … custom page sizes"),
];

/// Whatever is named would be missed: without that proposal, and with all others, the module is not valid.
#[test]
fn a_proposal_is_named_only_if_the_module_is_invalid_without_it() {
    let denied = proposals::denied_features();
    let all = proposals::features().union(denied);
    let is_valid =
        |wasm: &[u8], features| wasmparser::Validator::new_with_features(features).validate_all(wasm).is_ok();
    for (body, _) in DENIED_MODULES {
        let wasm = to_binary(format!("(module {body})").as_bytes(), MAX).unwrap().into_owned();
        let needed = denied.iter().filter(|flag| !is_valid(&wasm, all.difference(*flag)));
        let needed = needed.fold(wasmparser::WasmFeatures::empty(), wasmparser::WasmFeatures::union);
        if !needed.is_empty() {
            let expected = proposals::refuse(needed);
            assert_eq!(inspect(&wasm, MAX), Err(expected), "{body}");
        }
    }
}

#[test]
fn proposals_are_named_in_a_module_of_any_size() {
    let functions = "(func (drop (i32.const 1)))".repeat(1000);
    let text = format!(
        "(module (memory 1) (data \"x\") {functions} (func try catch_all end) \
         (func (memory.discard (i32.const 0) (i32.const 0))))"
    );
    let mut wasm = to_binary(text.as_bytes(), MAX).unwrap().into_owned();
    // A custom section of 70 MiB: name "x", then zeros.
    let size: u32 = 70 << 20;
    wasm.push(0);
    wasm.extend((0..5).map(|at| ((size >> (7 * at)) & 0x7f) as u8 | if at < 4 { 0x80 } else { 0 }));
    wasm.extend([1, b'x']);
    wasm.resize(wasm.len() + size as usize - 2, 0);
    let refusal = inspect(&wasm, u64::MAX).unwrap_err();
    let said = refusal.to_string();
    assert_eq!(refusal.kind(), RefusalKind::Proposal, "{said}");
    assert!(said.contains("memory control") && said.contains("legacy exception handling"), "{said}");
}

#[test]
fn a_module_that_no_proposal_makes_valid_is_called_invalid() {
    for body in ["(tag) (func (result i32))", "(func (result i32) (atomic.fence))"] {
        let text = format!("(module {body})");
        assert_says(&text, "not a valid WebAssembly module");
        assert_eq!(gate(&text).map_err(|refusal| refusal.kind()), Err(RefusalKind::Invalid), "{text}");
    }
}

#[test]
fn an_export_without_a_name_is_not_proposed_as_an_entry_point() {
    let said = words("(module (func (export \"_start\") (param i32)) (func (export \"\")))");
    assert!(said.contains("func (i32) -> ()") && !said.contains("--entry-point"), "{said}");
    let refusal = refuse_entry(&[String::new()], "run", true).to_string();
    assert!(!refusal.contains("--entry-point"), "{refusal}");
}

#[test]
fn imports_are_explained_by_where_they_come_from() {
    for (import, wanted) in [
        (r#""wasi_unstable" "fd_write" (func)"#, "\"fd_write\" from \"wasi_unstable\" … preview 0"),
        (r#""env" "sqlite3_open" (func (param i32))"#, "func (i32) -> () … linker did not find"),
        (r#""env" "emscripten_notify_memory_growth" (func (param i32))"#, "-sSTANDALONE_WASM"),
        (r#""env" "memory" (memory 1)"#, "memory 1.. … --import-memory"),
        (r#""env" "table" (table 1 funcref)"#, "table 1.. funcref"),
        (r#""env" "g" (global (mut i32))"#, "global mut i32"),
        (r#""env" "abort" (func (param i32 i32 i32 i32))"#, "AssemblyScript"),
        (r#""env" "__linear_memory" (memory 0)"#, "object file"),
        (r#""GOT.mem" "x" (global (mut i32))"#, "shared library"),
        (r#""__wbindgen_placeholder__" "__wbindgen_throw" (func)"#, "browsers"),
        (r#""wbg" "f" (func)"#, "wasm-bindgen"),
        (r#""gojs" "runtime.wasmExit" (func (param i32))"#, "GOOS=wasip1"),
        (r#""wasi:cli/stdout@0.2.0" "get-stdout" (func (result i32))"#, "component"),
        (r#""wasi" "thread-spawn" (func (param i32) (result i32))"#, "modules with a shared memory only … one thread"),
        (r#""other" "memory" (memory 1 1 shared)"#, "memory 1..=1 … wasi_snapshot_preview1 only"),
        (r#""wasix_32v1" "proc_fork" (func)"#, "WASIX"),
        (r#""wasi_snapshot_preview1" "sock_open" (func)"#, "do not include this one"),
        (
            r#""wasi_snapshot_preview1" "fd_write" (func (param i32))"#,
            "func (i32) -> (), where WASI has func (i32, i32, i32, i32) -> (i32) … wrong declaration",
        ),
        (r#""host" "f" (func)"#, "wasi_snapshot_preview1 only"),
        (r#""wasi_snapshot_preview1" "fd_close" (memory 1)"#, "memory 1.."),
    ] {
        assert_says(&format!("(module (import {import}) (func (export \"_start\")))"), wanted);
    }
}

#[test]
fn every_missing_import_is_listed_and_each_hint_given_once() {
    let said = words(r#"(module (import "env" "a" (func)) (import "env" "b" (func)) (import "go" "c" (func)))"#);
    assert!(said.starts_with("the module imports 3 things that jobs do not have:\n  \"a\" from \"env\""), "{said}");
    assert_eq!(said.matches("linker did not find").count(), 1, "{said}");
    assert_eq!(said.matches("GOOS=wasip1").count(), 1, "{said}");
}

#[test]
fn a_shared_memory_is_imported_once() {
    let import = r#"(import "env" "memory" (memory 1 1 shared))"#;
    assert_says(
        &format!("(module {import} {import} (func (export \"_start\")))"),
        "imports its shared memory more than once",
    );
}

#[test]
fn names_of_a_module_cannot_write_to_the_terminal() {
    let said = words("(module (import \"\\1b[2J\" \"\\0a\" (func)))");
    assert!(said.contains(r#""\n" from "\u{1b}[2J""#), "{said}");
}

#[test]
fn exports_are_checked() {
    let wasi = r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))"#;
    for (body, wanted) in [
        (r#"(func (export "__bacalhau_stack"))"#, "\"__bacalhau_stack\" … reserved"),
        (r#"(func (export "_start") (param i32))"#, "func (i32) -> () … without parameters"),
        (r#"(memory (export "_start") 1)"#, "not a function but a memory 1.."),
        (r#"(func (export "_initialize")) (func (export "run"))"#, "reactor … --entry-point: \"run\""),
        (
            r#"(func (export "_initialize")) (func (export "f") (result i32) i32.const 1)"#,
            "reactor … \"f\" (func () -> (i32))",
        ),
        (r#"(func (export "main"))"#, "no function named \"_start\" … \"main\""),
        ("", "exports nothing"),
        (&format!(r#"{wasi} (func (export "_start"))"#), "fd_close … exports no memory named \"memory\""),
        (&format!(r#"{wasi} (func (export "memory"))"#), "exports \"memory\" as func"),
        (&format!(r#"{wasi} (memory (export "memory") i64 1)"#), "fd_close … 64-bit addresses … wasm32"),
        (&format!(r#"{wasi} (memory (export "memory") 1) (memory i64 1) (func (export "_start"))"#), "accepted"),
    ] {
        assert_says(&format!("(module {body})"), wanted);
    }
}

#[test]
fn what_is_no_module_is_called_by_its_name() {
    let wasm = wat::parse_str("(module (func))").unwrap_or_default();
    let version_2 = [&wasm[..4], &[2, 0, 0, 0]].concat();
    for (bytes, wanted) in [
        (&b""[..], "is empty"),
        (b"\0as", "ends inside the header"),
        (b"\0asm\x01\0", "ends inside the header"),
        (b"\0asm\x0d\0\x01\0", "component … wasm32-wasip1"),
        (&version_2, "of an unknown version"),
        (&wasm[..wasm.len() - 2], "is truncated"),
        (b"\x7fELF\x02", "ELF … .cwasm"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"  <!DOCTYPE html><html>", "web page"),
        (b"#!/bin/sh\n", "script"),
        (b"{\"a\": 1}", "JSON"),
        (b"print('hello')\n", "text"),
        (&[0xff, 0xfe, 0x00, 0x01], "[ff, fe, 00, 01]"),
        (b"(module (func)", "mistake … 1:"),
        (b"(component)", "component"),
        (b";; c\n(; (; n ;) ;) (module) (module)", "mistake"),
        (b"(module (func (result i32)))", "not a valid WebAssembly module"),
    ] {
        let said = to_binary(bytes, MAX)
            .and_then(|wasm| inspect(&wasm, MAX))
            .map_or_else(|e| e.to_string(), |_| "accepted".into());
        for part in wanted.split(" … ") {
            assert!(said.contains(part), "{}\nsaid: {said}", bytes.escape_ascii());
        }
    }
}

#[test]
fn text_may_begin_with_comments() {
    assert_says(";; one\n (; two (; three ;) ;)\n(module (func (export \"_start\")))", "accepted");
}

#[test]
fn a_module_may_be_as_large_as_the_limit_and_no_larger() {
    let wasm = wat::parse_str("(module)").unwrap_or_default();
    let size = wasm.len() as u64;
    assert!(inspect(&wasm, size).is_ok());
    let said = inspect(&wasm, size - 1).map_or_else(|e| e.to_string(), |_| "accepted".into());
    assert!(said.contains("module_bytes is 7") && said.contains("--module-size"), "{said}");
}

#[test]
fn a_module_is_described() {
    let text = r#"(module
        (import "env" "f" (func (param i32)))
        (table 2 3 funcref) (memory (export "memory") 1 2)
        (func $s) (start $s) (func (export "_initialize")) (func (export "run")))"#;
    let wasm = to_binary(text.as_bytes(), MAX).unwrap_or_default();
    let Ok(module) = describe(&wasm, MAX) else { panic!("refused") };
    assert!(!module.imports[0].provided);
    assert_eq!(module.entry_points, ["_initialize", "run"]);
    assert_eq!(module.memories, [Memory { min_pages: 1, max_pages: Some(2) }]);
    assert_eq!(module.tables, [Table { min_elements: 2, max_elements: Some(3) }]);
    assert_eq!(module.functions, 3);
    assert!(module.has_start_section && module.is_reactor);
}

#[test]
fn a_text_may_have_16_mib_and_no_more() {
    let text = |size: usize| [b"(module)".to_vec(), vec![b' '; size - 8]].concat();
    assert!(to_binary(&text(16 << 20), u64::MAX).is_ok());
    let refusal = to_binary(&text((16 << 20) + 1), u64::MAX).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::TooLarge);
    assert!(refusal.to_string().contains("16777217"), "{refusal}");
}
