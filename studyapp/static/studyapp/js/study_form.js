// The study form: clips by group and search, pairs by ticking systems, and what follows from it, counted by the server.
// Counts come quickly; power is simulated and asked for once somebody has stopped typing.

const form = document.querySelector("#study_form");
const clips = document.querySelector("[data-clip-picker]");
const pairs = document.querySelector("[data-pair-picker]");
const primary = document.querySelector("[data-primary-picker]");
const follows = document.querySelector("#follows");
const power = document.querySelector("#power");

if (clips) setUpClips();
if (pairs) setUpPairs();
if (pairs && primary) setUpPrimary();
if (follows) setUpFollows();

function setUpClips() {
  const search = clips.querySelector("[data-clip-search]");
  const total = clips.querySelector("[data-clip-total]");
  const groups = [...clips.querySelectorAll(".clip-group")].map((element) => {
    const items = [...element.querySelectorAll("li")];
    return { element, items, boxes: items.map((item) => item.querySelector("input")), tick: addGroupTick(element) };
  });
  clips.querySelector(".picker-tools").hidden = false;

  for (const group of groups) {
    group.tick.addEventListener("change", () => choose(group, group.tick.checked));
  }
  clips.querySelector("[data-clip-all]").addEventListener("click", () => groups.forEach((group) => choose(group, true)));
  clips.querySelector("[data-clip-none]").addEventListener("click", () => groups.forEach((group) => choose(group, false)));
  clips.addEventListener("change", tally);
  search.addEventListener("input", () => {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    for (const group of groups) {
      for (const item of group.items) item.hidden = !words.every((word) => item.dataset.words.includes(word));
      group.element.hidden = group.items.every((item) => item.hidden);
      if (words.length) group.element.querySelector("details").open = true;
    }
  });
  // Enter in the search box must not send the form.
  search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  tally();

  function choose(group, checked) {
    group.boxes.forEach((box, index) => {
      if (!group.items[index].hidden) box.checked = checked;
    });
    clips.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function tally() {
    let chosen = 0;
    let known = 0;
    for (const group of groups) {
      const ticked = group.boxes.filter((box) => box.checked).length;
      group.element.querySelector("[data-tally]").textContent = `${ticked} of ${group.boxes.length}`;
      group.tick.checked = ticked === group.boxes.length;
      group.tick.indeterminate = ticked > 0 && ticked < group.boxes.length;
      chosen += ticked;
      known += group.boxes.length;
    }
    total.textContent = `${chosen} of ${known} clips chosen`;
  }
}

function addGroupTick(element) {
  const label = document.createElement("label");
  label.className = "group-tick";
  const tick = document.createElement("input");
  tick.type = "checkbox";
  tick.setAttribute("aria-label", `All of ${element.querySelector("strong").textContent}`);
  // Beside the summary, not in it: what can be pressed holds nothing else that can.
  label.append(tick);
  element.prepend(label);
  return tick;
}

function setUpPairs() {
  const boxes = [...pairs.querySelectorAll("[data-system]")];
  const items = [...pairs.querySelectorAll(".pair-list li")];
  const one = pairs.querySelector("[data-the-one]");
  // The rule is for who has no script: sent along, it would overrule single ticks.
  const rule = pairs.querySelector("[data-rule]");
  rule.hidden = true;
  rule.querySelector("select").disabled = true;
  const buttons = { all: pairs.querySelector("[data-all]"), one: pairs.querySelector("[data-one]") };
  for (const button of Object.values(buttons)) button.hidden = false;
  buttons.all.addEventListener("click", () => tick(() => true));
  buttons.one.addEventListener("click", () => {
    boxes.find((box) => box.dataset.system === one.value).checked = true;
    tick((item) => item.dataset.first === one.value || item.dataset.second === one.value);
  });
  pairs.querySelector(".system-ticks").addEventListener("change", (event) => {
    const changed = event.target.dataset.system;
    const chosen = show();
    for (const item of items) {
      if (item.dataset.first !== changed && item.dataset.second !== changed) continue;
      item.querySelector("input").checked = within(item, chosen);
    }
  });
  show();

  function tick(wanted) {
    const chosen = show();
    for (const item of items) item.querySelector("input").checked = within(item, chosen) && wanted(item);
    pairs.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function within(item, chosen) {
    return chosen.has(item.dataset.first) && chosen.has(item.dataset.second);
  }

  function show() {
    const chosen = new Set(boxes.filter((box) => box.checked).map((box) => box.dataset.system));
    for (const item of items) item.hidden = !within(item, chosen);
    return chosen;
  }
}

function setUpPrimary() {
  const items = [...primary.querySelectorAll("[data-pair]")];
  const none = primary.querySelector("[data-none-chosen]");
  pairs.addEventListener("change", show);
  show();

  function show() {
    const compared = new Set([...pairs.querySelectorAll(".pair-list input:checked")].map((box) => box.value));
    for (const item of items) {
      item.hidden = !compared.has(item.dataset.pair);
      // What is not compared is not sent, and comes back ticked when it is compared again.
      item.querySelector("input").disabled = item.hidden;
    }
    none.hidden = compared.size > 0;
  }
}

function setUpFollows() {
  let timer = 0;
  let powerTimer = 0;
  let asked = 0;
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  ask();

  function soon() {
    clearTimeout(timer);
    clearTimeout(powerTimer);
    timer = setTimeout(ask, 350);
  }

  async function ask() {
    const number = ++asked;
    await fill(follows, number);
    powerTimer = setTimeout(() => number === asked && fill(power, number), 900);
  }

  async function fill(place, number) {
    place.setAttribute("aria-busy", "true");
    const response = await fetch(place.dataset.url, { method: "POST", body: new FormData(form) });
    // Only the latest answer counts, and a sign-in page is none.
    if (number !== asked || !response.ok || response.redirected) return;
    place.innerHTML = await response.text();
    place.removeAttribute("aria-busy");
  }
}
