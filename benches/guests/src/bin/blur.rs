//! A Gaussian blur of a grey picture in single precision, first along the rows and then along the columns.

const WIDTH: usize = 640;
const HEIGHT: usize = 480;
const RADIUS: usize = 4;

fn kernel(sigma: f32) -> [f32; 2 * RADIUS + 1] {
    let mut kernel = [0.0; 2 * RADIUS + 1];
    for (index, weight) in kernel.iter_mut().enumerate() {
        let distance = index as f32 - RADIUS as f32;
        *weight = (-distance * distance / (2.0 * sigma * sigma)).exp();
    }
    let sum: f32 = kernel.iter().sum();
    kernel.map(|weight| weight / sum)
}

fn blur_rows(from: &[f32], to: &mut [f32], kernel: &[f32]) {
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let mut sum = 0.0;
            for (k, weight) in kernel.iter().enumerate() {
                let column = (x + k).saturating_sub(RADIUS).min(WIDTH - 1);
                sum += weight * from[y * WIDTH + column];
            }
            to[y * WIDTH + x] = sum;
        }
    }
}

fn blur_columns(from: &[f32], to: &mut [f32], kernel: &[f32]) {
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let mut sum = 0.0;
            for (k, weight) in kernel.iter().enumerate() {
                let row = (y + k).saturating_sub(RADIUS).min(HEIGHT - 1);
                sum += weight * from[row * WIDTH + x];
            }
            to[y * WIDTH + x] = sum;
        }
    }
}

fn blur() -> i64 {
    let mut picture = bench_guests::Numbers::new().units_f32(WIDTH * HEIGHT);
    let mut between = vec![0.0; WIDTH * HEIGHT];
    let kernel = kernel(std::hint::black_box(1.5));
    for _ in 0..8 {
        blur_rows(&picture, &mut between, &kernel);
        blur_columns(&between, &mut picture, &kernel);
    }
    bench_guests::checksum(picture.into_iter().map(f64::from))
}

bench_guests::guest!(blur);
