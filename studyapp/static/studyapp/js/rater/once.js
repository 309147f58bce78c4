// A form is sent once: the server would take the second click for the first, but the rater should see that it works.
for (const form of document.querySelectorAll("form.once")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    setTimeout(() => { button.disabled = true; }, 0);
    // Back from the next page, the browser may show this one as it was left.
    addEventListener("pageshow", () => { button.disabled = false; });
  });
}
