;; Loops in which nothing can trap, and loops whose operators cost nothing: they have to be paid for all the same.
(module
  (global $n (export "n") (mut i32) (i32.const 0))
  (func (export "counts") (result i32) (local $n i32)
    (loop $next (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000))))
    (local.get $n))
  (func (export "nested") (result i64) (local $i i32) (local $j i32) (local $x i64)
    (loop $outer
      (local.set $j (i32.const 0))
      (loop $inner
        (local.set $x (i64.add (i64.rotl (local.get $x) (i64.const 7)) (i64.extend_i32_u (i32.xor (local.get $i) (local.get $j)))))
        (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $i))))
      (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 200))))
    (local.get $x))
  (func (export "continue") (result i32) (local $n i32) (local $odd i32)
    (loop $next
      (br_if $next (i32.and (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1)))
      (local.set $odd (i32.add (local.get $odd) (local.get $n)))
      (br_if $next (i32.lt_u (local.get $n) (i32.const 5000))))
    (local.get $odd))
  (func (export "empty forever") (loop br 0))
  (func (export "blocks forever") (loop $again (block nop (block (nop) (br $again)))))
  (func (export "global forever") (loop (global.set $n (i32.add (global.get $n) (i32.const 1))) (br 0)))
  (func (export "dead code") (loop (br 0) (drop (i32.div_u (i32.const 1) (i32.const 0)))) (unreachable))
  (func $leaf)
  (func (export "calls forever") (loop (call $leaf) (global.set $n (i32.add (global.get $n) (i32.const 1))) (br 0)))
  (func (export "table forever") (loop (block (br_table 1 0 1 (global.get $n))))))
