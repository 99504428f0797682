;; An indirect call of a function that takes no argument, with one.
(module
  (type $one (func (param i32)))
  (table funcref (elem $nothing))
  (func $nothing)
  (func (export "_start") (call_indirect (type $one) (i32.const 1) (i32.const 0))))
