// Puts the page together.

function redraw() {
  drawLanes();
  movePlayhead();
}

function startFilter() {
  const slider = $("threshold");
  const apply = () => {
    $("threshold-value").textContent = Number(slider.value).toFixed(2);
    setThreshold(Number(slider.value));
  };
  slider.addEventListener("input", apply);
  apply(); // a browser may remember where the slider stood
}

function start() {
  addLanes();
  addStrip();
  when("filter", showCounts);
  when("filter", showList);
  when("filter", redraw);
  when("selection", showDetail);
  when("selection", markSelected);
  when("selection", redraw);
  when("view", redraw);
  when("view", showZoom);
  document.addEventListener("themechange", redraw);
  document.addEventListener("keydown", press);
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  zoomButtons();
  startPointing();
  startPlayer();
  startDownloads();
  startFilter();
  showCues();
  showDetail();
  showZoom();
  showTime();
  new ResizeObserver(() => {
    redraw();
    eventList.draw();
    cueList.draw();
  }).observe($("tracks"));
}

start();
