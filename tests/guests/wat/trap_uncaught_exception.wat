;; An exception leaves `_start`, past a handler of another.
(module
  (tag $t) (tag $other)
  (func $throws (throw $t))
  (func (export "_start") (block $h (try_table (catch $other $h) (call $throws)))))
