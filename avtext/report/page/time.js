// Seconds in words.

function clock(seconds, digits = 2) {
  const unit = 10 ** digits;
  const ticks = Math.round(Math.abs(seconds) * unit);
  const minutes = Math.floor(ticks / unit / 60);
  const rest = ((ticks - minutes * 60 * unit) / unit).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const hours = Math.floor(minutes / 60);
  const head = hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}` : String(minutes);
  return `${seconds < 0 ? "−" : ""}${head}:${rest}`;
}

// The distance of marks on a ruler, so that about `count` of them fit into `span` seconds.
function markStep(span, count) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
  return steps.find((step) => span / step <= count) ?? 28800 * Math.ceil(span / count / 28800);
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
