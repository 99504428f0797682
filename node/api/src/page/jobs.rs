//! The list of jobs, with the node's load above it.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use url::form_urlencoded;

use super::layout::{Live, Part, page};
use super::words::{Plain, peer, state, table, time, took};
use super::{answer, failed};
use crate::error::ApiError;
use crate::jobs::{ListParams, parsed};
use crate::state::{App, Shared, now_ms};
use bacalhau_job::{ExecutionState, JobRecord, JobState, ShardState};
use bacalhau_store::JobSummary;
use bacalhau_values::text;

/// Jobs of one page.
const PAGE: usize = 50;
/// Jobs at work whose phase is looked up for one page; a job of many shards has none.
const MOST_PHASES: usize = 20;
const MOST_SHARDS: usize = 16;
/// Labels shown of a job, and characters of each.
const MOST_LABELS: usize = 4;
const LABEL_CHARS: usize = 80;
/// Seconds between two looks of the script.
const EVERY: u32 = 3;

const STATES: [(JobState, &str); 6] = [
    (JobState::Bidding, "Bidding"),
    (JobState::InProgress, "In progress"),
    (JobState::Completed, "Completed"),
    (JobState::CompletedPartially, "Completed partially"),
    (JobState::Failed, "Failed"),
    (JobState::Cancelled, "Cancelled"),
];

/// Selection of jobs. A form sends empty fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Selection {
    state: Option<JobState>,
    label: Option<String>,
    after: Option<String>,
}

pub(super) async fn show(State(app): State<App>, query: Result<Query<Selection>, QueryRejection>) -> Response {
    let selection = match parsed(query) {
        Ok(selection) => selection,
        Err(error) => return failed(error),
    };
    app.blocking(move |app| list(app, &selection)).await.map_or_else(failed, answer)
}

impl Selection {
    fn label(&self) -> Option<&str> {
        self.label.as_deref().filter(|label| !label.is_empty())
    }

    /// The address of the list with another state or place.
    fn path(&self, state: Option<JobState>, after: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(state) = state {
            query.append_pair("state", &state.to_string());
        }
        for (name, value) in [("label", self.label()), ("after", after)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        match query.finish() {
            query if query.is_empty() => "/".into(),
            query => format!("/?{query}"),
        }
    }
}

fn list(app: &Shared, selection: &Selection) -> Result<Markup, ApiError> {
    let params = ListParams {
        state: selection.state,
        label: selection.label().map(str::to_owned),
        after: selection.after.clone(),
        limit: Some(PAGE),
        ..ListParams::default()
    };
    let found = app.store.jobs(&params.into_query()?)?;
    let mut looks = MOST_PHASES;
    let mut rows = Vec::new();
    for job in &found.jobs {
        let mut record = None;
        if !job.state.is_final() && !job.private && job.shards <= MOST_SHARDS && looks > 0 {
            looks -= 1;
            record = app.store.job(&job.id)?;
        }
        rows.push(row(job, record.as_ref()));
    }
    let next = found.next.map(|next| next.to_string());
    let is_first = selection.after.is_none();
    let content = html! {
        h1 { "Jobs" }
        (load(app))
        nav.filter aria-label="Jobs by state" {
            ul {
                li { a href=(selection.path(None, None)) aria-current=[current(selection.state.is_none())] { "All" } }
                @for (state, name) in STATES {
                    li {
                        a href=(selection.path(Some(state), None)) aria-current=[current(selection.state == Some(state))] {
                            (name)
                        }
                    }
                }
            }
            form action="/" method="get" {
                @if let Some(state) = selection.state { input type="hidden" name="state" value=(state); }
                label for="label" { "Label" }
                input #label name="label" value=(Plain(selection.label().unwrap_or_default())) maxlength="256";
                button { "Find" }
            }
        }
        @if rows.is_empty() {
            p.notice {
                @if is_first && selection.state.is_none() && selection.label().is_none() {
                    "No jobs yet. Submit one with " code { "bacalhau wasm run PROGRAM --api-host HOST" } "."
                } @else {
                    "No jobs here."
                }
            }
        } @else {
            (table("Jobs, newest first", &["Job", "State", "Phase", "Program", "Labels", "Client", "Submitted", "Took"], &rows))
        }
        @if !is_first || next.is_some() {
            nav.pages aria-label="Pages of jobs" {
                ul {
                    @if !is_first { li { a href=(selection.path(selection.state, None)) { "Newest" } } }
                    @if let Some(next) = &next {
                        li { a href=(selection.path(selection.state, Some(next))) rel="next" { "Older" } }
                    }
                }
            }
        }
    };
    Ok(page("Jobs", Some(Part::Jobs), &Live::Every(EVERY), &content))
}

fn current(is_shown: bool) -> Option<&'static str> {
    is_shown.then_some("page")
}

/// The load of the node in numbers.
fn load(app: &Shared) -> Markup {
    let jobs = app.metrics.values("bacalhau_jobs");
    let count = |states: &[JobState]| -> u64 {
        let is_one = |name: &String| states.iter().any(|state| state.to_string() == *name);
        jobs.iter().filter(|(name, _)| is_one(name)).map(|(_, count)| count).sum()
    };
    let queued: u64 = app.metrics.values("bacalhau_queue_jobs").iter().map(|(_, count)| count).sum();
    let facts = app.backend.node();
    let problems: Vec<_> = app.backend.checks().into_iter().filter(|check| check.problem.is_some()).collect();
    let tiles = [
        ("At work", count(&[JobState::Bidding, JobState::InProgress])),
        ("In the queue", queued),
        ("Completed", count(&[JobState::Completed, JobState::CompletedPartially])),
        ("Failed", count(&[JobState::Failed])),
    ];
    html! {
        @for check in &problems {
            p.notice.bad {
                strong { "Not ready: " } (Plain(&check.name)) ": " (Plain(check.problem.as_deref().unwrap_or_default()))
            }
        }
        dl.tiles {
            @for (name, count) in tiles { div { dt { (name) } dd { (text::thousands(count)) } } }
            @if let (Some(total), Some(free)) = (facts.total, facts.free) {
                (super::node::used("Cores in use", free.cpu_millis, total.cpu_millis, super::node::cores))
                (super::node::used("Memory in use", free.memory_bytes, total.memory_bytes, super::node::size))
            }
        }
    }
}

fn row(job: &JobSummary, record: Option<&JobRecord>) -> Vec<Markup> {
    let id = job.id.to_string();
    let phase = record.map(phase).unwrap_or_default();
    let phase = job.waits_for.clone().unwrap_or(phase);
    let labels: Vec<&String> = job.labels.iter().take(MOST_LABELS).collect();
    let until_ms = job.ended_ms.unwrap_or_else(now_ms);
    vec![
        html! { a href={ "/jobs/" (id) } title=(id) { code { (job.id.short()) } } },
        state(&job.state.to_string()),
        html! {
            @if job.state.is_final() || phase.is_empty() {
                @if job.shards > 1 { (job.completed) " of " (job.shards) " shards" }
            } @else {
                (Plain(&phase))
            }
        },
        html! {
            @match &job.program {
                Some(program) => code.short { (Plain(&text::shortened(&source(program), 26))) },
                None => span.off { "private" },
            }
        },
        html! {
            @for label in &labels { span.label { (Plain(&text::shortened(label, LABEL_CHARS))) } " " }
            @if job.labels.len() > labels.len() { "+" (job.labels.len() - labels.len()) }
        },
        html! { @if let Some(client) = &job.client { (peer(client)) } },
        time(job.created_ms),
        html! { span.short { (took(job.created_ms, until_ms)) } },
    ]
}

/// The source of a program without the bytes of a `data:` URL.
pub(super) fn source(program: &str) -> String {
    match program.split_once(',') {
        Some((head, bytes)) if head.starts_with("data:") => format!("{head}, {}", text::bytes(bytes.len() as u64)),
        _ => text::shortened(program, 48),
    }
}

/// What a job at work is doing, by its first unfinished shard.
fn phase(record: &JobRecord) -> String {
    let asked = record.job.spec().deal.concurrency();
    let mut shards = (0..).zip(&record.shards).filter(|(_, shard)| !shard.state.is_final());
    let Some((number, shard)) = shards.next() else { return String::new() };
    let count = |is: fn(ExecutionState) -> bool| shard.executions.iter().filter(|it| is(it.state)).count();
    let proposed = count(|state| state == ExecutionState::Proposed);
    let text = match shard.state {
        ShardState::Bidding => "waiting for bids".to_owned(),
        ShardState::Running if proposed > 0 => format!("proposals {proposed} of {asked}"),
        ShardState::Running => format!("running {} of {asked}", count(ExecutionState::is_pending)),
        _ => "verdict reached, publishing".into(),
    };
    if record.shards.len() > 1 { format!("shard {number}: {text}") } else { text }
}
