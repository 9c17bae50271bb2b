// The video where it can be played; a clock that only seeking moves where it cannot.

const media = $("media");
const player = { time: first, playable: true };

function seek(time) {
  player.time = clamp(time, first, last);
  if (player.playable) media.currentTime = Math.max(0, player.time);
  showTime();
}

function togglePlay() {
  if (!player.playable) return;
  if (media.paused) media.play().catch(showAbsent);
  else media.pause();
}

function isPlaying() {
  return player.playable && !media.paused;
}

function showTime() {
  $("now").textContent = clock(player.time);
  movePlayhead();
  markCurrent();
}

function readTime() {
  if (!player.playable) return;
  player.time = media.currentTime;
  showTime();
}

function follow() {
  if (!isPlaying()) return;
  readTime();
  if (player.time > state.view[1]) setView(player.time, player.time + state.view[1] - state.view[0]);
  requestAnimationFrame(follow);
}

function showPlaying() {
  $("play").firstChild.textContent = isPlaying() ? "Pause " : "Play ";
  requestAnimationFrame(follow);
}

function showAbsent() {
  player.playable = false;
  media.hidden = true;
  $("absent").hidden = false;
  $("play").disabled = true;
}

function useFile(file) {
  player.playable = true;
  media.hidden = false;
  $("absent").hidden = true;
  $("play").disabled = false;
  media.src = URL.createObjectURL(file);
  media.currentTime = Math.max(0, player.time);
}

function startPlayer() {
  for (const name of ["play", "pause", "ended"]) media.addEventListener(name, showPlaying);
  for (const name of ["seeked", "timeupdate"]) media.addEventListener(name, readTime);
  media.addEventListener("error", showAbsent);
  if (media.error || media.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) showAbsent();
  $("chooser").addEventListener("change", (change) => {
    if (change.target.files.length) useFile(change.target.files[0]);
  });
  $("play").addEventListener("click", togglePlay);
}
