;; Each frame keeps an exception that it caught, down to the end of the stack.
(module
  (tag $t (param i64 i64 i64 i64))
  (memory (export "memory") 1)
  (func $keep (local exnref)
    (local.set 0 (block $h (result exnref)
      (try_table (catch_all_ref $h) (throw $t (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))
      (unreachable)))
    (call $keep)
    (throw_ref (local.get 0)))
  (func (export "_start") (call $keep)))
