//! Modules that cost much to compile, on a serving node: a process of its own compiles each, within limits that follow from the
//! job, and is gone when the job is.

use std::fs;
use std::io::Write as _;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bacalhau_job::JobState;
use rustix::process::{Pid, test_kill_process};

use bacalhau_testkit::{BOUND, Lab, Node, command::binary, until};

/// What a program does that takes a while to compile, and is like what a compiler makes: `functions` functions of `operators`
/// operations, none of which is called.
fn large(functions: usize, operators: usize) -> Vec<u8> {
    let leb = |mut number: usize| {
        let mut bytes = Vec::new();
        loop {
            let byte = u8::try_from(number & 0x7f).unwrap();
            number >>= 7;
            bytes.push(if number > 0 { byte | 0x80 } else { byte });
            if number == 0 {
                return bytes;
            }
        }
    };
    let section = |id: u8, content: Vec<u8>| [vec![id], leb(content.len()), content].concat();
    // local.get 0, i64.const 5, i64.mul, local.set 0
    let body = [vec![0], [0x20, 0, 0x42, 5, 0x7e, 0x21, 0].repeat(operators), vec![0x20, 0, 0x0b]].concat();
    let code = [leb(body.len()), body].concat();
    let start = vec![2, 0, 0x0b];
    [
        b"\0asm\x01\0\0\0".to_vec(),
        // (func (param i64) (result i64)), (func)
        section(1, vec![2, 0x60, 1, 0x7e, 1, 0x7e, 0x60, 0, 0]),
        section(3, [leb(functions + 1), vec![0; functions], vec![1]].concat()),
        section(7, [b"\x01\x06_start\0".to_vec(), leb(functions)].concat()),
        section(10, [leb(functions + 1), code.repeat(functions), start].concat()),
    ]
    .concat()
}

/// The processes that compile for the node of `lab`.
fn compiling(lab: &Lab) -> Vec<Pid> {
    let cache = lab.path("node/modules").display().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let of_node = |process: &i32| {
        // A process that is gone and not yet waited for has none.
        let line = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        line.contains("compile-module") && line.contains(&cache)
    };
    numbers.filter(of_node).filter_map(Pid::from_raw).collect()
}

fn is_whole(node: &Node) -> bool {
    let facts = node.client().node().unwrap();
    let (free, total) = (facts.free.unwrap(), facts.total.unwrap());
    (free.cpu_millis, free.memory_bytes) == (total.cpu_millis, total.memory_bytes)
}

fn failure(node: &Node, job: &str) -> String {
    let record = node.client().job(job).unwrap().record;
    assert_eq!(record.state, JobState::Failed);
    record.shards[0].executions.iter().filter_map(|execution| execution.why.clone()).collect()
}

#[test]
fn a_compile_bomb_is_killed_at_the_time_out_and_is_paid_for_once() {
    let lab = Lab::new();
    lab.write("bomb.wasm", large(20_000, 200));
    let node = lab.serve("node", "");
    let submit = || lab.submit(&node, "bomb.wasm -c 1 --timeout 2");
    let job = submit();
    until("the module is being compiled", || !compiling(&lab).is_empty());
    if thread::available_parallelism().map_or(1, NonZero::get) > 1 {
        let other = lab.submit(&node, "hello.wat -c 1");
        until("another job has ended", || node.client().job(&other).unwrap().record.state.is_final());
        assert_eq!(node.client().job(&other).unwrap().record.state, JobState::Completed);
    }
    until("the job has ended", || node.client().job(&job).unwrap().record.state.is_final());
    let why = failure(&node, &job);
    assert!(why.contains("longer than 2 s") || why.contains("takes too long to compile"), "{why}");
    assert_eq!(compiling(&lab), [], "it is gone before the job is");
    let files = fs::read_dir(lab.path("node/modules")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "new")).collect();
    assert!(files.is_empty(), "{files:?}");
    // Where other processes had most of the processors, the attempt says nothing, and another one is made.
    let refused_at_once = (0..10).any(|_| {
        let job = submit();
        until("a job has ended", || node.client().job(&job).unwrap().record.state.is_final());
        failure(&node, &job).contains("takes too long to compile")
    });
    assert!(refused_at_once);
    let job = submit();
    let mut seen = Vec::new();
    until("the last job has ended", || {
        seen.extend(compiling(&lab));
        node.client().job(&job).unwrap().record.state.is_final()
    });
    assert!(seen.is_empty() && failure(&node, &job).contains("takes too long to compile"), "{seen:?}");
    until("nothing is held", || is_whole(&node));
}

#[test]
fn a_compilation_that_is_cancelled_holds_its_capacity_until_it_has_ended() {
    let lab = Lab::new();
    lab.write("bomb.wasm", large(20_000, 200));
    let node = lab.serve("node", "");
    let job = lab.submit(&node, "bomb.wasm -c 1 --timeout 600");
    until("the module is being compiled", || !compiling(&lab).is_empty());
    assert!(!is_whole(&node));
    lab.expect(0, &format!("cancel {job} --api-host {}", node.api));
    let since = Instant::now();
    while !is_whole(&node) {
        assert!(since.elapsed() < BOUND, "{}", node.log());
    }
    assert_eq!(compiling(&lab), [], "capacity was given back");
}

#[test]
fn a_compilation_ends_with_its_node() {
    let lab = Lab::new();
    lab.write("bomb.wasm", large(20_000, 200));
    let mut node = lab.serve("node", "");
    lab.submit(&node, "bomb.wasm -c 1 --timeout 600");
    let mut found = Vec::new();
    until("the module is being compiled", || {
        found = compiling(&lab);
        !found.is_empty()
    });
    node.kill();
    until("its process is gone", || found.iter().all(|process| test_kill_process(*process).is_err()));
}

#[test]
fn jobs_of_one_module_compile_it_once_and_a_cached_one_needs_no_process() {
    let lab = Lab::new();
    lab.write("large.wasm", large(1000, 100));
    let mut node = lab.serve("node", "--log-filter info,bacalhau_compute=debug");
    for round in 0..2 {
        let jobs = [0; 3].map(|_| lab.submit(&node, "large.wasm -c 1"));
        for job in jobs {
            until("a job has ended", || node.client().job(&job).unwrap().record.state.is_final());
            assert_eq!(node.client().job(&job).unwrap().record.state, JobState::Completed);
        }
        let log = node.log();
        let compiled =
            log.lines().filter(|line| line.contains("has compiled a module") && line.contains("optimize=false"));
        assert_eq!(compiled.count(), 1, "{round}: {log}");
        node.kill();
        node.again(&lab);
    }
}

/// Runs the process that compiles by itself, within limits.
fn compile(lab: &Lab, module: &[u8], memory_bytes: u64, cpu_seconds: u64) -> (ExitStatus, String) {
    let mut command = Command::new(binary());
    command.args(["compile-module", "--threads", "1", "--cache-dir"]).arg(lab.path("modules"));
    command.arg("--parent").arg(std::process::id().to_string());
    command.arg("--memory-bytes").arg(memory_bytes.to_string());
    command.arg("--cpu-seconds").arg(cpu_seconds.to_string());
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may be ended while it reads.
    child.stdin.take().unwrap().write_all(module).unwrap_or_default();
    let output = child.wait_with_output().unwrap();
    (output.status, String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn a_process_that_compiles_is_held_to_its_memory_and_processor_time() {
    use std::os::unix::process::ExitStatusExt as _;
    let (lab, module) = (Lab::new(), large(20_000, 200));
    let begun = Instant::now();
    let (status, said) = compile(&lab, &module, 4 << 30, 1);
    assert_eq!(status.signal(), Some(rustix::process::Signal::XCPU.as_raw()), "{status} {said}");
    assert!(begun.elapsed() < Duration::from_mins(1));
    let (status, said) = compile(&lab, &module, 80 << 20, 600);
    assert!(!status.success() && said.contains("memory allocation of"), "{status} {said}");
    let (status, said) = compile(&lab, &large(10, 10), 256 << 20, 60);
    assert!(status.success() && said.contains(r#"{"end":"compiled"}"#), "{status} {said}");
    let (status, said) = compile(&lab, b"\0asm\x01\0\0\0\x0b", 256 << 20, 60);
    assert!(status.success() && said.contains(r#""end":"refused""#), "{status} {said}");
}
