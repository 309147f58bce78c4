// A long upload says that it is under way, and is not sent twice.
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button:not([type=button])");
    button.disabled = true;
    button.textContent = form.dataset.busy;
  });
}
// A page restored by the back button must be usable again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
