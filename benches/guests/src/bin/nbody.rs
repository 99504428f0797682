//! The sun and its four largest planets, as in the Benchmarks Game.

use std::f64::consts::PI;

const SOLAR_MASS: f64 = 4.0 * PI * PI;
const YEAR: f64 = 365.24;

#[derive(Clone, Copy)]
struct Body {
    position: [f64; 3],
    velocity: [f64; 3],
    mass: f64,
}

fn body(position: [f64; 3], velocity_per_day: [f64; 3], mass: f64) -> Body {
    Body { position, velocity: velocity_per_day.map(|v| v * YEAR), mass: mass * SOLAR_MASS }
}

fn solar_system() -> Vec<Body> {
    vec![
        body([0.0; 3], [0.0; 3], 1.0),
        body(
            [4.841_431_442_464_72, -1.160_320_044_027_428_4, -0.103_622_044_471_123_11],
            [0.001_660_076_642_744_037, 0.007_699_011_184_197_404, -0.000_069_046_001_697_206_3],
            0.000_954_791_938_424_326_6,
        ),
        body(
            [8.343_366_718_244_58, 4.124_798_564_124_305, -0.403_523_417_114_321_4],
            [-0.002_767_425_107_268_624, 0.004_998_528_012_349_172, 0.000_023_041_729_757_376_393],
            0.000_285_885_980_666_130_8,
        ),
        body(
            [12.894_369_562_139_13, -15.111_151_401_698_631, -0.223_307_578_892_655_73],
            [0.002_964_601_375_647_616, 0.002_378_471_739_594_809_5, -0.000_029_658_956_854_023_756],
            0.000_043_662_440_433_515_63,
        ),
        body(
            [15.379_697_114_850_917, -25.919_314_609_987_964, 0.179_258_772_950_371_18],
            [0.002_680_677_724_903_893_2, 0.001_628_241_700_382_423, -0.000_095_159_225_451_971_59],
            0.000_051_513_890_204_661_145,
        ),
    ]
}

fn advance(bodies: &mut [Body], dt: f64) {
    for i in 0..bodies.len() {
        for j in i + 1..bodies.len() {
            let mut d = [0.0; 3];
            for axis in 0..3 {
                d[axis] = bodies[i].position[axis] - bodies[j].position[axis];
            }
            let squared = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
            let magnitude = dt / (squared * squared.sqrt());
            let (mass_i, mass_j) = (bodies[i].mass, bodies[j].mass);
            for axis in 0..3 {
                bodies[i].velocity[axis] -= d[axis] * mass_j * magnitude;
                bodies[j].velocity[axis] += d[axis] * mass_i * magnitude;
            }
        }
    }
    for body in bodies {
        for axis in 0..3 {
            body.position[axis] += dt * body.velocity[axis];
        }
    }
}

fn energy(bodies: &[Body]) -> f64 {
    let mut energy = 0.0;
    for (i, body) in bodies.iter().enumerate() {
        energy += 0.5 * body.mass * body.velocity.iter().map(|v| v * v).sum::<f64>();
        for other in &bodies[i + 1..] {
            let squared: f64 = (0..3).map(|axis| (body.position[axis] - other.position[axis]).powi(2)).sum();
            energy -= body.mass * other.mass / squared.sqrt();
        }
    }
    energy
}

fn orbits() -> i64 {
    let mut bodies = solar_system();
    for _ in 0..std::hint::black_box(300_000) {
        advance(&mut bodies, 0.01);
    }
    bench_guests::checksum([energy(&bodies)])
}

bench_guests::guest!(orbits);
