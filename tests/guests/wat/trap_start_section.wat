;; The start section traps, before `_start` is called.
(module
  (func $first unreachable)
  (start $first)
  (func (export "_start")))
