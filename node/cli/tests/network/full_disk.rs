//! A node whose disk is full: it says so, takes and bids on nothing, can be started to clean up, and works again after that.
//! The disk is a file system in memory of its own, which takes root; without, the test says so and skips.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bacalhau_api::Check;
use rustix::process::Signal;

use bacalhau_testkit::{Lab, Node, finish, until};

/// A file system of its own, until it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// One of so many MiB at `dir`, or why there is none.
    fn new(dir: PathBuf, mib: u32) -> Result<Self, String> {
        fs::create_dir(&dir).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "none"]).arg(&dir);
        if let Err(error) = Command::new("mount").arg("--version").output() {
            return Err(format!("there is no mount ({error})"));
        }
        let end = finish(command, "mount");
        if end.code == 0 { Ok(Self(dir)) } else { Err(end.stderr) }
    }

    /// Leaves no byte.
    fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.0.join("filler")).unwrap();
        for size in [1 << 20, 4096, 512, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whatever has a file open there may end a moment later.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn disk_check(node: &Node) -> Check {
    let health = node.client().health().unwrap();
    let check = health.checks.iter().find(|check| check.name == "disk").unwrap();
    assert!(health.ok || check.problem.is_some() || health.checks.iter().any(|check| check.problem.is_some()));
    check.clone()
}

fn assert_says_that_it_is_full(node: &Node, dir: &Path) {
    let mut problem = None;
    until("the node sees that its disk is full", || {
        problem = disk_check(node).problem;
        problem.is_some()
    });
    let problem = problem.unwrap();
    let dir = dir.display();
    assert!(problem.starts_with(&format!("the disk is full: {dir} has ")), "{problem}");
    assert!(problem.contains(" bytes free, and ") && problem.ends_with(" are needed"), "{problem}");
}

fn times(log: &str, line: &str) -> usize {
    log.lines().filter(|found| found.contains(line)).count()
}

const FULL: &str = "jobs are neither accepted nor bid on: the disk is full";
const OVER: &str = "there is room on the disk again";

#[test]
fn a_node_with_a_full_disk_bids_on_nothing_and_can_be_started_to_clean_up() {
    let lab = Lab::new();
    let disk = match Disk::new(lab.path("provider"), 24) {
        Ok(disk) => disk,
        Err(why) => return eprintln!("skipped: no file system can be mounted: {why}"),
    };
    let requester = lab.serve("requester", "--compute=false --bidding-time 2s");
    let start = || lab.serve("provider", &format!("--peer {} --limit-total-disk 16MiB", requester.peer));
    let job = |ends_well: bool, argument: &str| {
        let line =
            format!("wasm run hello.wat -c 1 --api-host {} --output-dir out-{argument} -- {argument}", requester.api);
        let end = lab.run_of("client", &line);
        assert_eq!(end.code == 0, ends_well, "{argument}: {}", end.stderr);
        end
    };
    // No two blocks of it are equal, so that the store has all of its 6 MiB.
    lab.write("large", (0..6 << 18_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let large = lab.expect(0, "ipfs add -Q large --data-dir provider").stdout.trim().to_owned();
    let mut provider = start();
    job(true, "1");
    assert_eq!(disk_check(&provider).problem, None);

    disk.fill();
    assert_says_that_it_is_full(&provider, &disk.0);
    let refused = lab.run_of("client", &format!("wasm run hello.wat --id-only --api-host {}", provider.api));
    assert_ne!(refused.code, 0, "{}", refused.stderr);
    assert!(refused.stderr.contains("this node takes no data: the disk is full"), "{}", refused.stderr);
    let lacking = job(false, "2");
    assert!(lacking.stderr.contains("1 node: 1 has a full disk"), "{}", lacking.stderr);
    until("the log says why it does not bid", || provider.log().contains("disk-full"));
    assert_eq!((times(&provider.log(), FULL), times(&provider.log(), OVER)), (1, 0), "{}", provider.log());

    // In the middle of it, and with what that may have freed filled again.
    provider.kill();
    disk.fill();
    let mut provider = start();
    assert_says_that_it_is_full(&provider, &disk.0);
    provider.client().jobs(&bacalhau_api::ListParams::default()).expect("its API answers");
    job(false, "3");

    lab.expect(0, &format!("ipfs pin rm {large} --data-dir provider"));
    lab.expect(0, "ipfs gc --data-dir provider");
    until("the node sees that there is room", || disk_check(&provider).problem.is_none());
    until("and says so", || provider.log().contains(OVER));
    job(true, "4");
    assert_eq!((times(&provider.log(), FULL), times(&provider.log(), OVER)), (2, 1), "{}", provider.log());
    provider.signal(Signal::TERM);
    assert_eq!(provider.code(), 0, "{}", provider.log());
}
