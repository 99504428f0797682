//! Guests that attack the sandbox. Each meets the wall that its job names, ends of itself or by that limit, and never by
//! the watchdog.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::fs;

use bacalhau_runtime::{Limit, MAX_STACK_BYTES, Outcome, Trap};
use bacalhau_tests::{Ended, Run, for_each_hostile, guests, tree};

macro_rules! has_a_test {
    ($name:ident) => {
        #[expect(unused_imports, reason = "does not compile when the guest has no test")]
        use self::$name as _;
    };
}
for_each_hostile!(has_a_test);

const MIB: u64 = 1 << 20;

/// Runs with this much fuel, all of which it has to use.
fn burns(guest: &'static str, fuel: u64) -> Ended {
    let ended = Run::of(guest).limits(|limits| limits.fuel = fuel).end();
    assert_eq!(ended.outcome(), Outcome::Limit(Limit::Fuel), "{}", ended.text("stderr"));
    assert_eq!(ended.receipt.claim.fuel, fuel);
    assert_eq!(ended.text("exitCode"), "152");
    ended
}

/// Runs until the given limit ends it.
fn ends_by(limit: Limit, run: Run) -> Ended {
    let ended = run.end();
    assert_eq!(ended.outcome(), Outcome::Limit(limit), "{}", ended.text("stderr"));
    assert_eq!(ended.text("exitCode"), "152");
    ended
}

#[test]
fn hostile_endless_loop() {
    burns(guests::HOSTILE_ENDLESS_LOOP, 100_000_000);
}

#[test]
fn hostile_endless_start() {
    burns(guests::HOSTILE_ENDLESS_START, 100_000_000);
}

#[test]
fn hostile_endless_tail_calls() {
    burns(guests::HOSTILE_ENDLESS_TAIL_CALLS, 100_000_000);
}

#[test]
fn hostile_memory_grow_loop() {
    burns(guests::HOSTILE_MEMORY_GROW_LOOP, 100_000_000);
}

#[test]
fn hostile_bulk_fill() {
    burns(guests::HOSTILE_BULK_FILL, 1_000_000_000);
}

/// The host keeps what a guest can still reach, and no more: not a gigabyte and a half.
#[test]
fn hostile_exceptions_churned() {
    let ended = Run::of(guests::HOSTILE_EXCEPTIONS_CHURNED).limits(|limits| limits.memory_bytes = 65_536).succeed();
    assert!(ended.receipt.claim.fuel > 1_000_000_000, "{}", ended.receipt.claim.fuel);
}

/// As many as the stack has frames for: the guest's bound comes first, and what they take is not the guest's memory.
#[test]
fn hostile_exceptions_kept() {
    let run = Run::of(guests::HOSTILE_EXCEPTIONS_KEPT).limits(|limits| {
        limits.memory_bytes = 65_536;
        limits.stack_bytes = MAX_STACK_BYTES;
    });
    assert_eq!(run.end().outcome(), Outcome::Limit(Limit::Stack));
}

#[test]
fn hostile_random_flood() {
    burns(guests::HOSTILE_RANDOM_FLOOD, 1_000_000_000);
}

#[test]
fn hostile_listing() {
    burns(guests::HOSTILE_LISTING, 1_000_000_000);
}

#[test]
fn hostile_reopen() {
    burns(guests::HOSTILE_REOPEN, 1_000_000_000);
}

#[test]
fn hostile_empty_buffers() {
    burns(guests::HOSTILE_EMPTY_BUFFERS, 1_000_000_000);
}

#[test]
fn hostile_hole_churn() {
    burns(guests::HOSTILE_HOLE_CHURN, 1_000_000_000);
}

#[test]
fn hostile_rename_tree() {
    burns(guests::HOSTILE_RENAME_TREE, 1_000_000_000);
}

#[test]
fn hostile_sleep_loop() {
    burns(guests::HOSTILE_SLEEP_LOOP, 100_000_000);
}

#[test]
fn hostile_deep_recursion() {
    let fuel = [64 << 10, MIB, 8 * MIB].map(|stack_bytes| {
        let run = Run::of(guests::HOSTILE_DEEP_RECURSION).limits(|limits| limits.stack_bytes = stack_bytes);
        ends_by(Limit::Stack, run).receipt.claim.fuel
    });
    assert!(fuel.is_sorted_by(|low, high| low < high), "each call is paid for: {fuel:?}");
}

#[test]
fn hostile_indirect_recursion() {
    ends_by(Limit::Stack, Run::of(guests::HOSTILE_INDIRECT_RECURSION).limits(|limits| limits.stack_bytes = 8 * MIB));
}

#[test]
fn hostile_recursion_in_start() {
    ends_by(Limit::Stack, Run::of(guests::HOSTILE_RECURSION_IN_START));
}

#[test]
fn hostile_exit_in_start() {
    assert_eq!(Run::of(guests::HOSTILE_EXIT_IN_START).end().outcome(), Outcome::Exit(7));
}

#[test]
fn hostile_initial_memory() {
    let refusal = Run::of(guests::HOSTILE_INITIAL_MEMORY).refusal();
    assert!(refusal.contains("memory") && refusal.contains("4294967296"), "{refusal}");
}

#[test]
fn hostile_initial_memories() {
    let refusal = Run::of(guests::HOSTILE_INITIAL_MEMORIES).refusal();
    assert!(refusal.contains("memory"), "{refusal}");
    Run::of(guests::HOSTILE_INITIAL_MEMORIES).limits(|limits| limits.memory_bytes = 600 * MIB).succeed();
}

#[test]
fn hostile_initial_table() {
    let refusal = Run::of(guests::HOSTILE_INITIAL_TABLE).refusal();
    assert!(refusal.contains("table") && refusal.contains("10000000"), "{refusal}");
}

#[test]
fn hostile_memory_grow() {
    let ended = Run::of(guests::HOSTILE_MEMORY_GROW).limits(|limits| limits.memory_bytes = 100 * MIB).succeed();
    assert_eq!(ended.bytes("stdout"), 1600_u32.to_le_bytes(), "to the last page that fits");
    assert!(ended.receipt.unclaimed.notes.iter().any(|note| note.contains("--memory")), "the user is told");
    let ended = Run::of(guests::HOSTILE_MEMORY_GROW).limits(|limits| limits.memory_bytes = 4096 * MIB).succeed();
    assert_eq!(ended.bytes("stdout"), 65536_u32.to_le_bytes(), "all that 32 bits can address");
}

#[test]
fn hostile_memory_hog() {
    let ended = Run::of(guests::HOSTILE_MEMORY_HOG).limits(|limits| limits.memory_bytes = 64 * MIB).succeed();
    let got: u64 = ended.text("stdout").trim().parse().unwrap();
    assert!((50..64).contains(&got), "{got} MiB of 64");
}

#[test]
fn hostile_memory_abort() {
    let ended = Run::of(guests::HOSTILE_MEMORY_ABORT).limits(|limits| limits.memory_bytes = 64 * MIB).end();
    assert_eq!(ended.outcome(), Outcome::Trap(Trap::Unreachable));
}

#[test]
fn hostile_table_grow() {
    let ended = Run::of(guests::HOSTILE_TABLE_GROW).limits(|limits| limits.table_elements = 1000).succeed();
    assert_eq!(ended.bytes("stdout"), 1000_u32.to_le_bytes());
}

#[test]
fn hostile_file_bomb() {
    let ended =
        ends_by(Limit::OutputFiles, Run::of(guests::HOSTILE_FILE_BOMB).limits(|limits| limits.output_files = 500));
    assert_eq!(fs::read_dir(ended.dir.join("outputs")).unwrap().count(), 500, "what fits is kept");
}

#[test]
fn hostile_dir_bomb() {
    ends_by(Limit::OutputFiles, Run::of(guests::HOSTILE_DIR_BOMB).limits(|limits| limits.output_files = 500));
}

#[test]
fn hostile_link_bomb() {
    ends_by(Limit::OutputFiles, Run::of(guests::HOSTILE_LINK_BOMB).limits(|limits| limits.output_files = 500));
}

#[test]
fn hostile_file_churn() {
    let run = Run::of(guests::HOSTILE_FILE_CHURN).limits(|limits| {
        limits.output_files = 11;
        limits.output_bytes = 11_000;
    });
    assert_eq!(run.succeed().text("stdout"), "survived\n");
    ends_by(Limit::OutputFiles, Run::of(guests::HOSTILE_FILE_CHURN).limits(|limits| limits.output_files = 10));
    ends_by(Limit::OutputBytes, Run::of(guests::HOSTILE_FILE_CHURN).limits(|limits| limits.output_bytes = 10_999));
}

#[test]
fn hostile_byte_bomb() {
    let run = Run::of(guests::HOSTILE_BYTE_BOMB).limits(|limits| limits.output_bytes = 32 * MIB);
    let ended = ends_by(Limit::OutputBytes, run);
    assert_eq!(fs::metadata(ended.dir.join("outputs/big")).unwrap().len(), 32 * MIB, "what fits is kept");
}

#[test]
fn hostile_unlinked_bytes() {
    ends_by(
        Limit::OutputBytes,
        Run::of(guests::HOSTILE_UNLINKED_BYTES).limits(|limits| limits.output_bytes = 32 * MIB),
    );
}

#[test]
fn hostile_truncate_bomb() {
    ends_by(Limit::OutputBytes, Run::of(guests::HOSTILE_TRUNCATE_BOMB));
}

#[test]
fn hostile_allocate_bomb() {
    ends_by(Limit::OutputBytes, Run::of(guests::HOSTILE_ALLOCATE_BOMB));
}

#[test]
fn hostile_sparse_bomb() {
    ends_by(Limit::OutputBytes, Run::of(guests::HOSTILE_SPARSE_BOMB));
}

#[test]
fn hostile_log_bomb() {
    let run = Run::of(guests::HOSTILE_LOG_BOMB).limits(|limits| limits.log_bytes = 10_000);
    let ended = ends_by(Limit::LogBytes, run);
    assert_eq!(ended.bytes("stdout").len() + ended.bytes("stderr").len(), 10_000);
}

#[test]
fn hostile_fd_bomb() {
    for open_files in [5, 16, 1024] {
        let ended = Run::of(guests::HOSTILE_FD_BOMB).limits(|limits| limits.open_files = open_files).succeed();
        assert_eq!(ended.text("stdout"), format!("{open_files}\n"));
        assert!(ended.receipt.unclaimed.notes.iter().any(|note| note.contains("--open-files")), "the user is told");
    }
}

#[test]
fn hostile_depth_bomb() {
    for path_depth in [8, 64] {
        let ended = Run::of(guests::HOSTILE_DEPTH_BOMB).limits(|limits| limits.path_depth = path_depth).succeed();
        assert_eq!(ended.text("stdout"), format!("{path_depth}\n"));
    }
}

#[test]
fn hostile_escape() {
    let host = tree(&[("secret", "SECRET"), ("outside/secret", "SECRET"), ("input/own", "own"), ("input/dir/g", "g")]);
    let input = host.path().join("input");
    let secret = host.path().join("secret");
    std::os::unix::fs::symlink(&secret, input.join("link-absolute")).unwrap();
    std::os::unix::fs::symlink("../secret", input.join("link-relative")).unwrap();
    std::os::unix::fs::symlink(host.path().join("outside"), input.join("link-dir")).unwrap();
    std::os::unix::fs::symlink("..", input.join("link-up")).unwrap();
    std::os::unix::fs::symlink("own", input.join("link-inside")).unwrap();
    let before = host_files(host.path());
    let ended = Run::of(guests::HOSTILE_ESCAPE).input("/inputs", &input).arg(secret.to_str().unwrap()).succeed();
    assert_eq!(ended.text("stdout"), "read 2 files of its own\n", "`own` and, through a link, `own` again");
    assert_eq!(host_files(host.path()), before, "nothing was made outside");
}

fn host_files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(host_files(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[test]
fn hostile_sleep() {
    let begun = std::time::Instant::now();
    let ended = Run::of(guests::HOSTILE_SLEEP).succeed();
    assert!(begun.elapsed().as_secs() < 60);
    // An hour, and the looks at the two clocks before and after.
    assert_eq!(ended.text("stdout"), "3600.002s 3600.002s\n");
}

#[test]
fn hostile_names_in_outputs() {
    let ended = Run::of(guests::HOSTILE_NAMES_IN_OUTPUTS).succeed();
    let mut names: Vec<String> = [
        "stdout", "exitCode", "-rf", "con", "a", "A", "ä", "a\u{308}", ".hidden", " ", "x y", "dir/f", "hard", "large",
        "larger", "small",
    ]
    .map(|name| format!("outputs/{name}"))
    .to_vec();
    names.extend([format!("outputs/{}", "n".repeat(255)), "exitCode".into(), "stderr".into(), "stdout".into()]);
    names.sort();
    assert_eq!(ended.files(), names, "files only, in byte order");
    assert_eq!(ended.text("outputs/hard"), "a");
    assert_eq!(ended.text("outputs/small"), "small");
    for large in ["outputs/large", "outputs/larger"] {
        assert!(ended.bytes(large) == vec![b'x'; 3 << 20], "{large}");
    }
    assert_eq!(ended.text("stdout"), "");
    assert!(
        ended.receipt.unclaimed.notes.iter().any(|note| note.contains("symbolic links") && note.ends_with(" 4")),
        "the user is told"
    );
    for link in ["out", "in", "link-loop", "up"] {
        assert!(ended.dir.join("outputs").join(link).symlink_metadata().is_err(), "{link} left the sandbox");
    }
}
