//! This node and the nodes known to it, with capacity; and its limits with what they refused.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Live, Part, page};
use super::words::{Plain, peer, state, table, time, took};
use super::{answer, failed};
use crate::backend::NodeFacts;
use crate::state::{App, Shared, now_ms};
use bacalhau_job::{ExecutionQuery, ExecutionStatus};
use bacalhau_values::budget::Rate;
use bacalhau_values::text;

/// Nodes and executions shown.
const MOST_NODES: usize = 200;
const MOST_EXECUTIONS: usize = 50;
/// Addresses and labels shown of a node.
const MOST_ADDRESSES: usize = 4;
/// Seconds between two looks of the script.
const EVERY: u32 = 5;

pub(super) async fn nodes(State(app): State<App>) -> Response {
    app.blocking(|app| Ok(all_nodes(app))).await.map_or_else(failed, answer)
}

pub(super) async fn limits(State(app): State<App>) -> Response {
    app.blocking(|app| Ok(all_limits(app))).await.map_or_else(failed, answer)
}

fn all_nodes(app: &Shared) -> Markup {
    let nodes = app.backend.nodes();
    let rows: Vec<Vec<Markup>> = nodes.iter().take(MOST_NODES).enumerate().map(|(place, it)| row(place, it)).collect();
    let query = ExecutionQuery { limit: MOST_EXECUTIONS, ..ExecutionQuery::default() };
    let executions: Vec<Vec<Markup>> = app.backend.executions(&query).executions.iter().map(execution).collect();
    let this = app.backend.node();
    let content = html! {
        h1 { "Nodes" }
        h2 { "This node" }
        dl.facts {
            div { dt { "Peer ID" } dd { code { (this.peer) } } }
            @if let Some(name) = &this.name { div { dt { "Name" } dd { (Plain(name)) } } }
            @if let Some(versions) = &this.versions {
                div { dt { "Version" } dd { (Plain(&versions.semver)) ", protocol " (versions.protocol) } }
            }
            @if !this.labels.is_empty() { div { dt { "Labels" } dd { (Plain(&this.labels.join(", "))) } } }
        }
        @if let (Some(total), Some(free)) = (this.total, this.free) {
            dl.tiles {
                (used("Cores in use", free.cpu_millis, total.cpu_millis, cores))
                (used("Memory in use", free.memory_bytes, total.memory_bytes, size))
                (used("Disk in use", free.disk_bytes, total.disk_bytes, size))
            }
        }
        h2 { "Executions on this node" }
        @if executions.is_empty() {
            p.notice { "This node has run nothing since it was started." }
        } @else {
            (table("Executions for requesters, newest first", &["Execution", "State", "Requester", "Started", "Took", "Outcome"], &executions))
        }
        h2 { "Known nodes" }
        (table("Nodes with a connection, this one first", &["Node", "Version", "Addresses"], &rows))
        @if nodes.len() > MOST_NODES { p { "And " (nodes.len() - MOST_NODES) " more." } }
    };
    page("Nodes", Some(Part::Nodes), &Live::Every(EVERY), &content)
}

fn row(place: usize, node: &NodeFacts) -> Vec<Markup> {
    vec![
        html! { (peer(&node.peer)) @if place == 0 { " (this node)" } },
        html! { @match &node.versions { Some(versions) => (Plain(&versions.semver)), None => "unknown" } },
        html! {
            @for address in node.addrs.iter().take(MOST_ADDRESSES) { code.line { (Plain(address)) } }
            @if node.addrs.len() > MOST_ADDRESSES { "and " (node.addrs.len() - MOST_ADDRESSES) " more" }
        },
    ]
}

fn execution(it: &ExecutionStatus) -> Vec<Markup> {
    let id = it.id;
    vec![
        html! { code title=(id) { (id.job.short()) ":" (id.shard) ":" (id.number) } },
        state(&it.state.to_string()),
        peer(&it.requester),
        time(it.started_ms),
        html! { (took(it.started_ms, it.ended_ms.unwrap_or_else(now_ms))) },
        html! {
            @if let Some(outcome) = &it.outcome { (Plain(&outcome.to_string())) " " }
            @if let Some(why) = &it.why { (Plain(why)) }
        },
    ]
}

/// A tile with how much of a resource is in use. A total without limit has no scale.
pub(super) fn used(name: &str, free: u64, total: u64, shown: fn(u64) -> String) -> Markup {
    let used = total.saturating_sub(free);
    html! {
        div {
            dt { (name) }
            dd {
                (shown(used))
                @if total < u64::MAX { small { " of " (shown(total)) } }
                @if total > 0 && total < u64::MAX {
                    meter aria-label=(name) min="0" max="100" value=(u128::from(used) * 100 / u128::from(total)) {}
                }
            }
        }
    }
}

/// A number of bytes; of none without a unit.
pub(super) fn size(bytes: u64) -> String {
    if bytes == 0 { "0".into() } else { text::bytes(bytes) }
}

/// Thousandths of a core as cores.
pub(super) fn cores(millis: u64) -> String {
    let hundredths = millis / 10 % 100;
    if hundredths == 0 { (millis / 1000).to_string() } else { format!("{}.{hundredths:02}", millis / 1000) }
}

fn all_limits(app: &Shared) -> Markup {
    let limits = &app.limits;
    let rate =
        |rate: Rate| format!("{} a second, burst {}", text::thousands(rate.per_second), text::thousands(rate.burst));
    let number = |number: usize| text::thousands(number as u64);
    let rows: Vec<Vec<Markup>> = [
        ("Connections", number(limits.connections)),
        ("Connections of one address", number(limits.connections_per_address)),
        ("Requests at a time", number(limits.requests)),
        ("Requests of one address", rate(limits.per_address)),
        ("Jobs of one client", rate(limits.jobs_per_client)),
        ("Archives and streams at a time", number(limits.streams)),
        ("Uploads at a time", number(limits.uploads)),
        ("Size of an upload", text::bytes(limits.data_bytes)),
        ("Request bodies in memory", text::bytes((limits.bodies_kib as u64).saturating_mul(1024))),
    ]
    .into_iter()
    .map(|(name, value)| vec![html! { (name) }, html! { (value) }])
    .collect();
    let counted = |name: &str| -> Vec<Vec<Markup>> {
        let values = app.metrics.values(name);
        values
            .into_iter()
            .map(|(name, count)| vec![html! { (Plain(&name)) }, html! { (text::thousands(count)) }])
            .collect()
    };
    let (refused, network) = (counted("bacalhau_http_refused_total"), counted("bacalhau_p2p_total"));
    let content = html! {
        h1 { "Limits and floods" }
        (table("Limits of the API", &["Limit", "Value"], &rows))
        @if refused.is_empty() {
            p.notice { "The API has refused nothing since the node was started." }
        } @else {
            (table("Requests and connections that the API refused, by limit", &["Limit", "Refused"], &refused))
        }
        @if !network.is_empty() {
            (table("Events of the peer-to-peer network since the start", &["Event", "Count"], &network))
        }
    };
    page("Limits", Some(Part::Limits), &Live::Every(EVERY), &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_shown_with_its_scale_where_it_has_one() {
        let shown = |free, total| used("Cores in use", free, total, cores).into_string();
        assert!(shown(500, 2000).contains("<dd>1.50<small> of 2</small><meter"), "{}", shown(500, 2000));
        assert!(shown(500, 2000).contains("value=\"75\""));
        assert!(shown(u64::MAX - 1000, u64::MAX).ends_with("<dd>1</dd></div>"));
        assert!(!shown(0, 0).contains("meter"));
    }
}
