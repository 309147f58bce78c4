// Sounds of the checks before the trials: one at a time, each by a press. Screen and window are noted beside them.
const failed = document.getElementById("sound-failed");
let heard = null;

async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status}`);
  // Safari plays no address that does not answer Range requests; what is whole in memory it plays.
  return URL.createObjectURL(await response.blob());
}

for (const button of document.querySelectorAll("[data-sound]")) {
  const audio = new Audio();
  const row = button.closest("fieldset, section");
  const choices = row.querySelectorAll("input[type=radio]");
  const waits = row.classList.contains("sound-trial");
  let source = null;
  if (waits) for (const choice of choices) choice.disabled = true;
  audio.addEventListener("ended", () => {
    button.classList.remove("playing");
    if (waits) for (const choice of choices) choice.disabled = false;
  });
  audio.addEventListener("pause", () => button.classList.remove("playing"));
  button.addEventListener("click", async () => {
    if (heard && heard !== audio) heard.pause();
    heard = audio;
    failed.hidden = true;
    try {
      source ??= await fetched(button.dataset.sound);
      if (heard !== audio) return;
      if (!audio.src) audio.src = source;
      audio.currentTime = 0;
      await audio.play();
      button.classList.add("playing");
    } catch (error) {
      // Another sound was started meanwhile: that is no failure.
      if (error.name === "AbortError") return;
      failed.hidden = false;
      failed.scrollIntoView({ block: "nearest" });
    }
  });
}

const small = document.getElementById("small-screen");
if (small) {
  const form = document.querySelector("form.asks");
  const note = () => {
    small.hidden = innerWidth >= Number(small.dataset.below);
    form.elements.screen_width.value = screen.width;
    form.elements.screen_height.value = screen.height;
    form.elements.window_width.value = innerWidth;
  };
  note();
  addEventListener("resize", note);
}
