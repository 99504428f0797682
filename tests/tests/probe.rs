//! What a program can sense, and that all of it is what the job says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::io;

use bacalhau_runtime::{Deadline, Entry, Kind, Outcome, ReadAt, Stat, Trap, Tree};
use bacalhau_tests::{Run, for_each_probe, guests, small_tree, succeed, tree};

macro_rules! has_a_test {
    ($name:ident) => {
        #[expect(unused_imports, reason = "does not compile when the guest has no test")]
        use self::$name as _;
    };
}
for_each_probe!(has_a_test);

succeed! {
    probe_big_directory = PROBE_BIG_DIRECTORY
}

#[test]
fn probe_clock() {
    assert_eq!(Run::of(guests::PROBE_CLOCK).succeed().text("stdout"), "1640995200000000000\n");
    let moon = Run::of(guests::PROBE_CLOCK).job(|job| job.epoch_seconds = 14_182_940).succeed();
    assert_eq!(moon.text("stdout"), "14182940000000000\n");
}

#[test]
fn probe_random() {
    let random = |seed| Run::of(guests::PROBE_RANDOM).job(|job| job.seed = seed).succeed().text("stdout");
    let one = random(1);
    assert_eq!(one, random(1));
    assert_ne!(one.lines().next(), random(2).lines().next());
    // The default seed, written down: no version of a random number crate may change it under the same profile.
    let hex = random(0).lines().next().unwrap().to_string();
    assert_eq!(hex, DEFAULT_RANDOM);
}

/// The first 64 bytes of the `ChaCha20` stream whose key is the SHA-256 of `"bacalhau random 1\0"` and eight zeros.
const DEFAULT_RANDOM: &str = "18d19d6cc96f985c57bb70fbf2868e806a719f075c0aa3ad283117ede1aa5a13\
                              729f548e1b2d8de1f5585f2e66de0a14d63f2796499d072e7470f2ee3540761d";

#[test]
fn probe_listing() {
    let inputs =
        tree(&[("b", ""), ("a", ""), ("B", ""), ("dir/z", ""), ("dir/y", ""), ("é", ""), ("10", ""), ("9", "")]);
    let listed = Run::of(guests::PROBE_LISTING).input("/inputs", inputs.path()).succeed().text("stdout");
    let names: Vec<_> = listed.lines().map(|line| line.splitn(3, ' ').nth(2).unwrap()).collect();
    let expected = [".", "..", "10", "9", "B", "a", "b", "dir", "dir/.", "dir/..", "dir/y", "dir/z", "é"];
    assert_eq!(names, expected.map(|name| format!("inputs/{name}")));
    let mut inodes: Vec<u64> = listed.lines().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(inodes.iter().all(|inode| *inode < 20), "ordinal, not those of the host: {inodes:?}");
    inodes.sort_unstable();
    inodes.dedup();
    assert_eq!(inodes.len(), names.len() - 2, "`dir` and `inputs` are named twice");
}

#[test]
fn probe_stat() {
    let inputs = small_tree();
    std::os::unix::fs::symlink("f", inputs.path().join("link")).unwrap();
    let told = Run::of(guests::PROBE_STAT).input("/inputs", inputs.path()).succeed().text("stdout");
    let epoch = "times 1640995200000000000 1640995200000000000 1640995200000000000";
    // Without the inode, which only has to be the same everywhere: see `determinism`.
    let lines: Vec<String> = told
        .lines()
        .map(|line| {
            line.split(' ').enumerate().filter(|(n, _)| *n != 4).map(|(_, word)| word).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(
        lines,
        [
            format!("/inputs: dev 1 ino kind 3 nlink 1 size 0 {epoch}"),
            format!("/inputs/dir: dev 1 ino kind 3 nlink 1 size 0 {epoch}"),
            format!("/inputs/dir/g: dev 1 ino kind 4 nlink 1 size 7 {epoch}"),
            format!("/inputs/f: dev 1 ino kind 4 nlink 1 size 6 {epoch}"),
            format!("/inputs/link: dev 1 ino kind 7 nlink 1 size 1 {epoch}"),
        ]
    );
}

#[test]
fn probe_environment() {
    let told = Run::of(guests::PROBE_ENVIRONMENT).arg("--flag").arg("ä b").env("KEY", "a=b").succeed().text("stdout");
    assert_eq!(
        told,
        "args [\"main.wasm\", \"--flag\", \"ä b\"]\nenv [(\"KEY\", \"a=b\")]\ndir /\nterminal false false false\n"
    );
}

#[test]
fn probe_stdin() {
    assert_eq!(Run::of(guests::PROBE_STDIN).succeed().text("stdout"), "0 \"\"\n", "empty when the job says nothing");
    let inputs = tree(&[("text", "first\nsecond\n")]);
    let run = || Run::of(guests::PROBE_STDIN).input("/inputs", inputs.path());
    let told = run().job(|job| job.stdin = Some("/inputs/text".into())).succeed().text("stdout");
    assert_eq!(told, "13 \"first\\n\"\n");
    let refusal = run().job(|job| job.stdin = Some("/inputs/absent".into())).refusal();
    assert!(refusal.contains("/inputs/absent"), "{refusal}");
    let refusal = run().job(|job| job.stdin = Some("/inputs".into())).refusal();
    assert!(refusal.contains("/inputs"), "{refusal}");
}

#[test]
fn probe_paths() {
    let inputs = tree(&[("x", "content of x\n")]);
    Run::of(guests::PROBE_PATHS).input("/inputs", inputs.path()).succeed();
}

#[test]
fn probe_exit() {
    for code in [0, 1, 3, 42, 134, 152, 255, 256, u32::MAX] {
        let ended = Run::of(guests::PROBE_EXIT).arg(code.to_string()).end();
        assert_eq!(ended.outcome(), Outcome::Exit(code));
        let results = ["exitCode", "outputs/code"].map(|name| ended.text(name));
        assert_eq!(results, [code.to_string(), code.to_string()]);
        assert_eq!((ended.text("stdout").as_str(), ended.text("stderr").as_str()), ("out", "err"));
        assert!(ended.receipt.claim.fuel > 0);
    }
}

#[test]
fn probe_panic() {
    let ended = Run::of(guests::PROBE_PANIC).end();
    assert_eq!(ended.outcome(), Outcome::Trap(Trap::Unreachable));
    assert_eq!(ended.text("exitCode"), "134");
    assert_eq!((ended.text("stdout").as_str(), ended.text("outputs/half").as_str()), ("before", "done"));
    assert!(ended.text("stderr").contains("on purpose"));
}

#[test]
fn probe_big_input() {
    let run = Run::of(guests::PROBE_BIG_INPUT).tree("/inputs", Endless);
    assert_eq!(run.succeed().text("stdout"), format!("{}\n", 1_u64 << 50));
}

/// A directory with one file of a pebibyte, whose every 8 bytes hold their own position. It takes no room, so a run over
/// it ends only if nothing reads more than the program asks for.
#[derive(Debug)]
struct Endless;

impl Tree for Endless {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        Ok(if path.is_empty() { Stat::new(Kind::Dir, 0) } else { Stat::new(Kind::File, 1 << 50) })
    }

    fn list(&self, _: &str) -> io::Result<Vec<Entry>> {
        Ok(vec![Entry { name: "big".into(), kind: Kind::File }])
    }

    fn open(&self, _: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(Self))
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok("endless".into())
    }
}

impl ReadAt for Endless {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        assert!(buf.len() < 1 << 24, "a bounded cache");
        for (byte, position) in buf.iter_mut().zip(offset..1 << 50) {
            *byte = (position & !7).to_le_bytes()[usize::try_from(position & 7).unwrap()];
        }
        Ok(buf.len().min(usize::try_from((1 << 50) - offset).unwrap()))
    }
}

#[test]
fn probe_nan() {
    let bits = Run::of(guests::PROBE_NAN).succeed().bytes("stdout");
    let mut expected = Vec::new();
    // Twelve operations of each width that make a NaN, or are given one; and the demotion of one.
    expected.extend(CANONICAL_64.repeat(12));
    expected.extend(CANONICAL_32.repeat(13));
    // Promotion makes one; `neg`, `abs` and `copysign` keep the payload.
    expected.extend(CANONICAL_64);
    expected.extend([0x37, 0x13, 0, 0, 0, 0, 0xf4, 0x7f].repeat(3));
    // Lanes of 0, infinity, -1, NaN under `/`, `sqrt`, `-`, `min` with themselves, and `max` with 1.
    let [zero, one, minus, infinite] = [0.0_f32, 1.0, -1.0, f32::INFINITY].map(f32::to_le_bytes);
    let nan = CANONICAL_32;
    for lanes in [
        [nan, nan, one, nan],
        [zero, infinite, nan, nan],
        [zero, nan, zero, nan],
        [zero, infinite, minus, nan],
        [one, infinite, one, nan],
    ] {
        expected.extend(lanes.concat());
    }
    expected.extend(CANONICAL_64.repeat(2));
    assert_eq!(bits, expected);
}

const CANONICAL_32: [u8; 4] = 0x7fc0_0000_u32.to_le_bytes();
const CANONICAL_64: [u8; 8] = 0x7ff8_0000_0000_0000_u64.to_le_bytes();

#[test]
fn probe_everything() {
    let inputs = small_tree();
    let ended = Run::of(guests::PROBE_EVERYTHING).input("/inputs", inputs.path()).succeed();
    let report = ended.text("outputs/report");
    assert!(report.contains("/inputs/dir/g") && report.contains("ReadOnlyFilesystem"), "{report}");
}
