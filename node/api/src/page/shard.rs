//! One shard: verdict, runs, groups of equal results, differences, bids and draws.

use maud::{Markup, html};

use super::publications;
use super::words::{Plain, peer, short, state, table, time};
use crate::PREFIX;
use bacalhau_job::{
    Distinct, ExecutionRecord, ExecutionState, Finding, Group, JobRecord, Rule, ShardRecord, ShardState,
};
use bacalhau_values::text;

/// Runs, bids and differences shown.
const MOST_RUNS: usize = 100;
const MOST_BIDS: usize = 100;
const MOST_DIFFERENCES: usize = 100;

pub(super) fn show(record: &JobRecord, number: usize, it: &ShardRecord, withheld: bool) -> Markup {
    let several = record.shards.len() > 1;
    let id = record.job.id;
    let runs: Vec<Vec<Markup>> =
        it.executions.iter().take(MOST_RUNS).map(|run| execution(record, number, it, run, withheld)).collect();
    html! {
        section aria-labelledby={ "shard-" (number) } {
            h2 id={ "shard-" (number) } {
                @if several { "Shard " (number) " " (state(&it.state.to_string())) } @else { "Verdict and runs" }
            }
            @if it.verdict.is_some() { p.verdict { (verdict(it)) } }
            @if let Some(runs) = it.verdict.as_ref().and_then(bacalhau_job::Verdict::runs_in_words) { p { "Runs: " (runs) "." } }
            @if let Some(audit) = &it.audit {
                p {
                    @if audit.drawn { "Drawn for an audit: another operator runs it too." }
                    @else if audit.is_pending() { "Whether it is audited is not decided yet." }
                    @else { "Not drawn for an audit." }
                }
            }
            @if it.state == ShardState::Completed && !withheld {
                p { a.button href={ (PREFIX) "/jobs/" (id) "/results/" (number) } download { "Download the results (CAR)" } }
            }
            @if !runs.is_empty() {
                (table("Runs", &["Run", "Node", "State", "In the vote", "Result", "Outcome", "Fuel", "Receipt", "Note"], &runs))
                @if it.executions.len() > MOST_RUNS { p { "And " (it.executions.len() - MOST_RUNS) " more runs." } }
            }
            (groups(it))
            (differences(&it.findings))
            (published(it))
            (bids(it))
            (draws(it, record))
        }
    }
}

/// The verdict in a sentence.
pub(super) fn verdict(it: &ShardRecord) -> Markup {
    let Some(verdict) = &it.verdict else { return html! {} };
    let why = verdict.rule.explanation();
    html! {
        @match (verdict.winner(), verdict.rule) {
            (Some(group), _) => {
                span.state.good { "Verified" } " " (group.executions.len()) " of " (it.executions.len()) " runs agree" (verdict.short_of(it.executions.len())) ": " (why)
            }
            (None, Rule::OneRun | Rule::NotCompared) => { span.state.warn { "Not verified" } " " (why) }
            (None, _) => { span.state.bad { "No verdict" } " " (why) }
        }
    }
}

fn execution(
    record: &JobRecord,
    number: usize,
    shard: &ShardRecord,
    it: &ExecutionRecord,
    withheld: bool,
) -> Vec<Markup> {
    let id = record.job.id;
    vec![
        html! { (it.number) },
        html! {
            (peer(&it.peer))
            @if let Some(operator) = &it.operator { " " small { (Plain(&operator.to_string())) } }
        },
        state(&it.state.to_string()),
        html! { @if let Some(standing) = standing(it, shard) { (state(standing)) } },
        html! { @if let Some(h1) = it.h1.as_deref().filter(|h1| !h1.is_empty()) { (short(h1)) } },
        html! { @if let Some(outcome) = &it.outcome { (Plain(&outcome.to_string())) } },
        html! { @if let Some(fuel) = it.fuel { (text::thousands(fuel)) } },
        html! {
            @if it.receipt.is_some() && !withheld {
                a href={ "/jobs/" (id) "/receipts/" (number) "/" (it.number) } download aria-label={ "Receipt of run " (it.number) } { "Download" }
            }
        },
        html! { @if let Some(why) = &it.why { (Plain(why)) } },
    ]
}

/// The result of a run in the vote.
fn standing(it: &ExecutionRecord, shard: &ShardRecord) -> Option<&'static str> {
    let verdict = shard.verdict.as_ref()?;
    let has = |list: &[u16]| list.contains(&it.number);
    let of_group = |group: &&Group| has(&group.executions) || has(&group.faulty) || has(&group.disputed);
    let Some(group) = verdict.groups.iter().find(of_group) else {
        return (it.state == ExecutionState::Failed || has(&verdict.absent)).then_some("no vote");
    };
    Some(match verdict.winner() {
        _ if group.h1.is_empty() => "unreadable",
        _ if has(&group.faulty) => "faulty",
        _ if has(&group.disputed) => "disputed",
        Some(winner) if winner == group => "agreed",
        Some(_) => "differed",
        None => return None,
    })
}

fn groups(it: &ShardRecord) -> Markup {
    let Some(verdict) = it.verdict.as_ref().filter(|verdict| !verdict.groups.is_empty()) else { return html! {} };
    let list = |numbers: &[u16]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let row = |group: &Group| {
        vec![
            html! { @if group.h1.is_empty() { "unreadable" } @else { code.line { (Plain(&group.h1)) } } },
            html! { (list(&group.executions)) },
            html! { (list(&group.faulty)) },
            html! { (list(&group.disputed)) },
        ]
    };
    let rows: Vec<Vec<Markup>> = verdict.groups.iter().take(MOST_RUNS).map(row).collect();
    table("Groups of equal results, the largest first", &["Result", "Runs", "Faulty", "Disputed"], &rows)
}

fn differences(findings: &[Finding]) -> Markup {
    let mut rows = Vec::new();
    for finding in findings {
        for point in &finding.differences {
            rows.push(vec![
                html! { (finding.execution) },
                html! { (Plain(&point.what)) },
                html! { div.long { (Plain(&point.found)) } },
                html! { div.long { (Plain(&point.expected)) } },
                html! { (finding.against) },
            ]);
        }
    }
    let all = rows.len();
    rows.truncate(MOST_DIFFERENCES);
    html! {
        @if all > 0 {
            (table("Differences of results, by file", &["Run", "What", "It has", "Instead of", "Of run"], &rows))
            @if all > MOST_DIFFERENCES { p { "And " (all - MOST_DIFFERENCES) " more differences." } }
            @for finding in findings.iter().take(MOST_RUNS) {
                @if let Some(parted) = &finding.parted {
                    p { "Run " (finding.execution) ": first different host call: " (Plain(parted)) }
                }
            }
        }
    }
}

fn published(it: &ShardRecord) -> Markup {
    let published = it.published.and_then(|number| it.execution(number));
    let mut rows = Vec::new();
    for publication in published.into_iter().flat_map(|execution| &execution.publications) {
        rows.push(vec![
            html! { (Plain(&publication.publisher)) },
            html! { @if let Some(cid) = &publication.cid { code.line { (cid) } } },
            publications::places(publication),
            html! {
                @for step in &publication.steps {
                    span.line { (time(step.at_ms)) " " (Plain(&step.state)) " " (Plain(&step.text)) }
                }
            },
        ]);
    }
    html! {
        @if !rows.is_empty() { (table("Where the results are published", &["Publisher", "CID", "Places", "Steps"], &rows)) }
    }
}

fn bids(it: &ShardRecord) -> Markup {
    let row = |bid: &bacalhau_job::BidRecord| {
        vec![
            peer(&bid.peer),
            time(bid.at_ms),
            html! {
                @match bid.accepted { Some(true) => "accepted", Some(false) => "not needed", None => "waiting" }
            },
            html! { @if let Some(operator) = &bid.operator { (Plain(&operator.to_string())) } },
        ]
    };
    let rows: Vec<Vec<Markup>> = it.bids.iter().take(MOST_BIDS).map(row).collect();
    html! {
        @if !rows.is_empty() {
            (table("Bids in order of arrival", &["Node", "Time", "Answer", "Operator"], &rows))
            @if it.bids.len() > MOST_BIDS { p { "And " (it.bids.len() - MOST_BIDS) " more bids." } }
        }
        @if it.distinct != Distinct::None { p { "One run for each operator (" (it.distinct) ")." } }
    }
}

fn draws(it: &ShardRecord, record: &JobRecord) -> Markup {
    let row = |draw: &bacalhau_job::DrawRecord| {
        let runs = draw.executions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        vec![
            html! { (draw.round) },
            time(draw.at_ms),
            html! { @if let Some(round) = draw.fair { "fair, draw " (round) " of the job" } @else { "fast" } },
            html! { (draw.bids) },
            html! { (runs) },
        ]
    };
    let rows: Vec<Vec<Markup>> = it.draws.iter().take(MOST_RUNS).map(row).collect();
    html! {
        @if !rows.is_empty() {
            (table("Draws among the bidders", &["Draw", "Time", "Mode", "Bids", "Runs"], &rows))
            p { "Anybody can repeat the draws: " code { "bacalhau describe " (record.job.id.short()) " --draw" } }
        }
    }
}
