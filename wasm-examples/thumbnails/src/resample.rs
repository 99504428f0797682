//! Resizes with a Lanczos filter of three lobes, first along rows, then along columns.
//!
//! Only one row of the large picture is held as floats at a time. It does not sharpen and does not dither.

use crate::{
    colour::{ToLinear, byte, to_srgb, unit},
    picture::Picture,
};
use std::f64::consts::PI;

const LOBES: f64 = 3.0;

/// The source pixels that make one pixel of the result, with weights that add up to one.
struct Window {
    first: usize,
    weights: Vec<f32>,
}

/// The picture at another size.
pub(crate) fn resize(picture: &Picture, width: usize, height: usize) -> Picture {
    let channels = picture.channels();
    let table = ToLinear::new();
    let across = windows(picture.width, width);
    let mut narrow = Vec::with_capacity(picture.height * width * channels);
    for row in 0..picture.height {
        let row = to_linear(picture.row(row), channels, picture.has_alpha(), &table);
        for window in &across {
            narrow.extend((0..channels).map(|channel| window.sum(&row[channel..], channels)));
        }
    }
    let stride = width * channels;
    let mut bytes = Vec::with_capacity(stride * height);
    for window in windows(picture.height, height) {
        let row: Vec<f32> = (0..stride).map(|column| window.sum(&narrow[column..], stride)).collect();
        bytes.extend(from_linear(&row, channels, picture.has_alpha()));
    }
    Picture { width, height, colour: picture.colour, bytes }
}

impl Window {
    fn sum(&self, values: &[f32], stride: usize) -> f32 {
        let values = values.iter().skip(self.first * stride).step_by(stride);
        self.weights.iter().zip(values).map(|(weight, value)| weight * value).sum()
    }
}

/// One window for each pixel of the result. When a picture shrinks, the filter widens with it.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the sides of a picture are small, and a window is clamped to them"
)]
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let window = |index: usize| {
        let centre = (index as f64 + 0.5) * scale;
        let first = (centre - LOBES * stretch).floor().max(0.0) as usize;
        let end = ((centre + LOBES * stretch).ceil() as usize).min(from);
        let weights: Vec<_> = (first..end).map(|pixel| lanczos((pixel as f64 + 0.5 - centre) / stretch)).collect();
        let total: f64 = weights.iter().sum();
        Window { first, weights: weights.iter().map(|weight| (weight / total) as f32).collect() }
    };
    (0..to).map(window).collect()
}

fn lanczos(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        1.0
    } else if x.abs() >= LOBES {
        0.0
    } else {
        LOBES * (PI * x).sin() * (PI * x / LOBES).sin() / (PI * x).powi(2)
    }
}

/// Bytes to light; colours are multiplied with their alpha.
fn to_linear(row: &[u8], channels: usize, has_alpha: bool, table: &ToLinear) -> Vec<f32> {
    let mut light = Vec::with_capacity(row.len());
    for pixel in row.chunks_exact(channels) {
        let (colours, alpha) = pixel.split_at(channels - usize::from(has_alpha));
        let alpha = alpha.first().copied().map(unit);
        light.extend(colours.iter().map(|&colour| table.convert(colour) * alpha.unwrap_or(1.0)));
        light.extend(alpha);
    }
    light
}

/// Light to bytes; the reverse of [`to_linear`].
fn from_linear(row: &[f32], channels: usize, has_alpha: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(row.len());
    for pixel in row.chunks_exact(channels) {
        let (colours, alpha) = pixel.split_at(channels - usize::from(has_alpha));
        let alpha = alpha.first().copied();
        let opacity = alpha.unwrap_or(1.0).max(1e-6);
        bytes.extend(colours.iter().map(|colour| to_srgb(colour / opacity)));
        bytes.extend(alpha.map(byte));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use png::ColorType;

    fn picture(width: usize, height: usize, colour: ColorType, pixel: impl Fn(usize, usize) -> Vec<u8>) -> Picture {
        let bytes = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
        Picture { width, height, colour, bytes }
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let flat = picture(97, 31, ColorType::Rgb, |_, _| vec![200, 100, 3]);
        let small = resize(&flat, 12, 4);
        assert!(small.bytes.chunks_exact(3).all(|pixel| pixel == [200, 100, 3]));
    }

    #[test]
    fn a_checkerboard_keeps_half_of_its_light() {
        let board = picture(64, 64, ColorType::Grayscale, |x, y| vec![if (x + y) % 2 == 0 { 255 } else { 0 }]);
        let small = resize(&board, 8, 8);
        assert!(small.bytes.iter().all(|&value| value.abs_diff(188) <= 2), "{:?}", small.bytes);
    }

    #[test]
    fn the_colour_of_what_is_transparent_does_not_bleed() {
        let half =
            picture(40, 8, ColorType::Rgba, |x, _| if x < 20 { vec![255, 0, 0, 255] } else { vec![0, 255, 0, 0] });
        let small = resize(&half, 10, 2);
        assert!(small.bytes.chunks_exact(4).all(|pixel| pixel[1] == 0));
    }

    #[test]
    fn the_same_size_gives_the_same_picture() {
        let noise =
            picture(9, 7, ColorType::Grayscale, |x, y| vec![u8::try_from((x * 37 + y * 91) % 256).unwrap_or(0)]);
        assert_eq!(resize(&noise, 9, 7).bytes, noise.bytes);
    }
}
