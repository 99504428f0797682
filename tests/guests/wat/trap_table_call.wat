;; An indirect call past the end of the table.
(module
  (table 1 funcref)
  (func (export "_start") (call_indirect (i32.const 1))))
