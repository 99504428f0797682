;; Exceptions by hand. `$n` counts what was caught.
(module
  (tag $a (param i32))
  (tag $b)
  (tag $wide (param i32 i64 f32 f64 v128))
  (memory (export "memory") 1)
  (global $n (export "n") (mut i32) (i32.const 0))

  (func $count (global.set $n (i32.add (global.get $n) (i32.const 1))))
  (func $down (param i32)
    (if (i32.eqz (local.get 0)) (then (throw $a (global.get $n))))
    (call $down (i32.sub (local.get 0) (i32.const 1))))

  ;; Past many frames, many times.
  (func (export "deep") (result i32) (local i32)
    (loop $again
      (drop (block $h (result i32) (try_table (catch $a $h) (call $down (i32.const 150))) (i32.const -1)))
      (call $count)
      (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 40))))
    (global.get $n))

  ;; Every frame cleans up and throws on.
  (func $clean (param i32)
    (block $h (result exnref)
      (try_table (catch_all_ref $h)
        (if (local.get 0) (then (call $clean (i32.sub (local.get 0) (i32.const 1)))) (else (throw $b))))
      (return))
    (call $count)
    (throw_ref))
  (func (export "rethrow") (result i32)
    (block $h (try_table (catch $b $h) (call $clean (i32.const 60)))) (global.get $n))

  (func (export "uncaught") (result i32) (call $count) (call $down (i32.const 9)) (i32.const 1))
  (func (export "null") (call $count) (throw_ref (ref.null exn)))

  ;; The handler is the head of a loop.
  (func $until (if (i32.lt_u (global.get $n) (i32.const 500)) (then (call $count) (throw $b))))
  (func (export "loop") (result i32)
    (loop $head (try_table (catch $b $head) (call $until))) (global.get $n))

  ;; In one function, without a call, with stores between.
  (func (export "throw in a loop") (local i32)
    (loop $again
      (block $h (try_table (catch_all $h)
        (i32.store (i32.const 8) (local.get 0))
        (memory.fill (i32.const 100) (local.get 0) (i32.const 50))
        (throw $b)))
      (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 200)))))

  ;; A full stack is not caught.
  (func $forever (call $count) (call $forever) (call $count))
  (func (export "past a full stack") (block $h (try_table (catch_all $h) (call $forever))))

  (func $throws_wide
    (throw $wide (i32.const -1) (i64.const -2) (f32.div (f32.const 0) (f32.const 0)) (f64.const 0.1)
      (f32x4.sqrt (v128.const f32x4 -1 4 9 nan))))
  (func (export "values") (result i64) (local $v v128) (local $d f64) (local $f f32)
    (block $h (result i32 i64 f32 f64 v128) (try_table (catch $wide $h) (call $throws_wide)) (unreachable))
    (local.set $v) (local.set $d) (local.set $f)
    (v128.store (i32.const 32) (local.get $v))
    (f64.store (i32.const 24) (local.get $d))
    (f32.store (i32.const 20) (local.get $f))
    (i64.store (i32.const 8) (i64.const 3)) (drop) (i64.extend_i32_s))

  ;; The handler is the end of the function.
  (func $ends (param i32) (result i32) (try_table (catch $a 0) (call $down (local.get 0))) (i32.const 7))
  (func (export "function label") (result i32)
    (i32.add (call $ends (i32.const 3)) (call $ends (i32.const 30)))))
