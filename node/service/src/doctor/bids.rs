//! On which jobs a node with a configuration would bid.

use crate::config::{Config, machine};
use bacalhau_compute::Locality;
use bacalhau_values::text;

/// The jobs on which a node with `config` would bid, a sentence for each condition.
pub fn bids_on(config: &Config) -> Vec<String> {
    let compute = &config.compute;
    if !compute.enabled {
        return vec!["none: compute.enabled is false".into()];
    }
    let found = config
        .data_dir()
        .map_err(|error| error.to_string())
        .and_then(|dir| config.compute_config(machine(&dir)).map_err(|error| error.to_string()));
    let limits = match found {
        Ok(limits) => limits,
        Err(error) => return vec![format!("none: {error}")],
    };
    let (one, all) = (limits.per_job, limits.total);
    let containers = cfg!(feature = "docker") && config.docker.host != "none" && !config.dispatches();
    let mut lines = vec![
        format!("programs: WebAssembly{}", if containers { ", and containers if their engine answers" } else { "" }),
        format!(
            "one execution: up to {} cores, {} memory, {}",
            one.cpu_millis / 1000,
            text::bytes(one.memory_bytes),
            humantime::format_duration(compute.max_timeout.0)
        ),
        format!("all executions: up to {} cores, {} memory", all.cpu_millis / 1000, text::bytes(all.memory_bytes)),
    ];
    lines.push(match compute.locality {
        Locality::Local => format!("inputs: only data on this machine: {}", sources(config).join(", ")),
        Locality::Anywhere => "inputs: also data that has to be fetched".into(),
    });
    lines.push(if compute.reject_stateless {
        "jobs without inputs: no".into()
    } else {
        "jobs without inputs: yes".into()
    });
    if compute.probe_http.is_some() || compute.probe_exec.is_some() {
        lines.push("and only if the admission probe accepts the job".into());
    }
    lines
}

/// Where inputs are on this machine.
fn sources(config: &Config) -> Vec<String> {
    let storage = &config.storage;
    let unsealed = storage.filecoin_unsealed_path.iter().map(|it| format!("unsealed copies below {}", it.fixed_part()));
    let pieces = storage.piece_paths.iter().map(|it| format!("pieces below {}", it.fixed_part()));
    let paths = config.compute.allow_listed_local_paths.iter().map(|path| format!("files below {}", path.display()));
    let objects = storage.object_stores.iter().map(|prefix| format!("objects below {prefix}"));
    let store = std::iter::once("the block store".to_owned());
    store.chain(unsealed).chain(pieces).chain(paths).chain(objects).collect()
}
