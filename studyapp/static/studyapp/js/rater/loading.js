// Both videos, whole, before the trial can start: from then on neither a slow nor a lost connection is heard.
//
// Fetched rather than left to the video element, which does not say why it waits: what is missing, half there or
// stuck gets its name, and a lost connection, which is nobody's fault, is waited for.

const ATTEMPTS = 3;
const PAUSE_MS = 1500;

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

// The video cannot be had; `reason` as studyapp/models/trust.py names it.
export class Unplayable extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

async function online() {
  if (navigator.onLine) return pause(PAUSE_MS);
  return new Promise((resolve) => { addEventListener("online", resolve, { once: true }); });
}

// One attempt: the video's bytes, or what became of them.
async function attempt(source, { bytes, stallMs, progress }) {
  const control = new AbortController();
  let stalled = false;
  let timer = 0;
  const expect = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { stalled = true; control.abort(); }, stallMs);
  };
  let answered = false;
  expect();
  try {
    const reply = await fetch(source, { credentials: "same-origin", signal: control.signal });
    if (reply.status >= 500) return { lost: true };
    if (!reply.ok) return { reason: "missing" };
    answered = true;
    const chunks = [];
    let received = 0;
    const reader = reply.body.getReader();
    for (;;) {
      expect();
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      received += value.length;
      progress(bytes > 0 ? Math.min(1, received / bytes) : 0);
    }
    if (received < bytes) return { reason: "incomplete" };
    return { blob: new Blob(chunks, { type: "video/mp4" }) };
  } catch {
    if (stalled && navigator.onLine) return { reason: "stalled" };
    // It began and broke off: of the connection, or of a file that is shorter than it says.
    return answered && navigator.onLine ? { reason: "incomplete" } : { lost: true };
  } finally {
    clearTimeout(timer);
  }
}

// The whole video. Waits out a lost connection; throws Unplayable when a server that is there will not give it.
export async function load(source, { bytes, stallMs, progress, lost }) {
  for (let failures = 0; ; ) {
    const result = await attempt(source, { bytes, stallMs, progress });
    if (result.blob) {
      lost(false);
      return result.blob;
    }
    if (result.lost) {
      lost(true);
      await online();
      continue;
    }
    lost(false);
    failures += 1;
    if (failures >= ATTEMPTS) throw new Unplayable(result.reason);
    await pause(PAUSE_MS);
  }
}

// Safari on a phone says no more than how long a video is before somebody presses play.
const METADATA_WILL_DO_MS = 3000;

// Hand the bytes to the element and wait until the browser would play them to the end.
export async function prepare(video, blob, { stallMs }) {
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Unplayable("unplayable")), stallMs);
    const settled = (settle) => () => { clearTimeout(timer); settle(); };
    video.addEventListener("canplaythrough", settled(resolve), { once: true });
    video.addEventListener("loadedmetadata", () => setTimeout(settled(resolve), METADATA_WILL_DO_MS), { once: true });
    video.addEventListener("error", settled(() => reject(new Unplayable("unplayable"))), { once: true });
    video.src = URL.createObjectURL(blob);
    video.load();
  });
}
