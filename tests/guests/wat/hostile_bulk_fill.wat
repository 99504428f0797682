;; One operator that touches 64 MiB, for ever: it must cost as much fuel as it costs time.
(module
  (memory (export "memory") 1024)
  (func (export "_start")
    (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 67108864)) (br 0))))
