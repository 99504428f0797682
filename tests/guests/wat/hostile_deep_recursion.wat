;; Calls itself until the stack is full. Each level leaves its number in memory, and nobody may notice how deep it got
;; but through the limit.
(module
  (memory (export "memory") 1)
  (func $deeper (param i32) (result i32)
    (i32.store (i32.const 0) (local.get 0))
    (i32.add (i32.const 1) (call $deeper (i32.add (local.get 0) (i32.const 1)))))
  (func (export "_start") (drop (call $deeper (i32.const 0)))))
