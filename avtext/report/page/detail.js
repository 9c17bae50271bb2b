// The selected event: what, when, how sure, and from what it was found.

// Selects an event, and goes there unless told not to.
function choose(event, go = true) {
  select(event);
  if (go) seek(event.start);
  reveal(event.start, event.end);
  eventList.reveal(state.shown.indexOf(event));
}

// The event before or after: of the selected one while the playhead stands on it, else of the playhead.
function step(by) {
  const at = state.selected && Math.abs(player.time - state.selected.start) < 0.05 ? state.shown.indexOf(state.selected) : -1;
  const next = at >= 0 ? state.shown[at + by] : nearest(by);
  if (next) choose(next);
}

function nearest(by) {
  if (by > 0) return state.shown.find((event) => event.start >= player.time - 1e-3);
  return state.shown.findLast((event) => event.start < player.time - 1e-3);
}

function showDetail() {
  const event = state.selected;
  const panel = $("detail");
  panel.classList.toggle("none", !event);
  if (!event) panel.replaceChildren(element("p", "quiet", events.length ? "Select an event to see why it was found: click one, or press N." : "Nothing was found in this file."));
  else panel.replaceChildren(detailHead(event), detailFacts(event));
}

function detailHead(event) {
  const head = element("div", "detail-head");
  const title = element("h2");
  title.append(foreign(data.labels[event.label]));
  head.append(title, element("p", "quiet", `${clock(event.start)} to ${clock(event.end)}, ${(event.end - event.start).toFixed(2)} s`));
  return head;
}

function detailFacts(event) {
  const facts = element("dl", "detail-facts");
  const said = cues.filter((cue) => cue.start < event.end && cue.end > event.start).map((cue) => cue.text);
  facts.append(fact("Score", meter(event.score)));
  if (event.shares) facts.append(fact("Found from", shareLegend(event.shares)));
  if (said.length) facts.append(fact("Words then", foreign(said.join("  /  "), "said")));
  return facts;
}

function fact(name, value) {
  const pair = element("div");
  const description = element("dd");
  description.append(value);
  pair.append(element("dt", "", name), description);
  return pair;
}

function meter(score) {
  const box = element("span", "meter");
  const bar = element("i");
  bar.style.width = `${score * 100}%`;
  box.append(bar);
  const both = element("span", "metered");
  both.append(box, element("b", "", score.toFixed(2)));
  return both;
}

function shareLegend(shares) {
  const both = element("span", "metered");
  both.append(sharesBar(shares), element("span", "", sharesText(shares)));
  return both;
}
