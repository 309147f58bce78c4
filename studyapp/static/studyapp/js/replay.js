// Re-enacts one trial from what the rater's browser told: both players move as they did, on the same clock.
// Who may not see the names of systems has no players: the playhead moves, and what was heard is marked.

const { length_s: length, events } = JSON.parse(document.getElementById("replay-events").textContent);
const button = document.getElementById("replay-play");
const speed = document.getElementById("replay-speed");
const slider = document.getElementById("replay-at");
const shown = document.getElementById("replay-time");
const head = document.getElementById("replay-head");
const figures = Object.fromEntries([...document.querySelectorAll("[data-side]")].map((one) => [one.dataset.side, one]));
const WIDTH = 1000; // of the drawing, as studyapp/watching/replay_drawing.py
// A player may be so far from where the rater's was before it is moved there.
const DRIFT_S = 0.3;

let at = 0;
let last = null; // when the clock was read last, while it runs

button.addEventListener("click", () => (last === null ? run() : stop()));
slider.addEventListener("input", () => {
  at = Number(slider.value);
  show();
});
document.addEventListener("visibilitychange", () => document.hidden && stop());

function run() {
  if (at >= length) at = 0;
  last = performance.now();
  button.textContent = "Stop";
  requestAnimationFrame(frame);
}

function stop() {
  last = null;
  button.textContent = "Re-enact";
  for (const figure of Object.values(figures)) figure.querySelector("video")?.pause();
}

function frame(now) {
  if (last === null) return;
  at = Math.min(length, at + (Math.max(0, now - last) / 1000) * Number(speed.value));
  last = now;
  show();
  if (at >= length) stop();
  else requestAnimationFrame(frame);
}

function show() {
  slider.value = at;
  shown.textContent = `${at.toFixed(1)} s`;
  head.setAttribute("transform", `translate(${((at / length) * WIDTH).toFixed(2)} 0)`);
  const state = stateAt(at);
  for (const [side, figure] of Object.entries(figures)) {
    const video = figure.querySelector("video");
    const { playing, media, since } = state[side];
    const wanted = playing ? media + at - since : media;
    const heard = playing && state.heard === side && !state.hidden;
    figure.classList.toggle("heard", heard);
    if (!video) continue;
    video.muted = !heard;
    video.volume = state.volume;
    if (Math.abs(video.currentTime - wanted) > DRIFT_S * Number(speed.value)) video.currentTime = wanted;
    if (playing && last !== null && !state.hidden && wanted < (video.duration || Infinity)) {
      video.playbackRate = Number(speed.value);
      // A browser may refuse sound before a click; the picture goes on.
      if (video.paused) video.play().catch(() => {});
    } else if (!video.paused) {
      video.pause();
    }
  }
}

// What both players were doing so many seconds after the trial was shown.
function stateAt(moment) {
  const state = {
    left: { playing: false, media: 0, since: 0 },
    right: { playing: false, media: 0, since: 0 },
    heard: null,
    hidden: false,
    volume: 1,
  };
  for (const [side, kind, media, clock, value] of events) {
    if (clock > moment) break;
    const mine = state[side];
    if (kind === "play" || kind === "switch") {
      const other = side === "left" ? "right" : "left";
      // Both run on in free replay, one of them unheard; a page that plays them one by one says so by a pause.
      if (kind === "play") state[other].playing = false;
      Object.assign(mine, { playing: true, media, since: clock });
      state.heard = side;
    } else if (kind === "pause" || kind === "ended" || kind === "error") {
      Object.assign(mine, { playing: false, media });
    } else if (kind === "seek" || kind === "progress") {
      Object.assign(mine, { media, since: clock });
    } else if (kind === "hidden") {
      state.hidden = true;
      state.left.playing = state.right.playing = false;
    } else if (kind === "visible") {
      state.hidden = false;
    } else if (kind === "volume") {
      state.volume = value;
    }
  }
  return state;
}
