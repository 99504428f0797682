;; Throws on what is no exception.
(module (func (export "_start") (throw_ref (ref.null exn))))
