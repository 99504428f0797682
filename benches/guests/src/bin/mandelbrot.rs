//! The Mandelbrot set: a loop over doubles that stay in registers.

const WIDTH: u32 = 480;
const HEIGHT: u32 = 360;
const MOST: u32 = 200;

fn escape(cx: f64, cy: f64) -> u32 {
    let (mut x, mut y) = (0.0, 0.0);
    for step in 0..MOST {
        let (xx, yy) = (x * x, y * y);
        if xx + yy > 4.0 {
            return step;
        }
        y = 2.0 * x * y + cy;
        x = xx - yy + cx;
    }
    MOST
}

fn picture() -> i64 {
    let mut sum = 0_i64;
    for row in 0..HEIGHT {
        for column in 0..WIDTH {
            let cx = f64::from(column) / f64::from(WIDTH) * 3.0 - 2.25;
            let cy = f64::from(row) / f64::from(HEIGHT) * 2.5 - 1.25;
            sum = sum.wrapping_mul(31) + i64::from(escape(cx, cy));
        }
    }
    sum
}

bench_guests::guest!(picture);
