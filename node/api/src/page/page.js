// Keeps the page up to date. Without it, the page is complete as it was served.
"use strict";

const live = document.getElementById("live");
let busy = false;
let again = false;

// Replaces the content by that of the server, and keeps what the reader has focused and scrolled.
async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("content");
    const old = document.getElementById("content");
    const focused = document.activeElement;
    const place = focused && old.contains(focused) ? [...old.querySelectorAll("a, input, button, [tabindex]")].indexOf(focused) : -1;
    const typed = focused && focused.tagName === "INPUT" && place >= 0;
    if (!typed && next && next.innerHTML !== old.innerHTML) {
      const scrolled = [...old.querySelectorAll(".scroll")].map((it) => it.scrollLeft);
      old.replaceWith(next);
      next.querySelectorAll(".scroll").forEach((it, number) => { it.scrollLeft = scrolled[number] || 0; });
      const same = place >= 0 && next.querySelectorAll("a, input, button, [tabindex]")[place];
      if (same) same.focus({ preventScroll: true });
    }
    say("Live");
  } catch {
    say("Not connected");
  }
  busy = false;
  if (again) {
    again = false;
    setTimeout(refresh, 200);
  }
}

// Announced only when it changes.
function say(text) {
  if (live.textContent !== text) live.textContent = text;
}

// Follows the events of a job to its end. Each batch of events is one look at the page.
async function follow(path) {
  let pause = 500;
  for (;;) {
    try {
      const answer = await fetch(path);
      if (!answer.ok) throw new Error(answer.statusText);
      say("Live");
      const reader = answer.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        // Empty lines are keep-alives.
        if (value.some((byte) => byte !== 10)) await refresh();
        pause = 500;
      }
      await refresh();
      const next = document.getElementById("content").dataset.events;
      if (!next) return say("Ended");
      path = next;
    } catch {
      say("Not connected");
    }
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, 30000);
  }
}

const content = document.getElementById("content");
if (content.dataset.events) {
  follow(content.dataset.events);
} else if (content.dataset.every) {
  say("Live");
  setInterval(() => { if (!document.hidden) refresh(); }, content.dataset.every * 1000);
}
