;; Ten memories of 60 MiB each: every one is small, together they are not.
(module
  (memory 960) (memory 960) (memory 960) (memory 960) (memory 960)
  (memory 960) (memory 960) (memory 960) (memory 960) (memory 960)
  (func (export "_start")))
