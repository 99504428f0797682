//! Network namespaces: other networks on this machine, with links between them, gone when they are dropped. Making them
//! takes root and iproute2.

use std::process::Command;

use bacalhau_testkit::{Lab, Node, finish};

/// A network of its own.
pub(crate) struct Space {
    pub(crate) name: String,
}

impl Space {
    /// Makes one with nothing but its loopback; or says why that cannot be.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let space = Self { name: format!("bac{}-{name}", std::process::id()) };
        ip(&format!("netns add {}", space.name))?;
        ip(&format!("-n {} link set lo up", space.name))?;
        Ok(space)
    }

    /// Runs `ip` in it.
    pub(crate) fn ip(&self, line: &str) -> Result<(), String> {
        ip(&format!("-n {} {line}", self.name))
    }

    /// A link to `other`: its name and address here, and its name and address there.
    pub(crate) fn link(&self, here: (&str, &str), other: &Self, there: (&str, &str)) -> Result<(), String> {
        self.ip(&format!("link add {} type veth peer name {} netns {}", here.0, there.0, other.name))?;
        for (space, (device, address)) in [(self, here), (other, there)] {
            space.ip(&format!("addr add {address} dev {device}"))?;
            space.ip(&format!("link set {device} up"))?;
        }
        Ok(())
    }

    /// Runs `command` in it instead of here.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.name]).arg(command.get_program()).args(command.get_args());
        inside.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        inside.current_dir(command.get_current_dir().unwrap());
        inside
    }

    /// Runs a program of the system in it, to its end.
    pub(crate) fn run(&self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().unwrap());
        command.args(words).current_dir("/");
        succeed(self.inside(&command), line)
    }

    /// A node in it.
    pub(crate) fn node(&self, lab: &Lab, name: &str, line: &str) -> Node {
        let line = format!("{line} --data-dir {name} --output json");
        let command = self.inside(&lab.command_of("unused", &line));
        Node::start(command, line, lab.path(&format!("{name}.log")))
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // Links go with it.
        let _ = ip(&format!("netns del {}", self.name));
    }
}

/// Runs `ip` here.
pub(crate) fn ip(line: &str) -> Result<(), String> {
    if let Err(error) = Command::new("ip").arg("-V").output() {
        return Err(format!("there is no ip ({error})"));
    }
    let mut command = Command::new("ip");
    command.args(line.split_whitespace());
    succeed(command, &format!("ip {line}"))
}

fn succeed(command: Command, line: &str) -> Result<(), String> {
    let end = finish(command, line);
    if end.code == 0 { Ok(()) } else { Err(format!("{line}: {}", end.stderr.trim())) }
}
