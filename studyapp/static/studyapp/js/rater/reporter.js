// Tells the server what was played. An event keeps its number however often it is sent, and stays here until the
// server has said that it has it; what is left goes with the answer.

const EVERY_MS = 8000;

export class Reporter {
  constructor({ url, csrfToken, elapsed }) {
    this.url = url;
    this.csrfToken = csrfToken;
    this.waiting = [];
    // One clock from the first showing on, also over a reload.
    this.zero = performance.now() - elapsed * 1000;
    this.lastNumber = -1;
    this.lastSent = performance.now();
    this.sending = false;
  }

  get clock() {
    return (performance.now() - this.zero) / 1000;
  }

  add(side, kind, mediaTime) {
    // Milliseconds of that clock: numbers go on rising after a reload without asking where they were.
    this.lastNumber = Math.max(this.lastNumber + 1, Math.floor(this.clock * 1000));
    const round = (seconds) => Math.round(seconds * 1000) / 1000;
    this.waiting.push([this.lastNumber, side, kind, round(mediaTime), round(this.clock)]);
    if (kind !== "progress" || performance.now() - this.lastSent > EVERY_MS) this.schedule(kind === "ended" ? 0 : 1500);
  }

  schedule(delay) {
    if (!this.url) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), delay);
  }

  async send({ keepalive = false } = {}) {
    if (!this.url || this.sending || this.waiting.length === 0) return;
    const batch = this.waiting.slice(0, 400);
    this.sending = true;
    this.lastSent = performance.now();
    try {
      const reply = await fetch(this.url, {
        method: "POST",
        keepalive,
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrfToken },
        body: JSON.stringify({ events: batch }),
      });
      if (reply.ok) {
        const numbers = new Set(batch.map(([number]) => number));
        this.waiting = this.waiting.filter(([number]) => !numbers.has(number));
      }
    } catch {
      // No connection: they wait for the next turn, at the latest for the answer.
    } finally {
      this.sending = false;
    }
  }
}
