// Lists of any length: only the rows in sight are in the page.

const ROW = 36; // pixels

// Shows `rows()` in `box`: `make(row)` gives the button of one, `nothing()` what is said where there are none.
function virtualList(box, rows, make, nothing) {
  const list = element("ul");
  box.append(list);
  let from = -1;
  const draw = (force) => {
    const every = rows();
    const start = clamp(Math.floor(box.scrollTop / ROW) - 10, 0, Math.max(0, every.length - 1));
    if (start === from && !force) return;
    from = start;
    const seen = every.slice(start, start + Math.ceil(box.clientHeight / ROW) + 20);
    list.style.height = `${Math.max(1, every.length) * ROW}px`;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.index : null;
    list.replaceChildren(...seen.map((row, k) => listItem(make(row), start + k, every.length)));
    if (!every.length) list.append(element("li", "empty", nothing()));
    if (focused) list.querySelector(`[data-index="${focused}"]`)?.focus({ preventScroll: true });
  };
  box.addEventListener("scroll", () => draw(false));
  return { draw: () => draw(true), reveal: (place) => bringTo(box, place) };
}

function listItem(content, place, count) {
  const item = element("li");
  item.style.top = `${place * ROW}px`;
  item.setAttribute("aria-posinset", place + 1);
  item.setAttribute("aria-setsize", count);
  item.append(content);
  return item;
}

function bringTo(box, place) {
  const top = place * ROW;
  if (top < box.scrollTop) box.scrollTop = top - ROW;
  else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + 2 * ROW - box.clientHeight;
}

function eventRow(event) {
  const row = element("button", "event-row");
  row.type = "button";
  row.dataset.index = event.index;
  row.setAttribute("aria-pressed", String(event === state.selected));
  row.classList.toggle("current", isCurrent(event));
  const score = element("span", "event-score", event.score.toFixed(2));
  score.style.setProperty("--part", event.score);
  row.append(element("span", "event-time", clock(event.start)), foreign(data.labels[event.label], "event-label"), sharesBar(event.shares), score);
  row.addEventListener("click", () => choose(event));
  return row;
}

// The shares of audio, video and text as a bar of three colours.
function sharesBar(shares) {
  const bar = element("span", "shares");
  if (!shares) return bar;
  MODALITIES.forEach((name, k) => {
    const part = element("i", name);
    part.style.flexGrow = shares[k];
    bar.append(part);
  });
  bar.title = sharesText(shares);
  return bar;
}

function sharesText(shares) {
  const parts = MODALITIES.map((name, k) => ({ name, part: Number((shares[k] * 100).toFixed(1)) }));
  return parts.filter(({ part }) => part).map(({ name, part }) => `${name} ${part}\u00a0%`).join(", ");
}

function cueRow(cue) {
  const row = element("button", "cue-row");
  row.type = "button";
  row.dataset.index = cue.index;
  row.title = cue.text;
  row.classList.toggle("current", isCurrent(cue));
  row.append(element("span", "event-time", clock(cue.start)), foreign(cue.text));
  row.addEventListener("click", () => {
    seek(cue.start);
    reveal(cue.start, cue.end);
  });
  return row;
}

function isCurrent(span) {
  return span.start <= player.time + 1e-6 && player.time < span.end;
}

const eventList = virtualList($("list"), () => state.shown, eventRow, () => (events.length ? "None at this threshold." : "No events."));
const cueList = virtualList($("words"), () => cues, cueRow, () => "No text came with these results.");

// Marks the rows of what happens now, and the selected one, without making them anew.
function markCurrent() {
  for (const row of document.querySelectorAll(".event-row")) row.classList.toggle("current", isCurrent(events[row.dataset.index]));
  for (const row of document.querySelectorAll(".cue-row")) row.classList.toggle("current", isCurrent(cues[row.dataset.index]));
}

function markSelected() {
  for (const row of document.querySelectorAll(".event-row")) {
    row.setAttribute("aria-pressed", String(events[row.dataset.index] === state.selected));
  }
}

function showList() {
  const all = events.length === state.shown.length;
  $("count").textContent = all ? `${events.length}` : `${state.shown.length} of ${events.length}`;
  eventList.draw();
}

function showCues() {
  $("words-count").textContent = cues.length ? `${cues.length} cue${cues.length === 1 ? "" : "s"}` : "";
  cueList.draw();
}
