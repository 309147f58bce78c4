// Practice: ticks off what the rater has found out about the page. It says nothing about taste, and holds nobody up.
const said = document.getElementById("coach-said");

function done(name) {
  const line = document.querySelector(`[data-coach=${name}]`);
  if (line.classList.contains("done")) return;
  line.classList.add("done");
  said.textContent = `${said.dataset.done} ${line.textContent.trim()}`;
}

function look() {
  const played = document.querySelectorAll(".player.done").length;
  if (played > 0) done("first");
  if (played > 1) done("second");
}

const watching = new MutationObserver(look);
for (const player of document.querySelectorAll(".player")) {
  watching.observe(player, { attributes: true, attributeFilter: ["class"] });
}
look();

const button = document.getElementById("switch");
button.addEventListener("click", () => done("switch"));
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "s" && !button.disabled && event.target.tagName !== "TEXTAREA") done("switch");
});

const questions = document.querySelectorAll(".question");
document.querySelector(".questions").addEventListener("change", () => {
  if ([...questions].every((question) => question.querySelector(":checked"))) done("answers");
});
