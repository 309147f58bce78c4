// The listening grid: one sound at a time, loaded when it is first played; another one can take over at the same
// moment of the clip, and the two be swapped.

const table = document.getElementById("listen");
const dock = document.getElementById("dock");
const screen = document.getElementById("screen");
const now = document.getElementById("now");
const keep = document.getElementById("keep");
const swap = document.getElementById("swap");

let current = null; // { button, video }
let other = null;
let asked = 0; // a press later than this one makes a loading sound superfluous

if (table) {
  table.addEventListener("click", (event) => {
    const button = event.target.closest("[data-play]");
    if (button) press(button, event.shiftKey || keep.getAttribute("aria-pressed") === "true");
  });
  table.addEventListener("keydown", move);
  document.addEventListener("keydown", shortcut);
  swap.addEventListener("click", swapThem);
  keep.addEventListener("click", () => keep.setAttribute("aria-pressed", String(keep.getAttribute("aria-pressed") !== "true")));
  document.getElementById("stop").addEventListener("click", stop);
}

function press(button, fromSameMoment) {
  if (current?.button === button) {
    if (current.video.paused) current.video.play();
    else current.video.pause();
  } else if (other?.button === button && fromSameMoment) {
    swapThem();
  } else {
    start(button, fromSameMoment);
  }
}

async function start(button, fromSameMoment) {
  const mine = ++asked;
  const before = current;
  if (!(fromSameMoment && before)) before?.video.pause();
  dock.hidden = false;
  now.textContent = `Loading ${button.dataset.name} …`;
  const next = { button, video: made(button) };
  try {
    await loaded(next.video);
  } catch {
    if (mine === asked) now.textContent = `${button.dataset.name} cannot be played: its file is gone, or this browser cannot decode it.`;
    return;
  }
  if (mine !== asked) return;
  if (other && other !== before) discard(other);
  other = fromSameMoment ? before : null;
  if (before && !other) discard(before);
  current = next;
  await takeOver(before);
}

// The one that sounded goes on until the other is at the same moment, so that the gap is as short as it can be.
async function takeOver(before) {
  const { video, button } = current;
  if (other && before) await seek(video, Math.min(before.video.currentTime, video.duration || 0));
  screen.replaceChildren(video);
  before?.video.pause();
  before && show(before);
  swap.hidden = !other;
  now.textContent = other ? `${button.dataset.name}, against ${other.button.dataset.name}` : button.dataset.name;
  try {
    await video.play();
  } catch {
    // The browser wants another press; the controls are there.
  }
}

function swapThem() {
  if (!current || !other) return;
  asked += 1;
  [current, other] = [other, current];
  takeOver(other);
}

function stop() {
  asked += 1;
  for (const one of [current, other]) if (one) discard(one);
  current = other = null;
  screen.replaceChildren();
  dock.hidden = true;
}

function made(button) {
  const video = document.createElement("video");
  Object.assign(video, { controls: true, playsInline: true, preload: "auto", src: button.dataset.play });
  for (const name of ["play", "pause", "ended", "timeupdate"]) video.addEventListener(name, () => show({ button, video }));
  return video;
}

function loaded(video) {
  return new Promise((resolve, reject) => {
    video.addEventListener("canplay", resolve, { once: true });
    video.addEventListener("error", reject, { once: true });
    video.load();
  });
}

function seek(video, seconds) {
  return new Promise((resolve) => {
    video.addEventListener("seeked", resolve, { once: true });
    video.currentTime = seconds;
  });
}

function show({ button, video }) {
  const playing = current?.video === video && !video.paused && !video.ended;
  button.setAttribute("aria-pressed", String(playing));
  const head = button.parentElement.querySelector(".head");
  if (!head || !(video.duration > 0)) return;
  const width = head.ownerSVGElement.viewBox.baseVal.width;
  head.setAttribute("x", String((video.currentTime / video.duration) * width));
}

function discard(one) {
  one.video.pause();
  one.video.removeAttribute("src");
  one.video.load();
  one.button.setAttribute("aria-pressed", "false");
  one.button.parentElement.querySelector(".head")?.setAttribute("x", "-2");
}

function shortcut(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (event.key === "Escape") stop();
  if (event.key.toLowerCase() === "x") swapThem();
}

// Arrow keys go from button to button; Enter with Shift is a press with Shift, which not every browser says of clicks.
function move(event) {
  const button = event.target.closest("[data-play]");
  if (!button) return;
  if (event.key === "Enter" && event.shiftKey) {
    event.preventDefault();
    press(button, true);
    return;
  }
  const cell = button.closest("td");
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  const rows = [...table.tBodies[0].rows];
  let row = rows.indexOf(cell.parentElement);
  let column = cell.cellIndex;
  for (;;) {
    row += step[0];
    column += step[1];
    const place = rows[row]?.cells[column];
    // A line with a genre's name has no button; go on past it.
    if (!place && !(step[0] && rows[row])) return;
    const next = place?.querySelector("[data-play]");
    if (next) {
      next.focus();
      return;
    }
  }
}
