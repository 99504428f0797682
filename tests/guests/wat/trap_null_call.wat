;; An indirect call of an element that holds no function.
(module
  (table 1 funcref)
  (func (export "_start") (call_indirect (i32.const 0))))
