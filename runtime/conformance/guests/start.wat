;; A start section that works, recurses and uses fuel; what it leaves is seen by the call.
(module
  (memory (export "memory") 1)
  (global $ready (export "ready") (mut i32) (i32.const 0))
  (func $deep (param $n i32)
    (if (local.get $n)
      (then (i32.store8 (local.get $n) (local.get $n)) (call $deep (i32.sub (local.get $n) (i32.const 1))))))
  (func $start (call $deep (i32.const 300)) (global.set $ready (i32.const 1)))
  (start $start)
  (func (export "run") (result i32) (i32.add (global.get $ready) (i32.load8_u (i32.const 77)))))
