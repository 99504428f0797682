;; A blur of 48 × 48 floats with scalars and with vectors: both write their picture to memory.
(module
  (memory (export "memory") 1)
  (func $fill (local $i i32)
    (loop $next
      (f32.store (i32.shl (local.get $i) (i32.const 2))
        (f32.div (f32.convert_i32_u (i32.rem_u (i32.mul (local.get $i) (i32.const 7919)) (i32.const 256))) (f32.const 255)))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2304)))))
  (func (export "scalar") (local $at i32)
    (call $fill)
    (local.set $at (i32.const 196))
    (loop $next
      (f32.store offset=16384 (local.get $at)
        (f32.mul (f32.const 0.2)
          (f32.add (f32.load (local.get $at))
            (f32.add
              (f32.add (f32.load (i32.sub (local.get $at) (i32.const 4))) (f32.load offset=4 (local.get $at)))
              (f32.add (f32.load (i32.sub (local.get $at) (i32.const 192))) (f32.load offset=192 (local.get $at)))))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 9020)))))
  (func (export "vector") (local $at i32) (local $fifth v128) (local $sum v128)
    (call $fill)
    (local.set $fifth (f32x4.splat (f32.const 0.2)))
    (local.set $at (i32.const 208))
    (loop $next
      (local.set $sum (f32x4.add (v128.load (local.get $at))
        (f32x4.add
          (f32x4.add (v128.load (i32.sub (local.get $at) (i32.const 4))) (v128.load offset=4 (local.get $at)))
          (f32x4.add (v128.load (i32.sub (local.get $at) (i32.const 192))) (v128.load offset=192 (local.get $at))))))
      (v128.store offset=16384 (local.get $at) (f32x4.mul (local.get $sum) (local.get $fifth)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (i32.const 9000))))))
