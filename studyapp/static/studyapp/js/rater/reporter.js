// Tells the server what was played. An event keeps its number however often it is sent, and stays here until the
// server has said that it has it; what is left goes with the answer.

const EVERY_MS = 8000;
// studyapp/events.py takes 500 at once.
const BATCH = 400;
// How long a page after a reload says with every play that it is seen: the page before it may have said that it was
// hidden at a later moment of its own clock, for a clock begins as late as the connection is slow.
const SETTLED_MS = 15_000;
// A bad connection may neither answer nor fail.
const PATIENCE_MS = 20_000;

export const patience = () => AbortSignal.timeout?.(PATIENCE_MS);

export class Reporter {
  constructor({ url, csrfToken, elapsed, proof, elsewhere }) {
    this.url = url;
    this.proof = proof;
    this.elsewhere = elsewhere; // called when the server has shown this trial again since
    this.csrfToken = csrfToken;
    this.waiting = [];
    // One clock from the first showing on, also over a reload: what had elapsed when the server wrote the page.
    const written = performance.getEntriesByType("navigation")[0]?.responseStart || performance.now();
    this.zero = written - Math.max(0, elapsed) * 1000;
    this.reloaded = elapsed > 0;
    this.lastNumber = -1;
    this.lastSent = performance.now();
    this.sending = false;
    this.unseen = this.reloaded;
    addEventListener("online", () => this.send());
  }

  get clock() {
    return (performance.now() - this.zero) / 1000;
  }

  add(side, kind, mediaTime, value) {
    // A browser that woke up may not have said that the page is seen again; after "hidden" nothing else counts.
    const unsure = this.unseen || (this.reloaded && performance.now() < SETTLED_MS);
    if (unsure && ["play", "switch"].includes(kind) && !document.hidden) this.add(side, "visible", mediaTime);
    if (kind === "hidden" || kind === "visible") this.unseen = kind === "hidden";
    // Milliseconds of that clock: numbers go on rising after a reload without asking where they were.
    this.lastNumber = Math.max(this.lastNumber + 1, Math.floor(this.clock * 1000));
    const round = (seconds) => Math.round(seconds * 1000) / 1000;
    const event = [this.lastNumber, side, kind, round(mediaTime), round(this.clock)];
    this.waiting.push(value === undefined ? event : [...event, round(value)]);
    if (kind !== "progress" || performance.now() - this.lastSent > EVERY_MS) this.schedule(kind === "ended" ? 0 : 1500);
  }

  schedule(delay) {
    if (!this.url) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), delay);
  }

  // Now and then, one after the other; whatever fails waits for the next turn, at the latest for the answer.
  async send() {
    if (!this.url || this.sending || this.waiting.length === 0) return;
    this.sending = true;
    this.lastSent = performance.now();
    try {
      await this.flush();
    } catch {
      // No connection.
    } finally {
      this.sending = false;
    }
  }

  // The page may never be seen again: not behind what is on its way already, for twice is stored once.
  sendLast() {
    if (this.url && this.waiting.length > 0) this.deliver({ keepalive: true }).catch(() => {});
  }

  // Batch after batch until no more than `left` wait, or the server will not have them. Throws without a connection.
  async flush(left = 0) {
    while (this.waiting.length > left && (await this.deliver()));
  }

  async deliver({ keepalive = false } = {}) {
    const batch = this.waiting.slice(0, BATCH);
    const reply = await fetch(this.url, {
      method: "POST",
      keepalive,
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrfToken },
      body: JSON.stringify({ proof: this.proof, events: batch }),
      signal: patience(),
    });
    if (reply.status >= 500) throw new Error(`status ${reply.status}`);
    if (!reply.ok) return false;
    if (reply.status === 200) this.elsewhere();
    const numbers = new Set(batch.map(([number]) => number));
    this.waiting = this.waiting.filter(([number]) => !numbers.has(number));
    return true;
  }
}
