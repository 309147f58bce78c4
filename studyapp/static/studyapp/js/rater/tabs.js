// One trial in one tab: an older tab of the same study is told, and stops, when a newer one opens.

// `elsewhere` is called in the tab that should rest. A browser without BroadcastChannel hears it from the server.
export function oneTab(name, elsewhere) {
  if (!("BroadcastChannel" in window) || !name) return;
  const channel = new BroadcastChannel(`duet-${name}`);
  channel.addEventListener("message", ({ data }) => {
    if (data === "opened") elsewhere();
  });
  channel.postMessage("opened");
}
