// One lane each for the ruler, the gates, the words and every label.

const lanes = []; // {canvas, draw, label}

// A lane of the timeline: its name at the left, its canvas at the right.
function addLane(kind, name, draw, label = null) {
  const row = element("div", `lane ${kind}`);
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  row.append(name, canvas);
  $("tracks").append(row);
  const lane = { row, canvas, draw, label };
  lanes.push(lane);
  return lane;
}

function drawLanes() {
  for (const lane of lanes) lane.draw({ ...cleared(lane.canvas), lane });
}

function drawRuler({ context, width, height }) {
  const [start, end] = state.view;
  const step = markStep(end - start, width / 84);
  context.font = `11px ${colour("font")}`;
  context.fillStyle = colour("quiet");
  for (let k = Math.ceil(start / step); k * step <= end; k++) {
    const x = xOf(k * step, width);
    context.fillRect(Math.round(x), height - 5, 1, 5);
    const text = clock(k * step, step < 1 ? 1 : 0);
    const wide = context.measureText(text).width;
    context.fillText(text, clamp(x - wide / 2, 5, width - wide), height - 9); // right of the playhead at the start
  }
}

// How much each modality counts, stacked to one.
function drawGates({ context, width, height }) {
  const columns = MODALITIES.map((name) => [colour(name === "text" ? "text-modality" : name), gates.curves.get(name)]).filter(([, curve]) => curve);
  for (let x = 0; x < width; x++) {
    let top = 0;
    for (const [fill, { low, high }] of columns) {
      const buckets = bucketsAt(x, width, gates, high.length);
      if (!buckets) continue;
      const share = (extreme(low, buckets, Math.min) + extreme(high, buckets, Math.max)) / 2;
      context.fillStyle = fill;
      context.fillRect(x, top, 1.05, Math.min(share * height, height - top));
      top += share * height;
    }
  }
}

function drawWords(surface) {
  const { context, width, height } = surface;
  context.font = `12px ${colour("font")}`;
  context.textBaseline = "middle";
  const gap = timeAt(2, width) - timeAt(0, width); // two pixels
  for (const cue of cues) {
    if (cue.end < state.view[0] || cue.start > state.view[1]) continue;
    const until = Math.min(cue.end, (cues[cue.index + 1]?.start ?? Infinity) - gap); // the next may begin before this ends
    block(surface, { start: cue.start, end: until }, 4, height - 8, colour("word"));
    const left = Math.max(xOf(cue.start, width), 0) + 7;
    context.fillStyle = colour("text");
    boxedText(context, cue.text, left, height / 2 + 1, Math.min(xOf(until, width), width) - left - 4);
  }
}

function drawLabel(surface) {
  const { lane, height } = surface;
  const curve = scores?.curves.get(data.labels[lane.label]);
  for (const event of state.shown) {
    if (event.label === lane.label && event.end >= state.view[0] && event.start <= state.view[1]) drawEvent(surface, event, height);
  }
  if (!curve) return;
  const found = events.some((event) => event.label === lane.label);
  const line = colour(found ? "accent" : "quiet");
  const fill = colour(found ? "curve" : "near");
  drawCurve(surface, scores, curve.high, Math.max, line, fill);
  if (curve.low !== curve.high) drawCurve(surface, scores, curve.low, Math.min, fill, fill);
}

function drawEvent(surface, event, height) {
  const chosen = event === state.selected;
  block(surface, event, 3, height - 4, colour(chosen ? "event-chosen" : "event"), 4);
  block(surface, event, height - 3, 3, colour("accent"), 1.5);
}

function laneName(text, count) {
  const name = element("div", "lane-name");
  name.append(element("span", "", text));
  if (count) name.append(element("span", "quiet", count));
  return name;
}

function gatesName() {
  const name = element("div", "lane-name legend");
  for (const modality of MODALITIES) {
    if (!gates.curves.get(modality)?.high.some((value) => value > 2)) continue;
    const entry = element("span", "", modality);
    entry.prepend(element("i", modality));
    name.append(entry);
  }
  return name;
}

// The name of a label's lane switches it on and off.
function labelName(label, count) {
  const name = element("button", "lane-name");
  name.type = "button";
  name.setAttribute("aria-pressed", "true");
  name.title = data.labels[label];
  name.append(foreign(data.labels[label]), element("span", "quiet", String(count)));
  name.addEventListener("click", () => toggleLabel(label));
  return name;
}

function countByLabel(chosen) {
  const counts = new Array(data.labels.length).fill(0);
  for (const event of chosen) counts[event.label]++;
  return counts;
}

// Labels with events, by their first one; those that only came near follow.
function labelsInOrder() {
  const seen = new Set(events.map((event) => event.label));
  const near = data.labels.map((_, label) => label).filter((label) => !seen.has(label));
  return [...seen, ...near];
}

function addLanes() {
  addLane("ruler", laneName(""), drawRuler).canvas.setAttribute("aria-label", "Ruler of time");
  if (gates?.curves.size) {
    addLane("gates", gatesName(), drawGates).canvas.setAttribute("aria-label", "How much audio, video and text count over time");
  }
  if (cues.length) addLane("cues", laneName("words"), drawWords).canvas.setAttribute("aria-label", "Words over time");
  const counts = countByLabel(events);
  for (const label of labelsInOrder()) {
    addLane("label", labelName(label, counts[label]), drawLabel, label);
  }
}

function showCounts() {
  const counts = countByLabel(state.shown);
  for (const { row, canvas, label } of lanes) {
    if (label === null) continue;
    const name = row.firstChild;
    row.classList.toggle("off", state.muted.has(label));
    name.setAttribute("aria-pressed", String(!state.muted.has(label)));
    name.lastChild.textContent = counts[label];
    canvas.setAttribute("aria-label", `${data.labels[label]}: ${counts[label]} event${counts[label] === 1 ? "" : "s"}`);
  }
}
