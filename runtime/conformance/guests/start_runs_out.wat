;; A start section that never ends.
(module
  (global $n (export "n") (mut i64) (i64.const 0))
  (func $start (loop $again (global.set $n (i64.add (global.get $n) (i64.const 1))) (br $again)))
  (start $start)
  (func (export "run")))
