//! A picture of 8 bits a channel made smaller with Lanczos' filter, in single precision.

const FROM: (usize, usize) = (1024, 768);
const TO: (usize, usize) = (640, 480);
const CHANNELS: usize = 3;
const LOBES: f32 = 3.0;

fn lanczos(x: f32) -> f32 {
    if x == 0.0 {
        return 1.0;
    }
    if x.abs() >= LOBES {
        return 0.0;
    }
    let x = x * std::f32::consts::PI;
    LOBES * x.sin() * (x / LOBES).sin() / (x * x)
}

/// For each place of the new line: the first place of the old one, and the weights from there on.
fn weights(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let ratio = from as f32 / to as f32;
    let scale = ratio.max(1.0);
    let line = |place: usize| {
        let centre = (place as f32 + 0.5) * ratio;
        let first = (centre - LOBES * scale).floor().max(0.0) as usize;
        let last = ((centre + LOBES * scale).ceil() as usize).min(from);
        let mut weights: Vec<f32> = (first..last).map(|old| lanczos((old as f32 + 0.5 - centre) / scale)).collect();
        let sum: f32 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= sum;
        }
        (first, weights)
    };
    (0..to).map(line).collect()
}

fn resize(picture: &[u8]) -> Vec<u8> {
    let mut narrow = vec![0.0_f32; TO.0 * FROM.1 * CHANNELS];
    let columns = weights(FROM.0, TO.0);
    for y in 0..FROM.1 {
        for (x, (first, weights)) in columns.iter().enumerate() {
            let mut sum = [0.0; CHANNELS];
            for (offset, weight) in weights.iter().enumerate() {
                let pixel = (y * FROM.0 + first + offset) * CHANNELS;
                for channel in 0..CHANNELS {
                    sum[channel] += f32::from(picture[pixel + channel]) * weight;
                }
            }
            let pixel = (y * TO.0 + x) * CHANNELS;
            narrow[pixel..pixel + CHANNELS].copy_from_slice(&sum);
        }
    }
    let mut small = vec![0; TO.0 * TO.1 * CHANNELS];
    for (y, (first, weights)) in weights(FROM.1, TO.1).iter().enumerate() {
        for x in 0..TO.0 {
            for channel in 0..CHANNELS {
                let mut sum = 0.0;
                for (offset, weight) in weights.iter().enumerate() {
                    sum += narrow[((first + offset) * TO.0 + x) * CHANNELS + channel] * weight;
                }
                small[(y * TO.0 + x) * CHANNELS + channel] = sum.round().clamp(0.0, 255.0) as u8;
            }
        }
    }
    small
}

fn thumbnail() -> i64 {
    let mut numbers = bench_guests::Numbers::new();
    let picture: Vec<u8> = (0..FROM.0 * FROM.1 * CHANNELS).map(|_| numbers.bits() as u8).collect();
    let small = resize(&picture);
    small.iter().fold(0, |sum: i64, byte| sum.wrapping_mul(31).wrapping_add(i64::from(*byte)))
}

bench_guests::guest!(thumbnail);
