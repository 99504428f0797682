//! Between the bytes of sRGB and linear light.
//!
//! No other colour space. A table of 256 entries goes one way, the formula the other.

use std::array;

/// Linear light for each sRGB byte.
pub(crate) struct ToLinear([f32; 256]);

impl ToLinear {
    pub(crate) fn new() -> Self {
        Self(array::from_fn(|byte| {
            let value = unit(u8::try_from(byte).unwrap_or(u8::MAX));
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        }))
    }

    pub(crate) fn convert(&self, byte: u8) -> f32 {
        self.0[usize::from(byte)]
    }
}

/// The nearest sRGB byte of linear light; what a filter overshoots is cut off.
pub(crate) fn to_srgb(linear: f32) -> u8 {
    byte(if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 })
}

/// A byte as a part of one.
pub(crate) fn unit(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

/// The nearest byte of a part of one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to the range of a byte"
)]
pub(crate) fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let table = ToLinear::new();
        for value in 0..=u8::MAX {
            assert_eq!(to_srgb(table.convert(value)), value);
            assert_eq!(byte(unit(value)), value);
        }
    }

    #[test]
    fn half_of_the_light_is_brighter_than_the_middle_byte() {
        assert_eq!(to_srgb(0.5), 188);
        assert_eq!((to_srgb(-0.1), to_srgb(1.1)), (0, 255));
    }
}
