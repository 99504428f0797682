;; A start section that traps after a call: the function of the case is never called.
(module
  (memory (export "memory") 1)
  (func $helper (i32.store (i32.const 0) (i32.const 42)))
  (func $start (call $helper) (drop (i32.div_u (i32.const 1) (i32.load (i32.const 4)))))
  (start $start)
  (func (export "run") (i32.store (i32.const 8) (i32.const 1))))
