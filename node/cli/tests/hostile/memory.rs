//! Programs that have the host keep memory or disk for them. Peaks are of the whole process that compiles and runs the program.

use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bacalhau_testkit::Lab;

const MIB: u64 = 1 << 20;
/// What the command takes beside `host_bytes` and the program's memory: itself, the engine, threads, the allocator's slack.
const OWN: u64 = 96 * MIB;
/// `host_bytes` of a job that does not say how much memory its program has.
const DEFAULT: u64 = (64 + 256) * MIB;
/// Longer than any of these programs takes on a machine that is busy with other things.
const BOUND: Duration = Duration::from_mins(5);

/// How a run ended, and the most memory that it had.
struct End {
    code: i32,
    stderr: String,
    peak: u64,
}

/// Imports, and `$number`, which writes five digits of `$v` that end before `$p`.
const HEAD: &str = r#"
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory" (func $rmdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link" (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate" (func $alloc (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $resize (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (func $check (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
  (func $number (param $v i32) (param $p i32) (local $end i32)
    (local.set $end (i32.sub (local.get $p) (i32.const 5)))
    (loop $d
      (local.set $p (i32.sub (local.get $p) (i32.const 1)))
      (i32.store8 (local.get $p) (i32.add (i32.const 48) (i32.rem_u (local.get $v) (i32.const 10))))
      (local.set $v (i32.div_u (local.get $v) (i32.const 10)))
      (br_if $d (i32.gt_u (local.get $p) (local.get $end)))))
"#;

/// A program whose `_start` is `body`, with `data` at 0 and locals `$i`, `$j`, `$fd`. One page, or what `pages` says.
fn program(pages: u32, data: &str, body: &str) -> String {
    format!(
        "(module {HEAD} (memory (export \"memory\") {pages}) (data (i32.const 0) \"{data}\")
           (func (export \"_start\") (local $i i32) (local $j i32) (local $fd i32) {body}))"
    )
}

/// `body` for `$var` from 0 to `count`.
fn times(var: &str, count: u32, body: &str) -> String {
    format!(
        "(local.set ${var} (i32.const 0))
         (loop $of_{var} {body}
           (br_if $of_{var}
             (i32.lt_u (local.tee ${var} (i32.add (local.get ${var}) (i32.const 1))) (i32.const {count}))))"
    )
}

/// Links in `tmp/d`, named by 245 times `a` and the number `$i`.
fn long_names(count: u32) -> String {
    let link = "(call $number (local.get $i) (i32.const 1256))
        (call $check (call $symlink (i32.const 0) (i32.const 1) (i32.const 3) (i32.const 1000) (i32.const 256)))";
    format!(
        "(call $check (call $mkdir (i32.const 3) (i32.const 0) (i32.const 5)))
         (memory.copy (i32.const 1000) (i32.const 0) (i32.const 6))
         (memory.fill (i32.const 1006) (i32.const 97) (i32.const 250)) {}",
        times("i", count, link)
    )
}

/// Opens `tmp/d` and lists it.
const LIST: &str = "(call $check (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 2)
      (i64.const 0x4000) (i64.const 0) (i32.const 0) (i32.const 100)))
    (call $check (call $readdir (i32.load (i32.const 100)) (i32.const 2000) (i32.const 24) (i64.const 0) (i32.const 104)))";

/// Makes the file of the `length` bytes at `at` and leaves its descriptor in `$fd`.
fn make_file(at: u32, length: u32) -> String {
    format!(
        "(call $check (call $open (i32.const 3) (i32.const 0) (i32.const {at}) (i32.const {length}) (i32.const 1)
           (i64.const 0x1fffffff) (i64.const 0) (i32.const 0) (i32.const 100)))
         (local.set $fd (i32.load (i32.const 100)))"
    )
}

fn run(lab: &Lab, program: &str, flags: &str) -> End {
    lab.write("attack.wat", program);
    let line = format!("wasm run attack.wat -c 1 --output-dir out --no-cache {flags}");
    let mut command = lab.command_of("client", &line);
    let log = fs::File::create(lab.path("stderr")).unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let (code, peak) = watch(&mut child);
    End { code, stderr: fs::read_to_string(lab.path("stderr")).unwrap(), peak }
}

/// Waits for `child`, and says the most memory that was resident.
fn watch(child: &mut Child) -> (i32, u64) {
    let (started, status) = (Instant::now(), format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak = line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).map_or(peak, |kib| kib << 10);
        if let Some(ended) = child.try_wait().unwrap() {
            return (ended.code().unwrap_or(-1), peak);
        }
        if started.elapsed() > BOUND {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it has not ended in {BOUND:?}");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

impl End {
    /// It ended with a result, and had no more than `most` bytes.
    fn is_result(&self, code: i32, most: u64) {
        assert_eq!(self.code, code, "{}", self.stderr);
        self.is_within(most);
    }

    /// It ended without a result since the limit `name` was met, and had no more than `most` bytes.
    fn is_host_failure(&self, lab: &Lab, name: &str, most: u64) {
        assert!(self.code != 0 && self.stderr.contains(name), "exit {}: {}", self.code, self.stderr);
        assert!(!lab.path("out/results").exists(), "there are results");
        self.is_within(most);
    }

    fn is_within(&self, most: u64) {
        eprintln!("peak: {} MiB", self.peak / MIB);
        assert!(self.peak < most, "{} MiB, and less than {} were to be taken", self.peak / MIB, most / MIB);
    }
}

#[test]
fn a_listing_through_1000_descriptors_is_kept_once() {
    let lab = Lab::new();
    let body = long_names(30_000) + &times("j", 1000, LIST);
    run(&lab, &program(1, "tmp/d/", &body), "").is_result(0, OWN + 64 * MIB);
}

#[test]
fn listings_of_a_directory_that_changes_are_counted() {
    let lab = Lab::new();
    let change = "(call $number (local.get $j) (i32.const 1256)) (i32.store8 (i32.const 1010) (i32.const 98))
        (call $check (call $symlink (i32.const 0) (i32.const 1) (i32.const 3) (i32.const 1000) (i32.const 256)))";
    let body = long_names(30_000) + &times("j", 1000, &format!("{LIST} {change}"));
    run(&lab, &program(1, "tmp/d/", &body), "").is_host_failure(&lab, "host_bytes", OWN + DEFAULT);
}

#[test]
fn removed_directories_leave_no_memory_behind() {
    let lab = Lab::new();
    let body = "(loop $l
        (call $check (call $mkdir (i32.const 3) (i32.const 0) (i32.const 5)))
        (call $check (call $rmdir (i32.const 3) (i32.const 0) (i32.const 5)))
        (br $l))";
    // Some 100,000 directories; one mebibyte holds 2,000 at once.
    let end = run(&lab, &program(1, "tmp/d", body), "--fuel 2_000_000_000 --host-memory 1MiB");
    end.is_result(10, OWN);
    assert_eq!(fs::read_to_string(lab.path("out/results/exitCode")).unwrap(), "152", "out of fuel");
}

#[test]
fn targets_of_links_are_counted() {
    let lab = Lab::new();
    let link = "(call $number (local.get $i) (i32.const 9))
        (call $check (call $symlink (i32.const 1000) (i32.const 4096) (i32.const 3) (i32.const 0) (i32.const 9)))";
    let body = "(memory.fill (i32.const 1000) (i32.const 97) (i32.const 4096))".to_owned() + &times("i", 99_000, link);
    let program = program(1, "tmp/00000", &body);
    run(&lab, &program, "").is_host_failure(&lab, "host_bytes", OWN + DEFAULT);
    run(&lab, &program, "--host-memory 1GiB").is_result(0, OWN + 1024 * MIB);
}

#[test]
fn tables_are_counted() {
    let lab = Lab::new();
    let program = "(module (table $t 0 funcref)
        (func (export \"_start\") (drop (table.grow $t (ref.null func) (i32.const 300000000)))))";
    let flags = "--table-elements 8_589_934_592";
    run(&lab, program, flags).is_host_failure(&lab, "host_bytes", OWN);
    // A table of its own size from the beginning.
    let program = "(module (table 300000000 funcref) (func (export \"_start\")))";
    run(&lab, program, flags).is_host_failure(&lab, "host_bytes", OWN);
}

#[test]
fn files_that_were_cut_off_keep_no_memory() {
    let lab = Lab::new();
    let cut = format!(
        "(call $number (local.get $i) (i32.const 9)) {}
         (call $check (call $alloc (local.get $fd) (i64.const 0) (i64.const 1048576)))
         (call $check (call $resize (local.get $fd) (i64.const 0)))
         (call $check (call $close (local.get $fd)))",
        make_file(0, 9)
    );
    run(&lab, &program(1, "tmp/00000", &times("i", 2000, &cut)), "").is_result(0, OWN + 64 * MIB);
}

#[test]
fn descriptors_are_counted() {
    let lab = Lab::new();
    let open = "(call $check (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 2)
        (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 100)))";
    let program = program(1, "tmp", &times("i", 1_000_000, open));
    let flags = "--open-files 4_000_000_000 --host-memory 32MiB";
    run(&lab, &program, flags).is_host_failure(&lab, "host_bytes", OWN + 32 * MIB);
}

#[test]
fn subscriptions_of_one_call_are_counted() {
    let lab = Lab::new();
    // 1.3 million subscriptions to a clock.
    let body = "(call $check (call $poll (i32.const 0) (i32.const 0) (i32.const 1300000) (i32.const 0)))";
    let end = run(&lab, &program(1024, "", body), "--host-memory 16MiB");
    end.is_host_failure(&lab, "host_bytes", OWN + 80 * MIB);
}

#[test]
fn bytes_that_leave_count_under_each_name() {
    let lab = Lab::new();
    let linked = |bytes: u32, names: u32| {
        let link = "(call $number (local.get $i) (i32.const 46))
            (call $check (call $link (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9)
              (i32.const 3) (i32.const 32) (i32.const 14)))";
        let alloc = format!("(call $check (call $alloc (local.get $fd) (i64.const 0) (i64.const {bytes})))");
        let data = format!("outputs/f{}outputs/n00000", "\\00".repeat(23));
        program(1, &data, &(make_file(0, 9) + &alloc + &times("i", names, link)))
    };
    let end = run(&lab, &linked(33_554_432, 64), "");
    end.is_host_failure(&lab, "output_bytes", OWN);
    assert!(end.stderr.contains("2181038080"), "65 names: {}", end.stderr);
    run(&lab, &linked(4_194_304, 4), "").is_result(0, OWN);
    let sizes: Vec<u64> = ["f", "n00000", "n00003"]
        .map(|name| fs::metadata(lab.path(&format!("out/results/outputs/{name}"))).map_or(0, |found| found.len()))
        .into();
    assert_eq!(sizes, [4_194_304; 3]);
}

#[test]
fn paths_of_results_are_counted() {
    let lab = Lab::new();
    // 50 directories in each other with names of 255 bytes, then 20,000 files in the last: 256 MiB of paths.
    let mut body =
        String::from("(memory.fill (i32.const 1000) (i32.const 97) (i32.const 255)) (local.set $fd (i32.const 3))");
    body.push_str(
        "(memory.copy (i32.const 1300) (i32.const 0) (i32.const 8))
         (memory.fill (i32.const 1308) (i32.const 97) (i32.const 200))",
    );
    let down = |path: u32, length: u32| {
        format!(
            "(call $check (call $mkdir (local.get $fd) (i32.const {path}) (i32.const {length})))
             (call $check (call $open (local.get $fd) (i32.const 0) (i32.const {path}) (i32.const {length}) (i32.const 2)
               (i64.const 0) (i64.const 0xfffffff) (i32.const 0) (i32.const 100)))
             (local.set $fd (i32.load (i32.const 100)))"
        )
    };
    body.push_str(&down(1300, 208));
    body.push_str(&times("i", 50, &down(1000, 255)));
    let file = "(call $number (local.get $i) (i32.const 505))
        (call $check (call $open (local.get $fd) (i32.const 0) (i32.const 500) (i32.const 5) (i32.const 1)
          (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 104)))
        (call $check (call $close (i32.load (i32.const 104))))";
    write!(body, "{}", times("i", 20_000, file)).unwrap();
    run(&lab, &program(1, "outputs/", &body), "").is_host_failure(&lab, "host_bytes", OWN + DEFAULT);
}

#[test]
fn a_job_of_170000_empty_arguments_is_not_read() {
    use bacalhau_job::{Deal, JobSpec};
    use bacalhau_runtime::{Job, Link};
    let mut job = Job::new(Link::of_raw(b""));
    job.args = vec![String::new(); 170_000];
    let encoded = serde_json::to_vec(&JobSpec::wasm("data:,x", job, Deal::new(1, 0).unwrap())).unwrap();
    let error = serde_json::from_slice::<JobSpec>(&encoded).unwrap_err().to_string();
    assert!(error.contains("more than 16384 elements"), "{error}");
    let mut job = Job::new(Link::of_raw(b""));
    job.env = (0..5000).map(|number| (format!("v{number}"), String::new())).collect();
    let error = Job::cid(&job).map(drop).and_then(|()| job.check_names()).unwrap_err().to_string();
    assert!(error.contains("5000 environment variables"), "{error}");
}
