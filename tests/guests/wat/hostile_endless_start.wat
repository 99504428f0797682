;; Never comes back, from the start section: instantiation itself must be bounded.
(module
  (func $first (loop (br 0)))
  (start $first)
  (func (export "_start")))
