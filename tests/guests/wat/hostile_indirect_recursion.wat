;; The same through a table, with big frames and by two functions in turn.
(module
  (type $step (func (param i64) (result i64)))
  (table funcref (elem $even $odd))
  (func $even (type $step) (local v128 v128 v128 v128 f64 f64)
    (i64.add (local.get 0) (call_indirect (type $step) (i64.const 1) (i32.const 1))))
  (func $odd (type $step)
    (i64.mul (local.get 0) (call_indirect (type $step) (i64.const 2) (i32.const 0))))
  (func (export "_start") (drop (call $even (i64.const 0)))))
