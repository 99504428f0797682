;; Branches that follow the data: lengths of Collatz sequences, and a switch over them with every kind of way out.
(module
  (memory (export "memory") 1)
  (func $length (param $n i64) (result i32) (local $steps i32)
    (block $done
      (loop $again
        (br_if $done (i64.eq (local.get $n) (i64.const 1)))
        (local.set $steps (i32.add (local.get $steps) (i32.const 1)))
        (if (i64.eqz (i64.and (local.get $n) (i64.const 1)))
          (then (local.set $n (i64.shr_u (local.get $n) (i64.const 1))) (br $again)))
        (local.set $n (i64.add (i64.mul (local.get $n) (i64.const 3)) (i64.const 1)))
        (br $again)))
    (local.get $steps))
  (func $class (param $n i32) (result i32)
    (block $default (block $two (block $one (block $zero
      (br_table $zero $one $two $one $default (i32.rem_u (local.get $n) (i32.const 7))))
      (return (i32.const 0)))
      (return (i32.const 4)))
      (if (result i32) (i32.gt_u (local.get $n) (i32.const 60)) (then (i32.const 8)) (else (return (i32.const 12))))
      (return))
    (i32.const 16))
  (func (export "run") (result i32) (local $n i32) (local $at i32) (local $sum i32)
    (local.set $n (i32.const 1))
    (loop $next
      (local.set $at (call $class (call $length (i64.extend_i32_u (local.get $n)))))
      (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (i32.const 1)))
      (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (local.get $at)))
      (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1500))))
    (local.get $sum)))
