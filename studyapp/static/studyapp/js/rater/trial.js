// A trial's page: both videos loaded, first one version to its end, then the other, then both together and the
// questions, then one saved answer.

import { kept } from "./kept.js";
import { load, prepare, Unplayable } from "./loading.js";
import { Pair } from "./pair.js";
import { Player } from "./player.js";
import { Reporter } from "./reporter.js";
import { post, saveAnswer } from "./save.js";
import { listenForShortcuts } from "./shortcuts.js";
import { oneTab } from "./tabs.js";

const NEXT_AFTER_MS = 3500;

const config = JSON.parse(document.getElementById("trial-config").textContent);
const form = document.getElementById("trial");
const guide = document.getElementById("guide");
const next = document.getElementById("next");
const locked = document.getElementById("locked");
const status = document.getElementById("save-status");
const switchButton = document.getElementById("switch");
const bothBad = document.getElementById("both-bad");
const skip = document.getElementById("skip");
const questions = [...document.querySelectorAll(".question")];
let atRest = false;

// A text of the page in the rater's language, with its {placeholders} filled.
function words(name, values = {}) {
  return config.texts[name].replace(/{(\w+)}/g, (_, key) => values[key]);
}

function say(text) {
  if (guide.textContent !== text) guide.textContent = text;
}

const reporter = new Reporter({
  url: config.eventsUrl,
  csrfToken: form.elements.csrfmiddlewaretoken.value,
  elapsed: config.elapsed,
  proof: config.proof,
  elsewhere: rest,
});
const players = Object.fromEntries(
  [...document.querySelectorAll(".player")].map((root) => {
    const { side } = root.dataset;
    const options = {
      needed: config.needed,
      stretches: config.stretches[side],
      report: (...event) => reporter.add(...event),
      say: words,
    };
    return [side, new Player(root, options)];
  }),
);
const first = players[config.first];
const second = players[config.second];
const both = [first, second];
const pair = new Pair(first, second);
let unlockedAt = null;

// Another tab shows this study now: this one stops, and says so.
function rest() {
  if (atRest) return;
  atRest = true;
  pair.pause();
  form.inert = true;
  guide.hidden = true;
  document.getElementById("elsewhere").hidden = false;
  document.querySelector("#elsewhere button").focus();
}

function openQuestions() {
  if (unlockedAt !== null) return;
  unlockedAt = performance.now();
  locked.hidden = true;
  for (const question of questions) {
    question.disabled = false;
    question.removeAttribute("aria-describedby");
  }
  bothBad.disabled = false;
  document.body.classList.add("answering");
}

function chosen(question) {
  return question.querySelector("input:checked");
}

function refresh() {
  const ready = first.ready && second.ready;
  second.lock(!first.done);
  const current = first.done ? second : first;
  for (const player of both) player.root.classList.toggle("current", ready && player === current && !player.done);
  if (first.done && second.done) {
    openQuestions();
    if (ready) {
      pair.join();
      say(words("answer"));
    }
  } else if (ready) {
    say(first.done ? words("playNext", { letter: second.letter }) : words("playFirst", { letter: first.letter }));
  }
  const open = unlockedAt !== null && questions.every((question) => chosen(question));
  next.setAttribute("aria-disabled", String(!open));
  switchButton.textContent = words("switchTo", { letter: pair.other(pair.heard).letter });
  switchButton.disabled = !pair.together;
  skip.hidden = !form.querySelector("input[name=offensive]:checked");
}

async function ahead() {
  // Into the browser's own cache, one after the other and only now: the current pair is there already.
  for (const source of config.preload) {
    try {
      await (await fetch(source, { credentials: "same-origin", priority: "low" })).blob();
    } catch {
      return;
    }
  }
}

// This trial cannot be played: the server is told, and there is another one.
async function giveUp(player, reason) {
  player.fail(words("failed"));
  pair.pause();
  if (config.preview) return;
  say(words("void"));
  const fields = new FormData(form);
  fields.set("side", player.side);
  fields.set("reason", reason);
  for (;;) {
    try {
      const reply = await post(config.voidUrl, fields, reporter, words);
      if (reply.error && !reply.next) say(reply.error);
      else if (reason === "offensive") location.assign(reply.next);
      else setTimeout(() => location.assign(reply.next), NEXT_AFTER_MS);
      return;
    } catch {
      say(words("retrying"));
      await new Promise((resolve) => { setTimeout(resolve, 3000); });
    }
  }
}

async function getReady() {
  const stallMs = config.stallAfter * 1000;
  // One after the other: the one that is played first is there first.
  for (const player of both) {
    try {
      const { source, bytes } = player.video.dataset;
      const blob = await load(source, {
        bytes: Number(bytes),
        stallMs,
        progress: (share) => player.loaded(share),
        lost: (isLost) => say(words(isLost ? "waiting" : "loading")),
      });
      await prepare(player.video, blob, { stallMs });
    } catch (error) {
      if (!(error instanceof Unplayable)) throw error;
      giveUp(player, error.reason);
      return;
    }
  }
  for (const player of both) player.open();
  performance.mark("playable");
  refresh();
  ahead();
}

const draft = {
  key: `answers-${config.token}`,
  keep() {
    const given = [...new FormData(form)].filter(([name]) => !["csrfmiddlewaretoken", "proof", "events"].includes(name));
    try {
      sessionStorage.setItem(this.key, JSON.stringify(given));
    } catch {
      // A reload then forgets what was not sent.
    }
  },
  restore() {
    try {
      fill(JSON.parse(sessionStorage.getItem(this.key) ?? "[]"));
    } catch {
      // As above.
    }
  },
  forget() {
    try {
      sessionStorage.removeItem(this.key);
    } catch {
      // As above.
    }
  },
};

function fill(given) {
  for (const [name, value] of given) {
    for (const input of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (input.type === "checkbox") input.checked ||= input.value === value;
      else if (input.type === "radio") input.checked ||= input.value === value && !form.elements[name].value;
      else if (input.matches("textarea") && !input.value) input.value = value;
    }
  }
}

function answer(value, target) {
  if (unlockedAt === null) return;
  const focused = target.closest?.(".question");
  const question = focused ?? questions.find((one) => !chosen(one)) ?? questions.at(-1);
  const point = question.querySelector(`input[value="${value}"]`);
  point.checked = true;
  point.focus();
  draft.keep();
  refresh();
}

function goOn() {
  const missing = questions.find((question) => !chosen(question));
  if (unlockedAt !== null && missing) missing.querySelector("input").focus();
  else form.requestSubmit();
}

function send(fields) {
  saveAnswer({
    token: config.token,
    action: form.action,
    fields,
    button: next,
    status,
    reporter,
    saved: () => draft.forget(),
    words,
  });
}

// What could not be sent before the page was left goes first: it may be all that this trial needs.
function sendKept() {
  const unsent = kept.find(config.token);
  if (!unsent) return;
  fill(unsent.fields);
  reporter.waiting.unshift(...unsent.events);
  const given = Object.fromEntries([...new FormData(form)].filter(([name]) => ["csrfmiddlewaretoken", "proof"].includes(name)));
  send(unsent.fields.map(([name, value]) => [name, given[name] ?? value]));
}

for (const player of both) {
  player.addEventListener("done", refresh);
  player.addEventListener("refused", () => say(words("lockedOrder", { first: first.letter, second: second.letter })));
  player.addEventListener("short", () => say(words("skipped", { letter: player.letter })));
  player.addEventListener("blocked", () => say(words("blocked", { letter: player.letter })));
  player.addEventListener("volume", () => (player.audible ? refresh() : say(words("silent"))));
  player.addEventListener("broken", () => giveUp(player, "unplayable"));
}
pair.addEventListener("chosen", refresh);
pair.addEventListener("joined", refresh);
switchButton.addEventListener("click", () => pair.choose(pair.other(pair.heard)));
skip.addEventListener("click", () => {
  const side = form.querySelector("input[name=offensive]:checked").value;
  giveUp(players[side], "offensive");
});
form.addEventListener("input", () => {
  draft.keep();
  refresh();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (next.getAttribute("aria-disabled") === "true") {
    if (unlockedAt !== null) goOn();
    return;
  }
  if (config.preview) {
    location.assign(config.nextUrl);
    return;
  }
  pair.pause();
  form.elements.response_time_ms.value = Math.round(performance.now() - unlockedAt);
  send([...new FormData(form)]);
});
document.addEventListener("visibilitychange", () => {
  const hidden = document.visibilityState === "hidden";
  pair.heard.look(hidden ? "hidden" : "visible");
  if (!hidden) return;
  pair.pause();
  reporter.sendLast();
});
addEventListener("pageshow", (event) => {
  // Out of the back-forward cache the page may show a trial that is answered by now.
  if (event.persisted) location.reload();
});
document.querySelector("#elsewhere button").addEventListener("click", () => location.reload());
listenForShortcuts({
  checkbox: document.getElementById("use-shortcuts"),
  asleep: () => atRest,
  choose: (letter) => {
    const player = both.find((one) => one.letter === letter);
    pair.choose(player);
    player.button.focus();
  },
  toggle: () => pair.toggle(pair.heard),
  change: () => {
    if (pair.together) pair.choose(pair.other(pair.heard));
  },
  answer,
  goOn,
});

draft.restore();
for (const player of both) {
  if ("played" in player.root.dataset) player.markDone();
}
refresh();
oneTab(config.preview ? "" : config.tabs, rest);
sendKept();
getReady();
