// What the page was made with, and small ways to make elements.

const data = JSON.parse(document.getElementById("data").textContent);
const MODALITIES = ["audio", "video", "text"];
const events = data.events.map(([start, end, label, score, shares], index) => ({ index, start, end, label, score, shares }));
const cues = data.cues.map(([start, end, text], index) => ({ index, start, end, text }));
const first = Math.min(0, events.length ? events[0].start : 0);
const last = data.length;

function $(id) {
  return document.getElementById(id);
}

// An element with text: never markup, whatever a label says.
function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// Text of others, kept from turning the text around it.
function foreign(text, className = "") {
  return element("bdi", className, text);
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

// {start, step, curves: {name: {low, high}}} with bytes for base64; null where the results have none.
function curves(stored) {
  if (!stored) return null;
  const decoded = new Map();
  for (const [name, one] of Object.entries(stored.curves)) {
    const high = bytes(one.high);
    decoded.set(name, { high, low: one.low ? bytes(one.low) : high });
  }
  return { start: stored.start, step: stored.step, curves: decoded };
}

const scores = curves(data.scores);
const gates = curves(data.gates);
