// The plan: power is simulated by the server while the page is read already, and again for other assumptions.

const section = document.querySelector("[data-power]");
const form = document.querySelector("[data-power-form]");
const found = document.querySelector("[data-power-found]");
let asked = 0;
let timer = 0;

form.querySelector("button").hidden = true;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, 700);
});
ask();

async function ask() {
  const number = ++asked;
  found.setAttribute("aria-busy", "true");
  const query = new URLSearchParams(new FormData(form));
  query.set("fragment", "1");
  const response = await fetch(`${section.dataset.power}?${query}`);
  // Only the latest answer counts, and a sign-in page is none.
  if (number !== asked || !response.ok || response.redirected) return;
  found.innerHTML = await response.text();
  found.removeAttribute("aria-busy");
}
