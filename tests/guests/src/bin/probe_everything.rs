//! Writes down all that it can sense, in `/outputs/report` and in the shape of `/outputs/tree`: arguments, environment,
//! listings, stats, the content of the inputs, clocks, random numbers, floats, what its own changes look like.
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn main() {
    let mut report = String::new();
    let start = Instant::now();
    writeln!(report, "args {:?}", std::env::args().collect::<Vec<_>>()).unwrap();
    writeln!(report, "env {:?}", std::env::vars().collect::<Vec<_>>()).unwrap();
    writeln!(report, "epoch {:?}", SystemTime::now().duration_since(UNIX_EPOCH)).unwrap();
    sense(&mut report, "/");
    floats(&mut report);
    randomness(&mut report);
    change(&mut report);
    std::thread::sleep(Duration::from_hours(24));
    sense(&mut report, "/outputs");
    writeln!(report, "elapsed {:?}", start.elapsed()).unwrap();
    fs::write("/outputs/report", &report).unwrap();
    println!("{} bytes at {:?}", report.len(), SystemTime::now());
    eprintln!("{:p} {}", &raw const report, core::arch::wasm32::memory_size(0));
}

/// Every entry below `path`, in the order in which the system hands them out, with all that `stat` says.
fn sense(report: &mut String, path: &str) {
    let fd = guests::open_dir(path);
    for entry in guests::list(fd, 200) {
        writeln!(report, "{path} {entry:?}").unwrap();
        if entry.name.starts_with('.') {
            continue;
        }
        let below = format!("{}/{}", path.trim_end_matches('/'), entry.name);
        let stat = guests::granted(guests::link_stat(&below));
        writeln!(report, "{below} {stat:?}").unwrap();
        if stat.filetype == wasi::FILETYPE_DIRECTORY {
            sense(report, &below);
        } else {
            let content = fs::read(&below).map_err(|error| error.kind());
            writeln!(report, "{below} holds {content:?}").unwrap();
        }
    }
    guests::close(fd);
}

fn floats(report: &mut String) {
    let [zero, other] = std::hint::black_box([0.0_f64; 2]);
    for value in
        [zero / other, (zero - 1.0).sqrt(), 1.0 / zero - 1.0 / other, zero.sin(), 2.0_f64.powf(0.1), 1e300 * 1e10]
    {
        let narrow = value as f32;
        writeln!(report, "{value} {:016x} {narrow} {:08x}", value.to_bits(), narrow.to_bits()).unwrap();
    }
    let sum: f64 = (1..10_000).map(|n| f64::from(n).sin().exp().ln_1p()).sum();
    writeln!(report, "{sum:?} {:016x}", sum.to_bits()).unwrap();
}

fn randomness(report: &mut String) {
    let mut bytes = [0_u8; 1000];
    guests::granted(unsafe { wasi::random_get(bytes.as_mut_ptr(), bytes.len()) });
    writeln!(report, "{}", guests::hex(&bytes)).unwrap();
    let table: HashMap<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
    writeln!(report, "{table:?} at {:p}", &raw const table).unwrap();
}

/// Writes, renames, links and deletes, and looks at what came of it.
fn change(report: &mut String) {
    let tree = "/outputs/tree";
    fs::create_dir_all(format!("{tree}/z/y/x")).unwrap();
    for n in 0..50 {
        fs::write(format!("{tree}/f{}", n * 7 % 50), format!("{n}\n").repeat(n)).unwrap();
    }
    for n in 0..25 {
        fs::rename(format!("{tree}/f{n}"), format!("{tree}/z/g{}", 50 - n)).unwrap();
    }
    fs::remove_file(format!("{tree}/f30")).unwrap();
    fs::hard_link(format!("{tree}/f31"), format!("{tree}/z/y/hard")).unwrap();
    guests::granted(guests::symlink("../f32", "outputs/tree/z/soft"));
    let errors = [
        fs::remove_dir(tree).unwrap_err(),
        fs::read("/absent").unwrap_err(),
        fs::write("/inputs/new", "").unwrap_err(),
        fs::rename(tree, format!("{tree}/z/inside")).unwrap_err(),
        fs::read_dir("/../..").unwrap_err(),
    ];
    writeln!(report, "{errors:?}").unwrap();
    fs::copy(format!("{tree}/f33"), format!("{tree}/copy")).unwrap();
}
