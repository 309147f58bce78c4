// Single keys, which can be switched off (WCAG 2.1.4); the choice is remembered on this device.

const STORED_AS = "duet-shortcuts";

function stored() {
  try {
    return localStorage.getItem(STORED_AS) !== "off";
  } catch {
    return true;
  }
}

export function listenForShortcuts({ checkbox, asleep, choose, toggle, change, answer, goOn }) {
  checkbox.checked = stored();
  checkbox.addEventListener("change", () => {
    try {
      localStorage.setItem(STORED_AS, checkbox.checked ? "on" : "off");
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  });
  document.addEventListener("keydown", (event) => {
    if (asleep() || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === "Enter" && event.target instanceof HTMLInputElement && event.target.type === "radio") {
      event.preventDefault();
      goOn();
      return;
    }
    if (!checkbox.checked) return;
    const key = event.key.toLowerCase();
    const onControl = event.target.closest?.("button, a, summary, input[type=checkbox]");
    if (event.target.closest?.("textarea")) return;
    if (key === "a" || key === "b") choose(key.toUpperCase());
    else if (key === "s") change();
    else if (key >= "1" && key <= "5" && key.length === 1) answer(Number(key), event.target);
    else if (key === " " && !onControl && event.target.type !== "radio") toggle();
    else if (key === "enter" && !onControl) goOn();
    else return;
    event.preventDefault();
  });
}
