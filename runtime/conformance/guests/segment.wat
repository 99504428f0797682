;; A data segment that does not fit: the module traps before anything of it runs.
(module
  (memory (export "memory") 1)
  (data (i32.const 65530) "too long for it")
  (func (export "run")))
