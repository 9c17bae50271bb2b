// Drawing on a lane's canvas, in pixels of the page; colours are those of the style.

function colour(name) {
  return getComputedStyle(root).getPropertyValue(`--${name}`).trim();
}

// A context of the canvas's size on the page, sharp on any screen, empty.
function cleared(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}

function xOf(time, width) {
  const [start, end] = state.view;
  return ((time - start) / (end - start)) * width;
}

function timeAt(x, width) {
  const [start, end] = state.view;
  return start + (x / width) * (end - start);
}

// For each pixel the range of buckets under it, or null outside the curve.
function bucketsAt(x, width, curve, count) {
  const from = Math.floor((timeAt(x, width) - curve.start) / curve.step);
  const to = Math.max(from + 1, Math.floor((timeAt(x + 1, width) - curve.start) / curve.step));
  return to <= 0 || from >= count ? null : [Math.max(from, 0), Math.min(to, count)];
}

function extreme(values, [from, to], pick) {
  let found = values[from];
  for (let k = from + 1; k < to; k++) found = pick(found, values[k]);
  return found / 255;
}

// A curve's value at each pixel: `pick` is Math.max for its highest, Math.min for its lowest.
function sampled(width, curve, values, pick) {
  return Array.from({ length: Math.ceil(width) + 1 }, (_, x) => {
    const buckets = bucketsAt(x, width, curve, values.length);
    return buckets ? extreme(values, buckets, pick) : 0;
  });
}

// A curve as a line with its area tinted; no line where it is next to nothing.
function drawCurve({ context, width, height }, curve, values, pick, line, fill) {
  const sample = sampled(width, curve, values, pick);
  const bottom = height - 1;
  const top = new Path2D();
  const area = new Path2D(`M0 ${bottom}`);
  sample.forEach((value, x) => {
    const y = bottom - value * (height - 6);
    const flat = value < 0.015 && (sample[x - 1] ?? 0) < 0.015;
    if (flat) top.moveTo(x, y);
    else top.lineTo(x, y);
    area.lineTo(x, y);
  });
  area.lineTo(width, bottom);
  context.fillStyle = fill;
  context.fill(area);
  context.strokeStyle = line;
  context.lineWidth = 1.25;
  context.stroke(top);
}

// A span of time as a block of at least three pixels.
function block({ context, width }, span, top, height, fill, radius = 3) {
  const left = xOf(span.start, width);
  const wide = Math.max(3, xOf(span.end, width) - left);
  if (left > width || left + wide < 0) return;
  context.fillStyle = fill;
  context.beginPath();
  context.roundRect(left, top, wide, height, radius);
  context.fill();
}

// Text in a box, cut with an ellipsis where it is too long.
function boxedText(context, text, left, middle, room) {
  if (room < 24) return;
  let shown = text.length > room / 3 ? text.slice(0, Math.ceil(room / 3)) : text;
  if (shown !== text || context.measureText(shown).width > room) {
    while (shown && context.measureText(`${shown}…`).width > room) shown = shown.slice(0, -1);
    shown += "…";
  }
  context.fillText(shown, left, middle);
}
