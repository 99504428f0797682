;; Fills the stack from the start section.
(module
  (func $deeper (result i32) (i32.add (i32.const 1) (call $deeper)))
  (func $first (drop (call $deeper)))
  (start $first)
  (func (export "_start")))
