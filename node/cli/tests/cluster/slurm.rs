//! A Slurm of its own with two workers on loopback, everything in one directory. Each worker is in a process namespace of
//! its own, so that killing it kills all that runs there, as when a machine is lost.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bacalhau_testkit::{End, Lab, Node, finish, node::port, until};

/// Processors that each worker offers. They are more than this machine has.
pub(crate) const CPUS: u32 = 4;
/// Where Debian has the daemons.
const DAEMONS: [&str; 4] = ["/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/unshare"];
const COMMANDS: [&str; 3] = ["sbatch", "squeue", "scancel"];

/// The cluster. Its processes end when it is dropped.
pub(crate) struct Slurm {
    dir: tempfile::TempDir,
    /// `w1` and `w2` are last.
    processes: Vec<Child>,
}

impl Slurm {
    /// Starts it. `None` where it cannot be: then `what` is said to be skipped.
    pub(crate) fn start(what: &str) -> Option<Self> {
        if let Err(why) = is_possible() {
            eprintln!("skipped: {what}: {why}; it needs root, slurm-wlm and munge");
            return None;
        }
        let mut slurm = Self { dir: tempfile::tempdir().unwrap(), processes: Vec::new() };
        slurm.configure();
        let munge = format!(
            "--foreground --force --num-threads=4 --key-file={0}/munge.key --socket={0}/munge.sock --pid-file={0}/munge.pid \
             --log-file={0}/munge.log --seed-file={0}/munge.seed",
            slurm.dir.path().display()
        );
        slurm.daemon("munged", DAEMONS[0], &munge.split_whitespace().collect::<Vec<_>>());
        until("munged", || slurm.path("munge.sock").exists());
        slurm.start_controller();
        for worker in ["w1", "w2"] {
            let args = ["--pid", "--fork", "--kill-child", "--mount-proc", DAEMONS[2], "-D", "-N", worker];
            slurm.daemon(worker, DAEMONS[3], &args);
        }
        until("two idle workers", || {
            slurm.run("/usr/bin/sinfo", "--noheader --format=%D|%t").stdout.trim() == "2|idle"
        });
        Some(slurm)
    }

    fn configure(&self) {
        let at = self.dir.path().display();
        let key: Vec<u8> = (0..1024_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
        fs::write(self.path("munge.key"), key).unwrap();
        fs::set_permissions(self.path("munge.key"), Permissions::from_mode(0o400)).unwrap();
        let [controller, first, second] = [(); 3].map(|()| port());
        let config = format!(
            "ClusterName=test\nSlurmctldHost=localhost(127.0.0.1)\nSlurmUser=root\nSlurmctldPort={controller}\n\
             AuthType=auth/munge\nCryptoType=crypto/munge\nCredType=cred/munge\n\
             AuthInfo=socket={at}/munge.sock,cred_expire=5\nStateSaveLocation={at}/state\nSlurmdSpoolDir={at}/%n\n\
             SlurmctldPidFile={at}/slurmctld.pid\nSlurmdPidFile={at}/%n.pid\nSlurmctldLogFile={at}/slurmctld.log\n\
             SlurmdLogFile={at}/%n.log\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\nSchedulerType=sched/builtin\n\
             SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0\n\
             SlurmdParameters=config_overrides\nSlurmdTimeout=4\nMessageTimeout=10\nMinJobAge=300\nReturnToService=2\n\
             AccountingStorageType=accounting_storage/none\nJobAcctGatherType=jobacct_gather/none\nMpiDefault=none\n\
             SwitchType=switch/none\nDebugFlags=NO_CONF_HASH\n\
             NodeName=w1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={first} CPUs={CPUS} RealMemory=16000\n\
             NodeName=w2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={second} CPUs={CPUS} RealMemory=16000\n\
             PartitionName=jobs Nodes=w1,w2 Default=YES MaxTime=INFINITE State=UP\n"
        );
        fs::write(self.path("slurm.conf"), config).unwrap();
        for dir in ["state", "w1", "w2", "bin"] {
            fs::create_dir(self.path(dir)).unwrap();
        }
        // Nodes have no environment, so commands with one that names the configuration stand in for those of Slurm.
        for command in COMMANDS {
            let script = format!("#!/bin/sh\nSLURM_CONF={at}/slurm.conf exec /usr/bin/{command} \"$@\"\n");
            fs::write(self.path("bin").join(command), script).unwrap();
            fs::set_permissions(self.path("bin").join(command), Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Starts the controller; also again, after it was ended.
    pub(crate) fn start_controller(&mut self) {
        self.daemon("slurmctld", DAEMONS[1], &["-D"]);
        until("the controller", || self.run("/usr/bin/scontrol", "ping").stdout.contains("is UP"));
    }

    /// Ends the controller.
    pub(crate) fn end_controller(&mut self) {
        self.kill_process(1);
    }

    /// Loses a worker with all that runs there.
    pub(crate) fn lose(&mut self, worker: &str) {
        self.kill_process(if worker == "w1" { 2 } else { 3 });
    }

    fn kill_process(&mut self, index: usize) {
        self.processes[index].kill().unwrap();
        self.processes[index].wait().unwrap();
    }

    fn daemon(&mut self, name: &str, program: &str, args: &[&str]) {
        let log = File::options().create(true).append(true).open(self.path(&format!("{name}.out"))).unwrap();
        let mut command = Command::new(program);
        command.args(args).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("SLURM_CONF", self.path("slurm.conf")).current_dir(self.dir.path()).stdin(Stdio::null());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        // The controller is started again at its place.
        match self.processes.get_mut(1).filter(|_| name == "slurmctld") {
            Some(place) => *place = child,
            None => self.processes.push(child),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, program: &str, args: &str) -> End {
        let mut command = Command::new(program);
        command.args(args.split_whitespace()).env_clear().env("SLURM_CONF", self.path("slurm.conf"));
        finish(command, program)
    }

    /// Flags of a node that dispatches to this cluster through the directory `shared` of the lab.
    pub(crate) fn flags(&self) -> String {
        format!(
            "--dispatcher slurm --cluster-dir {}/shared --slurm-bin-dir {}/bin --slurm-partition jobs --cluster-poll 1s \
             --limit-total-cpu {} --limit-total-memory 24GiB --job-selection-data-locality anywhere",
            self.dir.path().display(),
            self.dir.path().display(),
            2 * CPUS
        )
    }

    /// Starts a node in front of it.
    pub(crate) fn serve(&self, lab: &Lab, name: &str, flags: &str) -> Node {
        lab.serve(name, &format!("{} {flags}", self.flags()))
    }

    /// States of all jobs, as Slurm shows them.
    pub(crate) fn states(&self) -> Vec<String> {
        let listed = self.run("/usr/bin/squeue", "--noheader --states=all --format=%T");
        listed.stdout.lines().map(str::to_owned).collect()
    }

    /// What an administrator does to all jobs by a command of Slurm.
    pub(crate) fn administer(&self, command: &str) {
        for id in self.run("/usr/bin/squeue", "--noheader --format=%i").stdout.lines() {
            let (program, args) = command.split_once(' ').unwrap_or((command, ""));
            let end = self.run(&format!("/usr/bin/{program}"), &format!("{args} {id}"));
            assert_eq!(end.code, 0, "{command} {id}: {}", end.stderr);
        }
    }

    /// The directory that workers share.
    pub(crate) fn shared(&self) -> PathBuf {
        self.path("shared")
    }

    /// Directories of executions that are there.
    pub(crate) fn executions(&self) -> usize {
        let nodes = fs::read_dir(self.shared()).into_iter().flatten().flatten();
        nodes.map(|node| fs::read_dir(node.path().join("executions")).map_or(0, Iterator::count)).sum()
    }

    /// Writes a program that stands in for the worker, and returns the flag for it. `$BACALHAU` is the real one.
    pub(crate) fn program(&self, name: &str, script: &str) -> String {
        let path = self.path(name);
        let binary = bacalhau_testkit::command::binary();
        fs::write(&path, format!("#!/bin/sh\nBACALHAU='{}'\n{script}\n", binary.display())).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        format!("--cluster-program {}", path.display())
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        // The workers first, so that the controller is not asked meanwhile.
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn is_possible() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("workers are started by root only".into());
    }
    let commands = COMMANDS.iter().map(|name| Path::new("/usr/bin").join(name));
    let missing = DAEMONS.iter().map(PathBuf::from).chain(commands).find(|path| !path.exists());
    if let Some(missing) = missing {
        return Err(format!("there is no {}", missing.display()));
    }
    let spaces = Command::new(DAEMONS[3]).args(["--pid", "--fork", "--mount-proc", "true"]).output();
    match spaces {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("no process namespace can be made".into()),
    }
}
