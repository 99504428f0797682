//! Text of others, times, peers and states in HTML.

use std::time::Duration;

use bacalhau_values::text;
use libp2p_identity::PeerId;
use maud::{Escaper, Markup, Render, html};
use std::fmt::Write as _;

/// Maximum characters of a foreign text.
const MAX_CHARS: usize = 600;
/// Characters of a peer ID that are shown, from its end: all begin alike.
const PEER_CHARS: usize = 9;

/// Text of another party: bounded, without control characters and changes of direction, and escaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain<'a>(pub(super) &'a str);

impl Render for Plain<'_> {
    fn render_to(&self, buffer: &mut String) {
        let (shown, is_cut) = match self.0.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => (&self.0[..end], true),
            None => (self.0, false),
        };
        // Writing to a string cannot fail.
        let _ = Escaper::new(buffer).write_str(&text::harmless(shown));
        if is_cut {
            buffer.push('…');
        }
    }
}

/// A time as text that programs can read.
pub(super) fn time(unix_ms: u64) -> Markup {
    let instant = text::instant(unix_ms);
    let shown = instant.replace('T', " ").replace('Z', " UTC");
    html! { time datetime=(instant) { (shown) } }
}

/// The time between two moments.
pub(super) fn took(from_ms: u64, to_ms: u64) -> String {
    let seconds = to_ms.saturating_sub(from_ms) / 1000;
    match seconds {
        0..=119 => text::duration(Duration::from_millis(to_ms.saturating_sub(from_ms))),
        120..=7_199 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A peer by the end of its id.
pub(super) fn peer(peer: &PeerId) -> Markup {
    let id = peer.to_string();
    html! { code.short title=(id) { (text::shortened(&id, PEER_CHARS)) } }
}

/// A long identifier, shortened; the whole is its title.
pub(super) fn short(id: &str) -> Markup {
    let shown = text::shortened(id, 14);
    html! { code.short title=(Plain(id)) { (Plain(&shown)) } }
}

/// A state with its colour, which is never its only sign.
pub(super) fn state(name: &str) -> Markup {
    let class = match name {
        "Completed" | "Published" | "Won" | "agreed" => "state good",
        "Failed" | "Lost" | "faulty" | "disputed" | "differed" | "unreadable" => "state bad",
        "CompletedPartially" => "state warn",
        "Cancelled" => "state off",
        _ => "state now",
    };
    let shown = if name == "CompletedPartially" { "Completed partially" } else { name };
    let shown = if name == "InProgress" { "In progress" } else { shown };
    html! { span class=(class) { (shown) } }
}

/// A table of `rows` below `head`. Wide tables scroll by themselves, also by keyboard.
pub(super) fn table(caption: &str, head: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for name in head { th scope="col" { (name) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                @if column == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_only_text() {
        let shown = |text: &str| html! { p title=(Plain(text)) { (Plain(text)) } }.into_string();
        let hostile = "<script>alert(1)</script>\" onload=x '&\u{202e}\u{7}";
        let escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=x '&amp;\\u{202e}\\u{7}";
        assert_eq!(shown(hostile), format!("<p title=\"{escaped}\">{escaped}</p>"));
        let long = "ä".repeat(MAX_CHARS + 1);
        assert_eq!(html! { (Plain(&long)) }.into_string().chars().count(), MAX_CHARS + 1);
        assert!(shown(&long).ends_with("ä…</p>"));
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        assert_eq!(
            [took(5, 12), took(0, 3_400), took(0, 600_000), took(0, 7_260_000)],
            ["7 ms", "3.4 s", "10 min", "2 h 1 min"]
        );
        assert_eq!(took(9, 3), "0 ms", "clocks may go back");
    }
}
