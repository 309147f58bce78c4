// The page of an import arrives bit by bit: a line for each file, then the report. This turns lines into a bar.
// Not a module: those wait until the page is complete.
(() => {
  "use strict";
  const started = performance.now();
  let shown = null;
  const watch = new MutationObserver(show);
  watch.observe(document, { childList: true, subtree: true });
  document.addEventListener("DOMContentLoaded", finish);
  if (document.readyState !== "loading") finish();

  function show() {
    const place = document.querySelector("[data-import]");
    const last = place?.querySelector("li[data-done]:last-of-type");
    // What is written below is itself a change that brings us here.
    if (!last || last === shown) return;
    shown = last;
    const done = Number(last.dataset.done);
    const total = Number(last.dataset.total);
    const bar = place.querySelector("progress");
    bar.hidden = false;
    bar.max = total;
    bar.value = done;
    const left = Math.ceil(((performance.now() - started) / done) * (total - done) / 1000);
    const when = left > 90 ? `${Math.ceil(left / 60)} min` : `${left} s`;
    place.querySelector("[role=status]").textContent =
      done < total ? `${done} of ${total} files, about ${when} left.` : `${done} of ${total} files.`;
  }

  function finish() {
    watch.disconnect();
    show();
    const place = document.querySelector("[data-import]");
    if (!place?.querySelector("#result")) return;
    for (const part of place.querySelectorAll("#progress-title, progress, [role=status], .imported-lines")) part.hidden = true;
  }
})();
