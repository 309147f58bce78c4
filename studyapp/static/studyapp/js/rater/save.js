// One answer, sent until the server says that it is saved. The trial is the key: however often it arrives, it is
// stored once, so trying again is always safe.

import { patience } from "./reporter.js";

const WAITS_MS = [1000, 3000, 8000];

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

// As many events as may go with the answer itself.
const WITH_ANSWER = 400;

async function post(form, reporter) {
  // More after minutes without a connection: they go ahead, or the answer would come without its proof.
  await reporter.flush(WITH_ANSWER);
  form.elements.events.value = JSON.stringify(reporter.waiting.slice(0, WITH_ANSWER));
  const reply = await fetch(form.action, {
    method: "POST",
    credentials: "same-origin",
    headers: { Accept: "application/json" },
    body: new URLSearchParams(new FormData(form)),
    signal: patience(),
  });
  // 5xx: the server may be restarting; that is worth another try.
  if (reply.status >= 500) throw new Error(`status ${reply.status}`);
  const isJson = reply.headers.get("Content-Type")?.startsWith("application/json");
  if (!isJson) return { error: "The server did not understand this page. Please reload it." };
  return { ...(await reply.json()), over: reply.status === 410 || reply.status === 403 };
}

let saving = false;

export async function saveAnswer({ form, button, status, reporter, saved }) {
  if (saving) return;
  saving = true;
  button.classList.add("busy");
  status.textContent = "";
  for (let attempt = 0; ; attempt += 1) {
    try {
      const reply = await post(form, reporter);
      if (reply.saved) saved();
      if (reply.saved || reply.over) {
        location.assign(reply.next);
        return;
      }
      status.textContent = reply.error;
      break;
    } catch {
      if (attempt >= WAITS_MS.length) {
        status.textContent = "Not saved yet: no connection. Your answers are still here; press the button to try again.";
        break;
      }
      status.textContent = "No connection. Trying again…";
      await pause(WAITS_MS[attempt]);
    }
  }
  button.classList.remove("busy");
  saving = false;
}
