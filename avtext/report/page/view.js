// What part of the time is in view: zoom buttons, the strip that shows the whole, and the playhead.

let strip = null;

function tracksWidth() {
  return lanes[0].canvas.clientWidth;
}

function movePlayhead() {
  const x = xOf(player.time, tracksWidth());
  $("playhead").style.transform = `translateX(${x}px)`;
  $("playhead").hidden = x < -1 || x > tracksWidth() + 1;
}

// The whole of the time as a strip, with the part in view as its window.
function drawStrip({ context, width, height }) {
  const whole = (time) => ((time - first) / (last - first)) * width;
  const [start, end] = state.view;
  context.fillStyle = colour("event");
  context.beginPath();
  context.roundRect(whole(start), 0, Math.max(6, whole(end) - whole(start)), height, 4);
  context.fill();
  context.fillStyle = colour("accent");
  let drawn = -1;
  for (const event of state.shown) {
    const x = Math.floor(whole(event.start));
    if (x > drawn) context.fillRect(x, height / 2 - 2, Math.max(1.5, whole(event.end) - x), 4);
    drawn = Math.max(drawn, x);
  }
}

function stripTime(pointer) {
  const box = strip.canvas.getBoundingClientRect();
  return first + ((pointer.clientX - box.left) / box.width) * (last - first);
}

function centreView(pointer) {
  const half = (state.view[1] - state.view[0]) / 2;
  const at = stripTime(pointer);
  setView(at - half, at + half);
}

function addStrip() {
  strip = addLane("strip", laneName("all"), drawStrip);
  strip.canvas.setAttribute("aria-label", "The whole, with the part in view");
  strip.canvas.addEventListener("pointerdown", (down) => {
    strip.canvas.setPointerCapture(down.pointerId);
    centreView(down);
  });
  strip.canvas.addEventListener("pointermove", (move) => {
    if (move.buttons) centreView(move);
  });
}

function zoomButtons() {
  const about = () => (player.time >= state.view[0] && player.time <= state.view[1] ? player.time : (state.view[0] + state.view[1]) / 2);
  $("zoom-in").addEventListener("click", () => zoom(0.5, about()));
  $("zoom-out").addEventListener("click", () => zoom(2, about()));
  $("zoom-all").addEventListener("click", () => setView(first, last));
}

function showZoom() {
  const whole = state.view[1] - state.view[0] >= last - first - 1e-6;
  $("zoom-out").disabled = whole;
  $("zoom-all").disabled = whole;
  $("zoom-in").disabled = state.view[1] - state.view[0] <= Math.min(0.5, last - first) + 1e-6;
}
