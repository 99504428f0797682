;; The product of two matrices of 32 × 32 doubles: a sum in a local across the innermost loop, stored once.
(module
  (memory (export "memory") 1)
  (func $at (param $base i32) (param $row i32) (param $column i32) (result i32)
    (i32.add (local.get $base)
      (i32.shl (i32.add (i32.shl (local.get $row) (i32.const 5)) (local.get $column)) (i32.const 3))))
  (func $fill (local $i i32)
    (loop $next
      (f64.store (i32.shl (local.get $i) (i32.const 3))
        (f64.div (f64.convert_i32_s (i32.sub (i32.rem_u (i32.mul (local.get $i) (i32.const 37)) (i32.const 101)) (i32.const 50)))
          (f64.const 7)))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2048)))))
  (func (export "run") (result i64) (local $r i32) (local $c i32) (local $k i32) (local $sum f64)
    (call $fill)
    (loop $row
      (local.set $c (i32.const 0))
      (loop $column
        (local.set $k (i32.const 0))
        (local.set $sum (f64.const 0))
        (loop $inner
          (local.set $sum (f64.add (local.get $sum)
            (f64.mul (f64.load (call $at (i32.const 0) (local.get $r) (local.get $k)))
              (f64.load (call $at (i32.const 8192) (local.get $k) (local.get $c))))))
          (br_if $inner (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (i32.const 32))))
        (f64.store (call $at (i32.const 16384) (local.get $r) (local.get $c)) (local.get $sum))
        (br_if $column (i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 1))) (i32.const 32))))
      (br_if $row (i32.lt_u (local.tee $r (i32.add (local.get $r) (i32.const 1))) (i32.const 32))))
    (i64.load (i32.const 16384))))
