// The keyboard: single keys, never in place of what a control does with them.

const KEYS = {
  n: () => step(1),
  p: () => step(-1),
  " ": togglePlay,
  "+": () => $("zoom-in").click(),
  "=": () => $("zoom-in").click(),
  "-": () => $("zoom-out").click(),
  0: () => $("zoom-all").click(),
  Escape: () => select(null),
};

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  if (event.key === " " && event.target.closest("button, a, input, label, video, audio")) return;
  event.preventDefault();
  act();
}
