//! Pictures of the kinds that PNG knows: grey and colour, palette and alpha, 1, 8 and 16 bits.
//!
//! Only sums, products, divisions and square roots are used, which are the same on every platform.

use crate::{Generated, random::Random};
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

type Result<T> = std::result::Result<T, EncodingError>;

pub(crate) fn files() -> Result<Vec<Generated>> {
    Ok(vec![
        ("pictures/fractals/mandelbrot.png".into(), mandelbrot()?),
        ("pictures/landscape/hills.png".into(), hills()?),
        ("pictures/plots/random-walk.png".into(), random_walk()?),
        ("pictures/tests/checkerboard.png".into(), checkerboard()?),
        ("pictures/tests/grey-ramp-16-bit.png".into(), grey_ramp()?),
        ("pictures/tests/soft-disc.png".into(), soft_disc()?),
    ])
}

/// Palette: how soon each point leaves the circle.
fn mandelbrot() -> Result<Vec<u8>> {
    let (width, height) = (480, 320);
    let palette: Vec<u8> =
        (0..=64_u8).flat_map(|step| [step * 3, step.saturating_mul(step / 16 + 1), 60 + step * 3]).collect();
    let pixels = each(width, height, |x, y| [escape(f64::from(x) / 160.0 - 2.2, f64::from(y) / 160.0 - 1.0)]);
    encode(width, height, ColorType::Indexed, BitDepth::Eight, &pixels, Some(palette))
}

fn escape(re: f64, im: f64) -> u8 {
    let (mut x, mut y) = (0.0, 0.0);
    for step in 0..64 {
        if x * x + y * y > 4.0 {
            return step;
        }
        (x, y) = (x * x - y * y + re, 2.0 * x * y + im);
    }
    64
}

/// Colour: five ridges in the haze under an evening sky, with the grain of a photograph.
fn hills() -> Result<Vec<u8>> {
    let (width, height) = (300, 200);
    let mut random = Random::new(5);
    let ridges: Vec<Vec<f64>> =
        (0..5).map(|ridge| skyline(width, 70.0 + 28.0 * f64::from(ridge), &mut random)).collect();
    let pixels = each(width, height, |x, y| {
        let ridge = ridges.iter().rposition(|ridge| f64::from(y) > ridge[x as usize]);
        let grain = f64::from(u32::try_from(random.below(5)).unwrap_or(0)) - 2.0;
        let sky = f64::from(y) / f64::from(height);
        let colour = match ridge {
            None => [90.0 + 150.0 * sky, 110.0 + 70.0 * sky, 170.0 - 40.0 * sky],
            Some(near) => [150.0, 120.0, 130.0].map(|part| part * (1.0 - 0.19 * small(near))),
        };
        colour.map(|part| to_byte(part + grain))
    });
    encode(width, height, ColorType::Rgb, BitDepth::Eight, &pixels, None)
}

/// The height of a ridge at each column: a walk whose steps are a slower walk.
fn skyline(width: u32, start: f64, random: &mut Random) -> Vec<f64> {
    let (mut height, mut slope) = (start, 0.0);
    let mut step = || f64::from(u32::try_from(random.below(2001)).unwrap_or(0)) / 1000.0 - 1.0;
    let next = |_| {
        slope = 0.93 * slope + 0.25 * step();
        height += slope + 0.02 * (start - height);
        height
    };
    (0..width).map(next).collect()
}

/// One bit: a plotted walk with axes.
fn random_walk() -> Result<Vec<u8>> {
    let (width, height) = (640_u32, 400_u32);
    let mut random = Random::new(11);
    let mut line = skyline(width, 200.0, &mut random);
    for value in &mut line {
        *value = (*value - 200.0) * 6.0 + 200.0;
    }
    let dark = |x: u32, y: u32| {
        let (here, before) = (line[x as usize], line[x.saturating_sub(1) as usize]);
        let (low, high) = (here.min(before) - 1.0, here.max(before) + 1.0);
        let tick = (y >= height - 18 && x % 64 == 40) || (x <= 46 && y.is_multiple_of(50));
        x == 40 || y == height - 12 || tick || (x > 40 && (low..=high).contains(&f64::from(y)))
    };
    let pixels =
        each(width / 8, height, |x, y| [(0..8).fold(0, |bits, bit| (bits << 1) | u8::from(!dark(x * 8 + bit, y)))]);
    encode(width, height, ColorType::Grayscale, BitDepth::One, &pixels, None)
}

/// One bit: half of the pixels are white. A thumbnail made without regard to gamma is too dark.
fn checkerboard() -> Result<Vec<u8>> {
    let pixels = each(32, 256, |_, y| [if y % 2 == 0 { 0x55 } else { 0xaa }]);
    encode(256, 256, ColorType::Grayscale, BitDepth::One, &pixels, None)
}

fn grey_ramp() -> Result<Vec<u8>> {
    let pixels = each(512, 128, |x, y| u16::try_from(x * 120 + y * 30).unwrap_or(u16::MAX).to_be_bytes());
    encode(512, 128, ColorType::Grayscale, BitDepth::Sixteen, &pixels, None)
}

/// Alpha: an orange disc whose edge fades into nothing.
fn soft_disc() -> Result<Vec<u8>> {
    let pixels = each(240, 240, |x, y| {
        let (dx, dy) = (f64::from(x) - 119.5, f64::from(y) - 119.5);
        let distance = (dx * dx + dy * dy).sqrt();
        [240, to_byte(90.0 + f64::from(y) / 3.0), 20, to_byte((110.0 - distance) * 12.0)]
    });
    encode(240, 240, ColorType::Rgba, BitDepth::Eight, &pixels, None)
}

fn each<const N: usize>(width: u32, height: u32, mut pixel: impl FnMut(u32, u32) -> [u8; N]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in 0..height {
        (0..width).for_each(|x| bytes.extend(pixel(x, y)));
    }
    bytes
}

fn small(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to the range of a byte"
)]
fn to_byte(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

fn encode(
    width: u32,
    height: u32,
    colour: ColorType,
    depth: BitDepth,
    pixels: &[u8],
    palette: Option<Vec<u8>>,
) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut encoder = Encoder::new(&mut content, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    encoder.set_compression(Compression::High);
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(content)
}
