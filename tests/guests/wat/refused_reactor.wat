;; A library: `_initialize` and functions, but no `_start`.
(module (func (export "_initialize")) (func (export "add") (param i32 i32) (result i32) (i32.const 0)))
