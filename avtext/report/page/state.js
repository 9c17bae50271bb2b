// What is chosen on the page, and who is told when it changes.

const state = {
  threshold: 0,
  muted: new Set(), // labels that are switched off
  selected: null, // an event
  view: [first, last], // seconds that the timeline shows
  shown: events, // those that pass the threshold and whose label is on, by start
};
const listeners = { filter: [], selection: [], view: [] };

function when(what, listener) {
  listeners[what].push(listener);
}

function changed(what) {
  for (const listener of listeners[what]) listener();
}

function filter() {
  state.shown = events.filter((event) => event.score >= state.threshold && !state.muted.has(event.label));
  if (state.selected && !state.shown.includes(state.selected)) select(null);
  changed("filter");
}

function setThreshold(value) {
  state.threshold = value;
  filter();
}

function toggleLabel(label) {
  if (!state.muted.delete(label)) state.muted.add(label);
  filter();
}

function select(event) {
  state.selected = event;
  changed("selection");
}

function setView(start, end) {
  const least = Math.min(0.5, last - first);
  const span = clamp(end - start, least, last - first);
  const begin = clamp(start, first, last - span);
  state.view = [begin, begin + span];
  changed("view");
}

// Scales the view about a time that stays where it is.
function zoom(factor, about) {
  const [start, end] = state.view;
  setView(about - (about - start) * factor, about + (end - about) * factor);
}

// Moves the view, if need be, so that a span is in it.
function reveal(start, end) {
  const [from, to] = state.view;
  if (start >= from && end <= to) return;
  const span = Math.max(to - from, (end - start) * 1.2);
  const middle = (start + end) / 2;
  setView(middle - span / 2, middle + span / 2);
}
