// Buttons that copy the field they name.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  } catch {
    // Without HTTPS there is no clipboard; the text stands selected.
    button.textContent = "Press Ctrl+C";
  }
});
