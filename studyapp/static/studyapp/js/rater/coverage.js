// How much of a version was played, as studyapp/events.py counts it. Here it only opens the page; the server decides.

const JOIN_S = 0.1;
const MAX_RATE = 1.05;
const TOLERANCE_S = 0.25;

// One unbroken run of a player: media time that ran no faster than the clock was heard, however seldom one looks.
export class Run {
  constructor(media, clock) {
    this.began = { media, clock };
    this.at = media;
  }

  // The stretch since the last look, or null; then the run goes on from here.
  look(media, clock) {
    const from = this.at;
    this.at = media;
    const allowed = MAX_RATE * (clock - this.began.clock) + TOLERANCE_S;
    if (media >= from && media - this.began.media <= allowed) return [from, media];
    this.began = { media, clock };
    return null;
  }
}

export class Coverage {
  constructor(stretches) {
    this.stretches = stretches.map(([start, end]) => [start, end]);
  }

  add(start, end) {
    if (!(end > start)) return;
    const joined = [];
    for (const [from, to] of [...this.stretches, [start, end]].sort((one, other) => one[0] - other[0])) {
      const last = joined.at(-1);
      if (last && from <= last[1] + JOIN_S) last[1] = Math.max(last[1], to);
      else joined.push([from, to]);
    }
    this.stretches = joined;
  }

  share(duration) {
    const seconds = this.stretches.reduce((sum, [start, end]) => sum + end - start, 0);
    return duration > 0 ? Math.min(1, seconds / duration) : 0;
  }
}
