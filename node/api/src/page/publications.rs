//! Published results of jobs: deals, pins and other places, by the newest jobs.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Live, Part, page};
use super::words::{Plain, state, table, time};
use super::{answer, failed};
use crate::error::ApiError;
use crate::jobs::{ListParams, parsed};
use crate::state::{App, Shared};
use bacalhau_receipt::Publication;

/// Jobs that are looked at for one page, and shards of each.
const MOST_JOBS: usize = 50;
const MOST_SHARDS: usize = 16;
/// Places shown of a publication.
const MOST_PLACES: usize = 4;
/// Seconds between two looks of the script.
const EVERY: u32 = 15;

/// The place in the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    after: Option<String>,
}

pub(super) async fn show(State(app): State<App>, query: Result<Query<Place>, QueryRejection>) -> Response {
    let place = match parsed(query) {
        Ok(place) => place,
        Err(error) => return failed(error),
    };
    app.blocking(move |app| list(app, place.after)).await.map_or_else(failed, answer)
}

/// Private jobs are left out, since a stranger sees no results of them.
fn list(app: &Shared, after: Option<String>) -> Result<Markup, ApiError> {
    let is_first = after.is_none();
    let params = ListParams { after, limit: Some(MOST_JOBS), ..ListParams::default() };
    let found = app.store.jobs(&params.into_query()?)?;
    let mut rows = Vec::new();
    for job in found.jobs.iter().filter(|job| !job.private && job.completed > 0 && job.shards <= MOST_SHARDS) {
        let Some(record) = app.store.job(&job.id)? else { continue };
        for (number, shard) in record.shards.iter().enumerate() {
            let published = shard.published.and_then(|number| shard.execution(number));
            for it in published.into_iter().flat_map(|execution| &execution.publications) {
                let job = html! {
                    a href={ "/jobs/" (record.job.id) } { code { (record.job.id.short()) } }
                    @if record.shards.len() > 1 { " shard " (number) }
                };
                rows.push(row(job, it));
            }
        }
    }
    let next = found.next.map(|next| next.to_string());
    let content = html! {
        h1 { "Publications" }
        @if rows.is_empty() {
            p.notice { "No publications of the " (MOST_JOBS) " jobs here. Publish results with " code { "--publisher" } "." }
        } @else {
            (table("Published results, of the newest jobs first", &["Job", "Publisher", "State", "CID", "Places", "Last step"], &rows))
        }
        @if !is_first || next.is_some() {
            nav.pages aria-label="Pages of publications" {
                ul {
                    @if !is_first { li { a href="/publications" { "Newest" } } }
                    @if let Some(next) = &next {
                        li { a href={ "/publications?after=" (next) } rel="next" { "Older" } }
                    }
                }
            }
        }
    };
    Ok(page("Publications", Some(Part::Publications), &Live::Every(EVERY), &content))
}

fn row(job: Markup, it: &Publication) -> Vec<Markup> {
    let last = it.steps.last();
    vec![
        job,
        html! { (Plain(&it.publisher)) },
        html! { @match last { Some(step) => (Plain(&step.state)), None => (state("Published")) } },
        html! { @if let Some(cid) = &it.cid { code.line { (cid) } } },
        places(it),
        html! { @if let Some(step) = last { (time(step.at_ms)) " " (Plain(&step.text)) } },
    ]
}

/// The places of a publication.
pub(super) fn places(it: &Publication) -> Markup {
    html! {
        @for place in it.places.iter().take(MOST_PLACES) { code.line { (Plain(place)) } }
        @if it.places.len() > MOST_PLACES { "and " (it.places.len() - MOST_PLACES) " more" }
    }
}
