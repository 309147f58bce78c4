// A trial's page: first one version to its end, then the other, then the questions, then one saved answer.

import { Player } from "./player.js";
import { Reporter } from "./reporter.js";
import { saveAnswer } from "./save.js";
import { listenForShortcuts } from "./shortcuts.js";

const config = JSON.parse(document.getElementById("trial-config").textContent);
const form = document.getElementById("trial");
const guide = document.getElementById("guide");
const next = document.getElementById("next");
const locked = document.getElementById("locked");
const questions = [...document.querySelectorAll(".question")];
const reporter = new Reporter({
  url: config.eventsUrl,
  csrfToken: form.elements.csrfmiddlewaretoken.value,
  elapsed: config.elapsed,
});
const players = Object.fromEntries(
  [...document.querySelectorAll(".player")].map((root) => {
    const { side } = root.dataset;
    const options = {
      needed: config.needed,
      stretches: config.stretches[side],
      report: (...event) => reporter.add(...event),
    };
    return [side, new Player(root, options)];
  }),
);
const first = players[config.first];
const second = players[config.second];
let selected = first;
let unlockedAt = null;

function say(text) {
  if (guide.textContent !== text) guide.textContent = text;
}

function choose(player) {
  selected = player;
}

function openQuestions() {
  if (unlockedAt !== null) return;
  unlockedAt = performance.now();
  locked.hidden = true;
  for (const question of questions) {
    question.disabled = false;
    question.removeAttribute("aria-describedby");
  }
  document.body.classList.add("answering");
  preloadNext();
}

function refresh() {
  second.lock(!first.done);
  const current = first.done ? second : first;
  for (const player of [first, second]) player.root.classList.toggle("current", player === current && !player.done);
  if (first.done && second.done) {
    openQuestions();
    say("Now answer both questions. You may replay A and B.");
  } else if (first.done) {
    say(`Good. Now play ${second.letter} to the end.`);
  } else {
    say(`Play ${first.letter} to the end.`);
  }
  const open = unlockedAt !== null && questions.every((question) => chosen(question));
  next.setAttribute("aria-disabled", String(!open));
}

function chosen(question) {
  return question.querySelector("input:checked");
}

async function preloadNext() {
  // Into the browser's own cache, one after the other and only now: the current pair is there already.
  for (const source of config.preload) {
    try {
      await (await fetch(source, { credentials: "same-origin", priority: "low" })).blob();
    } catch {
      return;
    }
  }
}

const draft = {
  key: `answers-${config.token}`,
  keep() {
    const choices = questions.map((question) => chosen(question)?.value ?? null);
    try {
      sessionStorage.setItem(this.key, JSON.stringify(choices));
    } catch {
      // A reload then forgets what was not sent.
    }
  },
  restore() {
    try {
      const choices = JSON.parse(sessionStorage.getItem(this.key) ?? "[]");
      questions.forEach((question, index) => {
        const point = question.querySelector(`input[value="${choices[index]}"]`);
        if (point && !chosen(question)) point.checked = true;
      });
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

for (const player of [first, second]) {
  const other = player === first ? second : first;
  player.addEventListener("start", () => {
    other.pause(); // one is heard at a time
    choose(player);
  });
  player.addEventListener("done", refresh);
  player.addEventListener("refused", () => say(`Play ${first.letter} to the end first; then ${second.letter} opens.`));
  player.addEventListener("short", () => say(`A part of ${player.letter} was skipped. Please play it once more, to the end.`));
  player.addEventListener("blocked", () => say(`Your browser wants one more click: press Play ${player.letter} again.`));
}
form.addEventListener("change", () => {
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
  for (const player of [first, second]) player.pause();
  form.elements.response_time_ms.value = Math.round(performance.now() - unlockedAt);
  saveAnswer({ form, button: next, status: document.getElementById("save-status"), reporter, saved: () => draft.forget() });
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "hidden") return;
  for (const player of [first, second]) player.pause("hidden");
  reporter.sendLast();
});
addEventListener("pageshow", (event) => {
  // Out of the back-forward cache the page may show a trial that is answered by now.
  if (event.persisted) location.reload();
});
listenForShortcuts({
  checkbox: document.getElementById("use-shortcuts"),
  choose: (letter) => {
    const player = [first, second].find((one) => one.letter === letter);
    choose(player);
    player.button.focus();
  },
  toggle: () => selected.toggle(),
  answer,
  goOn,
});

draft.restore();
choose(first);
for (const player of [first, second]) {
  if ("played" in player.root.dataset) player.markDone();
}
refresh();
