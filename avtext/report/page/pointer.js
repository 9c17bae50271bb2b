// Pointing at the timeline: what is there, and a click goes there.

function laneOf(target) {
  return lanes.find((lane) => lane.canvas === target && lane !== strip) ?? null;
}

// The event of a label at a time, the shortest where several overlap; three pixels of tolerance for a short one.
function eventAt(label, time, tolerance) {
  let found = null;
  for (const event of state.shown) {
    if (event.label !== label || event.start > time + tolerance || event.end < time - tolerance) continue;
    if (!found || event.end - event.start < found.end - found.start) found = event;
  }
  return found;
}

function pointed(pointer) {
  const lane = laneOf(pointer.target);
  if (!lane) return null;
  const x = pointer.clientX - lane.canvas.getBoundingClientRect().left;
  const width = lane.canvas.clientWidth;
  const time = timeAt(x, width);
  const event = lane.label === null ? null : eventAt(lane.label, time, timeAt(3, width) - timeAt(0, width));
  return { lane, x, time, event };
}

function goTo(pointer) {
  const at = pointed(pointer);
  if (!at) return;
  if (at.event) choose(at.event, false);
  else select(null);
  seek(at.time);
}

function describe({ lane, time, event }) {
  const parts = [clock(time)];
  if (event) parts.push(`${data.labels[event.label]} ${clock(event.start)} to ${clock(event.end)}, score ${event.score.toFixed(2)}`);
  else if (lane.label !== null) parts.push(data.labels[lane.label]);
  const value = lane.label === null ? null : curveAt(scores, data.labels[lane.label], time);
  if (value !== null) parts.push(`frame score ${value.toFixed(2)}`);
  if (lane.draw === drawGates) {
    for (const name of MODALITIES) {
      const share = curveAt(gates, name, time);
      if (share > 0.005) parts.push(`${name} ${Math.round(share * 100)}\u00a0%`);
    }
  }
  return parts.join("  ·  ");
}

function curveAt(curve, name, time) {
  const values = curve?.curves.get(name)?.high;
  const at = values ? Math.floor((time - curve.start) / curve.step) : -1;
  return at >= 0 && at < values.length ? values[at] / 255 : null;
}

function showHover(pointer) {
  const at = pointed(pointer);
  $("hover").hidden = !at;
  if (!at) return;
  $("hover").style.transform = `translateX(${at.x}px)`;
  $("tip").textContent = describe(at);
}

function hideHover() {
  $("hover").hidden = true;
  $("tip").textContent = "Click to go there. Scroll sideways to move, with Ctrl to zoom. A label's name switches it off.";
}

// Sideways scrolling moves the view; with Ctrl (or a pinch) it zooms.
function wheel(turn) {
  const lane = laneOf(turn.target);
  if (!lane) return;
  if (turn.ctrlKey) {
    const x = turn.clientX - lane.canvas.getBoundingClientRect().left;
    zoom(Math.exp(turn.deltaY / 200), timeAt(x, lane.canvas.clientWidth));
  } else if (Math.abs(turn.deltaX) > Math.abs(turn.deltaY)) {
    const by = (turn.deltaX / tracksWidth()) * (state.view[1] - state.view[0]);
    setView(state.view[0] + by, state.view[1] + by);
  } else return;
  turn.preventDefault();
}

function startPointing() {
  const tracks = $("tracks");
  tracks.addEventListener("click", goTo);
  tracks.addEventListener("pointermove", showHover);
  tracks.addEventListener("pointerleave", hideHover);
  tracks.addEventListener("wheel", wheel, { passive: false });
  hideHover();
}
