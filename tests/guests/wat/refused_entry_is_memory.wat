;; `_start` is not a function.
(module (memory (export "_start") 1))
