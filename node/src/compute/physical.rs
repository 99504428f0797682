//! What this machine has, and how much of it a node may give: amounts as people write them, and the limits that follow.

use std::num::NonZero;
use std::path::Path;

use super::ComputeConfig;
use crate::job::Resources;

/// Limits of a node as its operator writes them. `None`: all that there is, or all of the total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of all executions together.
    pub total: Amounts,
    /// Of one execution.
    pub per_job: Amounts,
}

/// Amounts of each kind, where somebody wrote one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Cores: `500m`, `2`, `1.5`.
    pub cpu: Option<String>,
    /// Memory: `512MB`, `4gi`.
    pub memory: Option<String>,
    /// Disk, likewise.
    pub disk: Option<String>,
}

/// What limits cannot be kept to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No amount of cores.
    #[error("{0:?} is no number of cores: write it as in 2, 1.5 or 500m")]
    Cpu(String),
    /// No amount of bytes.
    #[error("{0:?} is no number of bytes: write it as in 512MB, 4Gi or 1073741824")]
    Bytes(String),
    /// More than there is.
    #[error("the limit of {what} is {wanted}, and this machine has {most}: lower it")]
    Physical {
        /// Of what.
        what: &'static str,
        /// What was written.
        wanted: u64,
        /// What there is.
        most: u64,
    },
    /// One job could take more than all together.
    #[error("one job may take {wanted} {what}, and all together {most}: lower the one or raise the other")]
    JobOverTotal {
        /// Of what.
        what: &'static str,
        /// What was written for one.
        wanted: u64,
        /// What was written for all.
        most: u64,
    },
    /// The machine does not say what it has.
    #[error("it cannot be found out how much disk is free at {0}")]
    Unknown(String),
}

impl Limits {
    /// The configuration that follows on this machine, where results and fetched inputs lie at `dir`.
    ///
    /// # Errors
    /// When a text is no amount, or limits are above what there is, or the limit of a job above that of all.
    pub fn config(&self, dir: &Path) -> Result<ComputeConfig, LimitError> {
        self.within(physical(dir)?)
    }

    fn within(&self, physical: Resources) -> Result<ComputeConfig, LimitError> {
        let total = self.total.over(physical)?;
        check(total, physical, |what, wanted, most| LimitError::Physical { what, wanted, most })?;
        let per_job = self.per_job.over(total)?;
        check(per_job, total, |what, wanted, most| LimitError::JobOverTotal { what, wanted, most })?;
        Ok(ComputeConfig { total, per_job, ..ComputeConfig::default() })
    }
}

impl Amounts {
    fn over(&self, default: Resources) -> Result<Resources, LimitError> {
        let bytes = |text: &Option<String>, default| text.as_deref().map_or(Ok(default), parse_bytes);
        Ok(Resources {
            cpu_millis: self.cpu.as_deref().map_or(Ok(default.cpu_millis), parse_cpu)?,
            memory_bytes: bytes(&self.memory, default.memory_bytes)?,
            disk_bytes: bytes(&self.disk, default.disk_bytes)?,
        })
    }
}

fn check(
    wanted: Resources,
    most: Resources,
    error: fn(&'static str, u64, u64) -> LimitError,
) -> Result<(), LimitError> {
    let kinds = [
        ("thousandths of a core", wanted.cpu_millis, most.cpu_millis),
        ("bytes of memory", wanted.memory_bytes, most.memory_bytes),
        ("bytes of disk", wanted.disk_bytes, most.disk_bytes),
    ];
    match kinds.into_iter().find(|(_, wanted, most)| wanted > most) {
        Some((what, wanted, most)) => Err(error(what, wanted, most)),
        None => Ok(()),
    }
}

/// What this machine has, and its disk at `dir` has free.
///
/// # Errors
/// When nobody says how much disk is free there.
pub fn physical(dir: &Path) -> Result<Resources, LimitError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let info = rustix::system::sysinfo();
    let unit = u64::from(info.mem_unit).max(1);
    let disk = rustix::fs::statvfs(dir).map_err(|_| LimitError::Unknown(dir.display().to_string()))?;
    Ok(Resources {
        cpu_millis: cores * 1000,
        memory_bytes: u64::from(info.totalram).saturating_mul(unit),
        disk_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
    })
}

/// Reads a number of cores, in thousandths: `500m`, `2`, `1.5`.
///
/// # Errors
/// When it is none, or nothing.
pub fn parse_cpu(text: &str) -> Result<u64, LimitError> {
    let wrong = || LimitError::Cpu(text.into());
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let millis = match plain.strip_suffix('m') {
        Some(millis) => digits(millis).and_then(|millis| millis.parse().ok()),
        None => thousandths(&plain),
    };
    millis.filter(|millis| *millis > 0).ok_or_else(wrong)
}

/// Reads a number of bytes: `512MB`, `4gi`, `1.5g`, `4096`; every unit is a power of 1024.
///
/// # Errors
/// When it is none, or nothing.
pub fn parse_bytes(text: &str) -> Result<u64, LimitError> {
    let wrong = || LimitError::Bytes(text.into());
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let end = plain.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(plain.len());
    let (number, unit) = plain.split_at(end);
    let shift = match unit {
        "" | "b" => 0,
        "k" | "kb" | "ki" | "kib" => 10,
        "m" | "mb" | "mi" | "mib" => 20,
        "g" | "gb" | "gi" | "gib" => 30,
        "t" | "tb" | "ti" | "tib" => 40,
        _ => return Err(wrong()),
    };
    let bytes = match digits(number) {
        Some(whole) => whole.parse().ok().and_then(|whole: u64| whole.checked_mul(1 << shift)),
        None => thousandths(number).and_then(|part| {
            let bytes = u128::from(part) * (1_u128 << shift) / 1000;
            u64::try_from(bytes).ok()
        }),
    };
    bytes.filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// `text` if it is digits and nothing else.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// A decimal number with three digits behind the point at most, in thousandths.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part = digits(part).filter(|part| part.len() <= 3)?;
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    digits(whole)?.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_people_write_them() {
        for (text, millis) in [("500m", 500), ("2", 2000), ("1.5", 1500), ("500 m", 500), ("0.25", 250)] {
            assert_eq!(parse_cpu(text), Ok(millis), "{text}");
        }
        for text in ["", "0", "-2", "m", "1.2m", "two", "1.2345", "18446744073709551615", "1e3", "."] {
            assert!(parse_cpu(text).is_err(), "{text}");
        }
        let table = [("512mb", 512 << 20), ("512Mi", 512 << 20), ("4gi", 4 << 30), ("1.5 GB", 3 << 29), ("4096", 4096)];
        for (text, bytes) in table {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "mb", "-1", "1x", "1.2.3m", "99999999999t", "1e3"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_that_cannot_be_kept_to_are_errors() {
        let physical = Resources { cpu_millis: 4000, memory_bytes: 8 << 30, disk_bytes: 100 << 30 };
        let some = |cpu: &str, memory: &str, disk: &str| {
            let amount = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Amounts { cpu: amount(cpu), memory: amount(memory), disk: amount(disk) }
        };
        let all = Limits::default().within(physical).unwrap();
        assert_eq!((all.total, all.per_job), (physical, physical));
        let half = Limits { total: some("2", "4gb", "50gb"), per_job: some("500m", "", "") }.within(physical).unwrap();
        assert_eq!(half.total, Resources { cpu_millis: 2000, memory_bytes: 4 << 30, disk_bytes: 50 << 30 });
        assert_eq!(half.per_job, Resources { cpu_millis: 500, ..half.total });
        for amounts in [some("5", "", ""), some("", "9gb", ""), some("", "", "101gb")] {
            let over = Limits { total: amounts.clone(), per_job: Amounts::default() }.within(physical);
            assert!(matches!(over, Err(LimitError::Physical { .. })), "{amounts:?}");
            let over = Limits { total: Amounts::default(), per_job: amounts.clone() }.within(physical);
            assert!(matches!(over, Err(LimitError::JobOverTotal { .. })), "{amounts:?}");
        }
        assert!(Limits { total: some("many", "", ""), per_job: Amounts::default() }.within(physical).is_err());
    }

    #[test]
    fn this_machine_has_something() {
        let found = physical(&std::env::temp_dir()).unwrap();
        assert!(found.cpu_millis >= 1000 && found.memory_bytes > 1 << 20 && found.disk_bytes > 0, "{found:?}");
    }
}
