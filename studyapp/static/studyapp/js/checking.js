// “Check files” goes on from slice to slice by itself, and says how far it is. Without it, each press reads a slice.

const form = document.getElementById("checking");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const told = form.querySelector("output");
  const data = new FormData(form);
  const wrong = [];
  const lost = [];
  let checked = 0;
  button.disabled = true;
  try {
    for (;;) {
      const response = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      const slice = await response.json();
      checked += slice.checked;
      wrong.push(...slice.wrong);
      lost.push(...slice.lost);
      told.textContent = `${checked} of ${checked + slice.left} read …`;
      if (slice.after === null) break;
      data.set("after", slice.after);
    }
    told.className = wrong.length || lost.length ? "bad" : "good";
    told.textContent = summary(checked, wrong, lost);
  } catch {
    told.className = "bad";
    told.textContent = `Stopped after ${checked} files: the server did not answer, or you are signed out. Press again to go on.`;
    form.elements.after.value = data.get("after");
  }
  button.disabled = false;
});

function summary(checked, wrong, lost) {
  if (!wrong.length && !lost.length) return `${checked} files read; all are as they were rendered.`;
  const parts = [`${checked} files read.`];
  if (wrong.length) parts.push(`Another file than was rendered, and failed: ${named(wrong)}.`);
  if (lost.length) parts.push(`Gone or cut short: ${named(lost)}; start generation again.`);
  return parts.join(" ");
}

function named(names) {
  return names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
}
