//! The part of each component that prints: it exports `run`.

/// Imports of WASI.
pub(crate) const IMPORTS: &str = r#"
(import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
(alias export $error "error" (type $e))
(import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $os (sub resource)))
    (alias outer 1 $e (type $e1)) (export "error" (type $e2 (eq $e1)))
    (type $se (variant (case "last-operation-failed" (own $e2)) (case "closed")))
    (export "stream-error" (type $se1 (eq $se)))
    (export "[method]output-stream.blocking-write-and-flush"
        (func (param "self" (borrow $os)) (param "contents" (list u8)) (result (result (error $se1)))))))
(alias export $streams "output-stream" (type $os))
(import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $os (type $os1)) (export "output-stream" (type $os2 (eq $os1)))
    (export "get-stdout" (func (result (own $os2))))))
(component $Driver
    (import "transcript" (func $transcript (result (list u8))))
    (import "output-stream" (type $os (sub resource)))
    (import "error" (type $e (sub resource)))
    (type $se (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (import "stream-error" (type $se1 (eq $se)))
    (import "get-stdout" (func $get-stdout (result (own $os))))
    (import "write" (func $write
        (param "self" (borrow $os)) (param "contents" (list u8)) (result (result (error $se1)))))
    (core module $Memory (memory (export "memory") 32)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $memory (instantiate $Memory))
    (alias core export $memory "memory" (core memory $m))
    (alias core export $memory "realloc" (core func $realloc))
    (core func $transcript (canon lower (func $transcript) (memory $m) (realloc $realloc)))
    (core func $get-stdout (canon lower (func $get-stdout)))
    (core func $write (canon lower (func $write) (memory $m) (realloc $realloc)))
    (core module $Main
        (import "m" "memory" (memory 32))
        (import "m" "transcript" (func $transcript (param i32)))
        (import "m" "get-stdout" (func $get-stdout (result i32)))
        (import "m" "write" (func $write (param i32 i32 i32 i32)))
        (func (export "run") (result i32)
            (local $at i32) (local $left i32) (local $now i32) (local $stdout i32)
            (call $transcript (i32.const 0))
            (local.set $at (i32.load (i32.const 0)))
            (local.set $left (i32.load (i32.const 4)))
            (local.set $stdout (call $get-stdout))
            (loop $more
                (local.set $now (select (local.get $left) (i32.const 4096) (i32.lt_u (local.get $left) (i32.const 4096))))
                (call $write (local.get $stdout) (local.get $at) (local.get $now) (i32.const 16))
                (if (i32.load8_u (i32.const 16)) (then unreachable))
                (local.set $at (i32.add (local.get $at) (local.get $now)))
                (local.set $left (i32.sub (local.get $left) (local.get $now)))
                (br_if $more (local.get $left)))
            (i32.const 0)))
    (core instance $main (instantiate $Main (with "m" (instance
        (export "memory" (memory $m)) (export "transcript" (func $transcript))
        (export "get-stdout" (func $get-stdout)) (export "write" (func $write))))))
    (func (export "run") (result (result)) (canon lift (core func $main "run"))))
"#;

/// The end of a component whose `transcript` is printed.
pub(crate) fn run(transcript: &str) -> String {
    format!(
        r#"(instance $driver (instantiate $Driver (with "transcript" {transcript})
            (with "output-stream" (type $os)) (with "error" (type $e))
            (with "stream-error" (type $streams "stream-error"))
            (with "get-stdout" (func $stdout "get-stdout"))
            (with "write" (func $streams "[method]output-stream.blocking-write-and-flush"))))
        (instance $run (export "run" (func $driver "run")))
        (export "wasi:cli/run@0.2.0" (instance $run))"#
    )
}
