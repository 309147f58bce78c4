// While the first figures are worked out there is nothing to keep fresh; once they are there, the page begins anew.

const place = document.querySelector("[data-live]");
const LOOK_EVERY_MS = 3000;

if (document.getElementById("live-empty") && Number(place.querySelector("[data-poll]").dataset.poll) > 0) {
  setInterval(look, LOOK_EVERY_MS);
}

async function look() {
  if (document.hidden) return;
  try {
    const response = await fetch(place.dataset.live);
    // Signed out meanwhile: the answer is a sign-in page.
    if (!response.ok || response.redirected) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!fresh.getElementById("live-empty")) location.reload();
  } catch {
    // The server restarts or the network is away; the next look may find it.
  }
}
