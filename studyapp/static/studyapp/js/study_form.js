// The study form: clips by group and search, pairs by ticking systems, and what follows from it, counted by the server.

const form = document.querySelector("#study_form");
const clips = document.querySelector("[data-clip-picker]");
const pairs = document.querySelector("[data-pair-picker]");
const follows = document.querySelector("#follows");

if (clips) setUpClips();
if (pairs) setUpPairs();
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
      if (words.length) group.element.open = true;
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
  const summary = element.querySelector("summary");
  const tick = document.createElement("input");
  tick.type = "checkbox";
  tick.setAttribute("aria-label", `All of ${summary.querySelector("strong").textContent}`);
  // Inside a summary a click would also fold the group.
  tick.addEventListener("click", (event) => event.stopPropagation());
  summary.prepend(tick);
  return tick;
}

function setUpPairs() {
  const boxes = [...pairs.querySelectorAll("[data-system]")];
  const items = [...pairs.querySelectorAll(".pair-list li")];
  pairs.querySelector(".system-ticks").hidden = false;
  pairs.querySelector(".system-ticks").addEventListener("change", (event) => {
    const changed = event.target.dataset.system;
    const chosen = show();
    for (const item of items) {
      if (item.dataset.first !== changed && item.dataset.second !== changed) continue;
      item.querySelector("input").checked = chosen.has(item.dataset.first) && chosen.has(item.dataset.second);
    }
  });
  show();

  function show() {
    const chosen = new Set(boxes.filter((box) => box.checked).map((box) => box.dataset.system));
    for (const item of items) item.hidden = !(chosen.has(item.dataset.first) && chosen.has(item.dataset.second));
    return chosen;
  }
}

function setUpFollows() {
  let timer = 0;
  let asked = 0;
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  ask();

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(ask, 350);
  }

  async function ask() {
    const number = ++asked;
    const response = await fetch(follows.dataset.url, { method: "POST", body: new FormData(form) });
    // Only the latest answer counts, and a sign-in page is none.
    if (number !== asked || !response.ok || response.redirected) return;
    follows.innerHTML = await response.text();
  }
}
