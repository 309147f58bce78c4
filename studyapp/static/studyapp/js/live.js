// Keeps the moving parts of a study's page fresh: only sections that changed are replaced, so that what is being
// read, typed or focused stays where it is.

const place = document.querySelector("[data-live]");

let waiting = 0;
schedule();
document.addEventListener("visibilitychange", () => document.hidden || refresh());

function schedule() {
  clearTimeout(waiting);
  const seconds = Number(place.querySelector("[data-poll]").dataset.poll);
  if (seconds > 0) waiting = setTimeout(refresh, seconds * 1000);
}

async function refresh() {
  clearTimeout(waiting);
  if (document.hidden) return;
  let failed = true;
  try {
    const response = await fetch(place.dataset.live);
    // Signed out meanwhile: the answer is a sign-in page.
    if (response.redirected) return;
    if (response.ok) {
      update(new DOMParser().parseFromString(await response.text(), "text/html"));
      failed = false;
    }
  } catch {
    // The server restarts or the network is away; look again later.
  }
  if (failed) waiting = setTimeout(refresh, 10000);
  else schedule();
}

function update(fresh) {
  for (const section of fresh.querySelectorAll('[id^="live-"]')) {
    const old = document.getElementById(section.id);
    if (!old || old.parentElement.closest('[id^="live-"]')) continue;
    // Compared with what the server sent last, not with the page: a reader may have opened a fold.
    if (!old.dataset.sent) old.dataset.sent = old.outerHTML;
    const sent = section.outerHTML;
    if (sent === old.dataset.sent || old.contains(document.activeElement)) continue;
    section.dataset.sent = sent;
    for (const fold of old.querySelectorAll("details[id][open]")) {
      section.querySelector(`#${fold.id}`)?.setAttribute("open", "");
    }
    old.replaceWith(document.adoptNode(section));
  }
}
