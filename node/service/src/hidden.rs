//! Hides local paths of a provider. Receipts and reasons sent to others name data as the job does; the node's paths
//! appear only in its log and its own records.

use std::path::Path;

use bacalhau_receipt::{Publication, Receipt};

use bacalhau_job::{AnnouncedJob, Engine};

/// Replacement for a path.
const HIDDEN: &str = "(a path of the provider)";
/// Path-like names that are not local paths.
const PUBLIC: [&str; 7] = ["/ipfs/", "/ipns/", "/ip4/", "/ip6/", "/dns", "/p2p/", "/unix/"];

/// `text` with every absolute path hidden that `job` does not name itself.
pub(super) fn reason(text: &str, job: &AnnouncedJob) -> String {
    let own = names(job);
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('/') {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let ends = |char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '`' | ',' | ';' | '(' | ')');
        let path = &from[..from.find(ends).unwrap_or(from.len())];
        let path = path.trim_end_matches([':', '.']);
        let path = if path.is_empty() { "/" } else { path };
        // Not within a word, a URL or a relative path.
        let is_absolute = !before.ends_with(|char: char| char.is_alphanumeric() || ":._-~%}".contains(char));
        let is_told = path.len() == 1
            || PUBLIC.iter().any(|prefix| path.starts_with(prefix))
            || own.iter().any(|name| Path::new(path).starts_with(name));
        shown.push_str(if is_absolute && !is_told { HIDDEN } else { path });
        rest = &from[path.len()..];
    }
    shown + rest
}

/// Removes the local paths of inputs from the `receipt` of an execution of `job`.
pub(super) fn receipt(receipt: &mut Receipt, job: &AnnouncedJob) {
    let unclaimed = &mut receipt.unclaimed;
    for (target, services) in &mut unclaimed.input_services {
        for service in services {
            if Path::new(&service.place).is_absolute() && !service.place.starts_with("/ip") {
                service.place = unclaimed.input_sources.get(target).cloned().unwrap_or_else(|| HIDDEN.into());
            }
            service.failed = service.failed.take().map(|why| reason(&why, job));
        }
    }
}

/// Names published results in directories of this node by their part below the directory.
pub(super) fn publication(publication: &mut Publication) {
    for place in &mut publication.places {
        let path = Path::new(place.as_str());
        if path.is_absolute() && !place.starts_with("/ip") && !place.starts_with("/dns") {
            let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
            *place = parts[parts.len().saturating_sub(2)..].join("/");
        }
    }
}

/// Paths of the job: inputs and outputs of the guest, and requested local paths.
fn names(job: &AnnouncedJob) -> Vec<&str> {
    let spec = job.spec();
    let inputs = spec.inputs.iter().chain(job.shards.iter().flatten());
    let mut names: Vec<&str> = inputs.flat_map(|input| [&*input.source, &*input.target]).collect();
    names.push(spec.engine.program());
    if let Engine::Wasm(wasm) = &spec.engine {
        names.extend(wasm.job.outputs.values().map(String::as_str));
    }
    // The root would be every path.
    names.retain(|name| name.trim_end_matches('/').len() > 1);
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_job::InputSpec;
    use bacalhau_testkit::jobs as samples;

    fn job() -> AnnouncedJob {
        let mut job = samples::job(libp2p::PeerId::random(), "1");
        job.shards = vec![vec![InputSpec { source: "/srv/public/a".into(), target: "/inputs".into() }]];
        job
    }

    #[test]
    fn paths_of_the_provider_are_hidden_and_those_of_the_job_are_not() {
        let table = [
            ("cannot write /var/lib/node/x: no space", "cannot write (a path of the provider): no space"),
            ("it says \"/etc/passwd\".", "it says \"(a path of the provider)\"."),
            ("/var/lib", "(a path of the provider)"),
            ("/srv/public/a/b and /srv/public/ab", "/srv/public/a/b and (a path of the provider)"),
            ("/inputs/x is no file of https://host/a/b or a/b", "/inputs/x is no file of https://host/a/b or a/b"),
            ("/ipfs/bafy/x at /ip4/1.2.3.4/tcp/1", "/ipfs/bafy/x at /ip4/1.2.3.4/tcp/1"),
            ("ipfs://bafy/x, 1 / 2 and //", "ipfs://bafy/x, 1 / 2 and (a path of the provider)"),
            ("", ""),
        ];
        for (said, told) in table {
            assert_eq!(reason(said, &job()), told);
        }
    }

    #[test]
    fn a_published_directory_is_named_by_its_part() {
        let mut published = Publication {
            places: vec!["/srv/published/ab12/results".into(), "https://host/ab12/results".into()],
            ..Publication::default()
        };
        publication(&mut published);
        assert_eq!(published.places, ["ab12/results", "https://host/ab12/results"]);
    }
}
