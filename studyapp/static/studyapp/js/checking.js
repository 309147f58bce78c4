// “Check files” goes on from slice to slice by itself, and says how far it is. Without it, each press reads a slice.

const form = document.getElementById("checking");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const told = form.querySelector("output");
  const data = new FormData(form);
  const wrong = [];
  const lost = [];
  let read = 0;
  let bad = 0;
  button.disabled = true;
  try {
    for (;;) {
      const response = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      const slice = await response.json();
      ({ read, bad } = slice);
      wrong.push(...slice.wrong);
      lost.push(...slice.lost);
      told.textContent = `${read} of ${read + slice.left} read …`;
      if (!slice.left) break;
      data.set("go_on", "1");
    }
    told.className = bad ? "bad" : "good";
    told.textContent = summary(read, bad, wrong, lost);
    form.elements.go_on.value = "";
  } catch {
    told.className = "bad";
    told.textContent = `Stopped after ${read} files: the server did not answer, or you are signed out. Press again to go on.`;
    form.elements.go_on.value = data.get("go_on");
  }
  button.disabled = false;
});

function summary(read, bad, wrong, lost) {
  if (!bad) return `${read} files read; all are as they were rendered.`;
  const parts = [`${read} files read.`];
  if (wrong.length) parts.push(`Another file than was rendered, and failed: ${named(wrong)}.`);
  if (lost.length) parts.push(`Gone or cut short: ${named(lost)}; start generation again.`);
  // Before this page was loaded again: they failed with it, and the grid shows them.
  const earlier = bad - wrong.length - lost.length;
  if (earlier > 0) parts.push(`Found altered or gone before: ${earlier}.`);
  return parts.join(" ");
}

function named(names) {
  return names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
}
