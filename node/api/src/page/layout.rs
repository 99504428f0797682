//! The frame of every page: head, navigation and footer.

use maud::{DOCTYPE, Markup, html};

use super::words::Plain;
use crate::error::ApiError;

/// The parts of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Jobs,
    Publications,
    Nodes,
    Limits,
}

const PARTS: [(Part, &str, &str); 4] = [
    (Part::Jobs, "/", "Jobs"),
    (Part::Publications, "/publications", "Publications"),
    (Part::Nodes, "/nodes", "Nodes"),
    (Part::Limits, "/limits", "Limits"),
];

/// How the script keeps a page up to date.
#[derive(Clone, Debug)]
pub(super) enum Live {
    /// Every so many seconds.
    Every(u32),
    /// By the events at this path.
    Events(String),
    /// Nothing changes any more.
    Ended,
}

/// A page of `part` with `content`, whose first element is its heading.
pub(super) fn page(title: &str, part: Option<Part>, live: &Live, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (Plain(title)) " · bacalhau" }
                link rel="icon" href="/page.svg" type="image/svg+xml";
                link rel="stylesheet" href="/page.css";
                script src="/page.js" defer {}
            }
            body {
                a.skip href="#content" { "Skip to content" }
                header.top {
                    a.brand href="/" { "bacalhau" }
                    nav aria-label="Parts of this page" {
                        ul {
                            @for (it, path, name) in PARTS {
                                li { a href=(path) aria-current=[(part == Some(it)).then_some("page")] { (name) } }
                            }
                        }
                    }
                    p #live role="status" {}
                }
                main #content tabindex="-1" data-every=[live.every()] data-events=[live.events()] { (content) }
                footer {
                    p {
                        "Read-only. Submit and cancel jobs with the command " code { "bacalhau" } ". "
                        a href="/api/v1/openapi.json" { "API description" } " · "
                        a href="/metrics" { "Metrics" } " · "
                        a href="/healthz?verbose" { "Health" }
                    }
                }
            }
        }
    }
}

/// The page of an error.
pub(super) fn problem(error: &ApiError) -> Markup {
    let body = error.body();
    let content = html! {
        h1 { "Not shown" }
        p.notice.bad { (Plain(&body.message)) }
        @if let Some(hint) = &body.hint { p { (Plain(hint)) } }
        p { a href="/" { "All jobs" } }
    };
    page("Not shown", None, &Live::Ended, &content)
}

impl Live {
    fn every(&self) -> Option<u32> {
        if let Self::Every(seconds) = self { Some(*seconds) } else { None }
    }

    fn events(&self) -> Option<&str> {
        if let Self::Events(path) = self { Some(path) } else { None }
    }
}
