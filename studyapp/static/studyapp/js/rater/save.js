// One answer, sent until the server says that it is saved. The trial is the key: however often it arrives, it is
// stored once, so trying again is always safe.

import { kept } from "./kept.js";
import { patience } from "./reporter.js";

const WAITS_MS = [1000, 3000, 8000];
const LATER_MS = 15_000;

// Until it has been long enough, or the connection is back.
const pause = (milliseconds) =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
  });

// As many events as may go with the answer itself.
const WITH_ANSWER = 400;

// Send a form with the events that were not sent before. Throws while the server cannot be reached.
export async function post(action, fields, reporter, words) {
  // More after minutes without a connection: they go ahead, or the answer would come without its proof.
  await reporter.flush(WITH_ANSWER);
  const body = new URLSearchParams(fields);
  body.set("events", JSON.stringify(reporter.waiting.slice(0, WITH_ANSWER)));
  const reply = await fetch(action, {
    method: "POST",
    credentials: "same-origin",
    headers: { Accept: "application/json" },
    body,
    signal: patience(),
  });
  // 5xx: the server may be restarting; that is worth another try.
  if (reply.status >= 500) throw new Error(`status ${reply.status}`);
  const isJson = reply.headers.get("Content-Type")?.startsWith("application/json");
  if (!isJson) return { error: words("notUnderstood") };
  return { ...(await reply.json()), over: reply.status === 410 || reply.status === 403 };
}

let saving = false;

export async function saveAnswer({ token, action, fields, button, status, reporter, saved, words }) {
  if (saving) return;
  saving = true;
  button.classList.add("busy");
  status.textContent = "";
  for (let attempt = 0; ; attempt += 1) {
    try {
      const reply = await post(action, fields, reporter, words);
      kept.forget(token);
      if (reply.saved) saved();
      if (reply.saved || reply.over) {
        location.assign(reply.next);
        return;
      }
      status.textContent = reply.error;
      break;
    } catch {
      const isKept = kept.keep(token, { fields, events: reporter.waiting });
      status.textContent = words(attempt < 1 || !isKept ? "retrying" : "kept");
      await pause(WAITS_MS[attempt] ?? LATER_MS);
    }
  }
  button.classList.remove("busy");
  saving = false;
}
