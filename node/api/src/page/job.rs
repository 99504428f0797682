//! One job: what was asked for, how far it is, its shards and its events.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Live, Part, page};
use super::words::{Plain, peer, state, table, time, took};
use super::{answer, failed, jobs, shard};
use crate::PREFIX;
use crate::error::ApiError;
use crate::jobs::parsed;
use crate::path_param::PathParam;
use crate::state::{App, Shared, now_ms};
use crate::view::{Description, shown};
use bacalhau_job::{Engine, EventKind, JobRecord, JobSpec, ShardRecord, ShardState, VerifierKind};
use bacalhau_store::StoredEvent;
use bacalhau_values::text;

/// Events shown, the last ones.
const MOST_EVENTS: usize = 100;
/// Shards shown in full, and lines of others.
const MOST_SHARDS: usize = 4;
const MOST_LINES: usize = 200;
/// Inputs, arguments and labels shown.
const MOST_ITEMS: usize = 20;

/// The only shard to show.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Selection {
    shard: Option<usize>,
}

pub(super) async fn show(
    State(app): State<App>,
    id: Result<PathParam<String>, ApiError>,
    query: Result<Query<Selection>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let (PathParam(id), selection) = match (id, parsed(query)) {
        (Ok(id), Ok(selection)) => (id, selection),
        (Err(error), _) | (_, Err(error)) => return failed(error),
    };
    app.blocking(move |app| describe(app, &id, selection, &headers)).await.map_or_else(failed, answer)
}

fn describe(app: &Shared, id: &str, selection: Selection, headers: &HeaderMap) -> Result<Markup, ApiError> {
    let mut record = app.job(id)?;
    let may_see = Shared::may_see(headers, &record)?;
    if may_see && record.state.is_final() {
        app.ask_for_news(&mut record);
    }
    let job = Description::of(record, may_see);
    let record = &job.record;
    let events = shown(app.store.last_events(&record.job.id, MOST_EVENTS)?, may_see);
    let last = events.last().map_or(0, |event| event.number);
    let id = record.job.id;
    let live = if record.state.is_final() {
        Live::Ended
    } else {
        Live::Events(format!("{PREFIX}/jobs/{id}/events?follow=true&after={last}"))
    };
    let content = html! {
        h1 { "Job " code { (id.short()) } " " (state(&record.state.to_string())) }
        (steps(record))
        @for why in record.shards.iter().filter_map(|shard| shard.why.as_ref()).take(1) {
            p class={ "notice" @if record.state.is_final() { " bad" } } { (Plain(why)) }
        }
        (facts(&job))
        (shards(record, selection, job.withheld))
        h2 { "Events" }
        @if events.len() == MOST_EVENTS { p { "The last " (MOST_EVENTS) " events." } }
        (table("Events of the job in order", &["Time", "Event", "Shard", "Node", "Description"], &lines(&events)))
        p {
            "The same for programs: " a href={ (PREFIX) "/jobs/" (id) } { "record" } ", "
            a href={ (PREFIX) "/jobs/" (id) "/events" } { "events" }
            @if !job.withheld { ", " a href={ (PREFIX) "/jobs/" (id) "/results" } { "results" } }
            "."
        }
    };
    Ok(page(&format!("Job {}", id.short()), Some(Part::Jobs), &live, &content))
}

fn lines(events: &[StoredEvent]) -> Vec<Vec<Markup>> {
    let line = |stored: &StoredEvent| {
        let event = &stored.event;
        vec![
            time(event.at_ms),
            html! {
                @match event.kind {
                    EventKind::Ended(ended) => (state(&ended.to_string())),
                    kind => (format!("{kind:?}")),
                }
            },
            html! { @if let Some(shard) = event.shard { (shard) } },
            html! { @if let Some(node) = &event.peer { (peer(node)) } },
            html! { (Plain(&event.text)) },
        ]
    };
    events.iter().map(line).collect()
}

/// The steps of a job from its submission to its end. The present one is that of the last shard on the way. After a failure, steps that
/// were not reached stay open.
fn steps(record: &JobRecord) -> Markup {
    let names = ["Submitted", "Bids", "Runs", "Verdict", "Results"];
    let stage = |shard: &ShardRecord| match shard.state {
        ShardState::Bidding => 1,
        ShardState::Running => 2,
        ShardState::Publishing => 4,
        ShardState::Completed => 5,
        ShardState::Failed | ShardState::Cancelled if shard.verdict.is_some() => 4,
        ShardState::Failed | ShardState::Cancelled => 1 + usize::from(!shard.executions.is_empty()),
    };
    let present = record.shards.iter().map(stage).min().unwrap_or(1);
    let goes_on = !record.state.is_final();
    html! {
        ol.steps aria-label="Steps of the job" {
            @for (number, name) in names.into_iter().enumerate() {
                li class=[(number < present).then_some("done")] aria-current=[(goes_on && number == present).then_some("step")] {
                    (name)
                    @if number < present { span.hidden { " (past)" } }
                }
            }
        }
    }
}

fn facts(job: &Description) -> Markup {
    let (record, spec) = (&job.record, job.record.job.spec());
    let until_ms = record.ended_ms.unwrap_or_else(now_ms);
    html! {
        dl.facts {
            div { dt { "Job ID" } dd { code { (record.job.id) } } }
            div { dt { "Submitted" } dd { (time(record.job.created_ms)) ", " (took(record.job.created_ms, until_ms)) " " @if record.ended_ms.is_some() { "to the end" } @else { "so far" } } }
            @if let Some(client) = record.job.request.client() { div { dt { "Client" } dd { (peer(&client)) } } }
            div { dt { "Requester" } dd { (peer(&record.job.requester.peer)) } }
            div { dt { "Asked for" } dd { (deal(spec)) } }
            @if job.withheld {
                div { dt { "Private" } dd { "Program, inputs and results are shown to the client of the job only." } }
            } @else {
                (program(spec))
                @if !spec.inputs.is_empty() {
                    div {
                        dt { "Inputs" }
                        dd {
                            @for input in spec.inputs.iter().take(MOST_ITEMS) {
                                code.line { (Plain(&input.target)) " ← " (Plain(&jobs::source(&input.source))) }
                            }
                            @if spec.inputs.len() > MOST_ITEMS { "and " (spec.inputs.len() - MOST_ITEMS) " more" }
                        }
                    }
                }
            }
            @if !spec.selector.is_empty() {
                div {
                    dt { "Only nodes with" }
                    dd { @for condition in spec.selector.iter().take(MOST_ITEMS) { code.line { (Plain(&condition.to_string())) } } }
                }
            }
            @if !spec.labels.is_empty() {
                div { dt { "Labels" } dd { @for label in spec.labels.iter().take(MOST_ITEMS) { span.label { (Plain(label)) } " " } } }
            }
        }
    }
}

fn program(spec: &JobSpec) -> Markup {
    let args = match &spec.engine {
        Engine::Wasm(wasm) => &wasm.job.args,
        Engine::Docker(docker) => &docker.args,
    };
    html! {
        div {
            dt { @match spec.engine { Engine::Wasm(_) => "Program", Engine::Docker(_) => "Image" } }
            dd {
                span.break { (Plain(&jobs::source(spec.engine.program()))) }
                @if let Engine::Wasm(wasm) = &spec.engine { code.line { (wasm.job.module) } }
            }
        }
        @if !args.is_empty() {
            div { dt { "Arguments" } dd { code { (Plain(&args.iter().take(MOST_ITEMS).cloned().collect::<Vec<_>>().join(" "))) } } }
        }
    }
}

fn deal(spec: &JobSpec) -> Markup {
    let deal = spec.deal;
    html! {
        (text::count(deal.concurrency().into(), "run"))
        @if spec.verifier == VerifierKind::Noop { ", not compared" }
        @if deal.confidence() > 1 { ", " (deal.confidence()) " must agree" }
        @if deal.min_runs() < deal.concurrency() { ", " (deal.min_runs()) " are enough" }
        ", at least " (text::count(deal.min_bids().into(), "bid"))
    }
}

fn shards(record: &JobRecord, selection: Selection, withheld: bool) -> Markup {
    let all = record.shards.len();
    let chosen = selection.shard.filter(|shard| *shard < all);
    let in_full: Vec<usize> = match chosen {
        Some(shard) => vec![shard],
        None if all <= MOST_SHARDS => (0..all).collect(),
        None => Vec::new(),
    };
    let line = |(number, it): (usize, &ShardRecord)| {
        vec![
            html! { a href={ "/jobs/" (record.job.id) "?shard=" (number) } { (number) } },
            state(&it.state.to_string()),
            html! { (it.bids.len()) },
            html! { (it.executions.len()) },
            shard::verdict(it),
            html! { @if let Some(why) = &it.why { (Plain(why)) } },
        ]
    };
    html! {
        @if all > 1 {
            h2 { "Shards" }
            @if in_full.is_empty() || chosen.is_some() {
                @if chosen.is_some() { p { a href={ "/jobs/" (record.job.id) } { "All " (all) " shards" } } }
                @if chosen.is_none() {
                    @let rows: Vec<_> = record.shards.iter().enumerate().take(MOST_LINES).map(line).collect();
                    (table("Shards of the job", &["Shard", "State", "Bids", "Runs", "Verdict", "Reason"], &rows))
                    @if all > MOST_LINES { p { "And " (all - MOST_LINES) " more. Add " code { "?shard=NUMBER" } " to the address for one of them." } }
                }
            }
        }
        @for number in in_full {
            @if let Some(it) = record.shards.get(number) { (shard::show(record, number, it, withheld)) }
        }
    }
}
