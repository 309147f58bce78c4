// One version: our own controls round a video element, and a report of everything it does while it is the one heard.

import { Coverage, Run } from "./coverage.js";

const PROGRESS_EVERY_S = 1;
// As studyapp/events.py: below this nothing counts as heard.
const AUDIBLE = 0.02;
// 80 dB down. Muted altogether, Chromium moves the sound to another clock, and the players are up to 50 ms apart
// after every switch; like this they are not (docs/rater-page.md).
const HUSHED = 0.0001;

function spoken(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class Player extends EventTarget {
  constructor(root, { needed, stretches, report, say }) {
    super();
    this.root = root;
    this.side = root.dataset.side;
    this.letter = root.dataset.letter;
    this.video = root.querySelector("video");
    this.button = root.querySelector(".toggle");
    this.bar = root.querySelector(".played");
    this.time = root.querySelector(".time");
    this.failed = root.querySelector(".failed");
    this.stateText = root.querySelector(".state-text");
    this.turn = this.stateText.textContent;
    this.needed = needed;
    this.report = report;
    this.text = say;
    this.coverage = new Coverage(stretches);
    this.locked = false;
    this.ready = false;
    this.heard = true; // false while it runs along muted
    this.level = 1; // how loud it is when it is heard, as far as the browser knows
    this.run = null; // what is being played without a break; null while nothing is
    this.reported = 0;
    this.wasDone = false;
    this.listen();
    this.show();
  }

  get duration() {
    return Number.isFinite(this.video.duration) ? this.video.duration : 0;
  }

  get share() {
    return this.coverage.share(this.duration);
  }

  get done() {
    return this.wasDone;
  }

  get audible() {
    return this.level >= AUDIBLE;
  }

  get playing() {
    return !this.video.paused && !this.video.ended;
  }

  markDone() {
    if (this.wasDone) return;
    this.wasDone = true;
    this.show();
    this.dispatchEvent(new Event("done"));
  }

  tell(kind, value) {
    if (this.heard) this.report(this.side, kind, this.video.currentTime || 0, value);
  }

  listen() {
    const video = this.video;
    video.addEventListener("loadedmetadata", () => this.show());
    video.addEventListener("durationchange", () => this.show());
    video.addEventListener("play", () => {
      // A headset's button or a locked phone's own control can start what our buttons would not.
      if (this.locked || !this.ready || document.hidden) {
        video.pause();
        return;
      }
      this.dispatchEvent(new Event("start"));
      this.show();
    });
    video.addEventListener("playing", () => {
      this.root.classList.remove("waiting");
      // After a stall the run goes on: what was played until the script heard of either end of it counts.
      if (this.run) {
        this.count();
        this.tell("progress");
      } else if (this.playing) this.begin("play");
    });
    video.addEventListener("waiting", () => {
      this.root.classList.add("waiting");
      if (!this.run) return;
      this.count();
      this.tell("stalled");
    });
    video.addEventListener("timeupdate", () => {
      this.count();
      if (this.run && this.run.at - this.reported >= PROGRESS_EVERY_S) {
        this.reported = this.run.at;
        this.tell("progress");
      }
      this.show();
    });
    video.addEventListener("seeking", () => {
      // Our controls never jump within a version, other than back to its start.
      this.run = null;
      this.tell("seek");
    });
    video.addEventListener("seeked", () => {
      if (this.playing) this.begin("play");
    });
    video.addEventListener("pause", () => {
      if (!video.ended) this.halt();
      this.show();
    });
    video.addEventListener("ended", () => {
      this.count();
      this.run = null;
      this.tell("ended");
      if (this.heard) {
        this.coverage.add(this.duration - 0.25, this.duration);
        if (this.share >= this.needed) this.markDone();
        else this.dispatchEvent(new Event("short"));
      }
      this.dispatchEvent(new Event("end"));
      this.show();
    });
    video.addEventListener("ratechange", () => {
      // Only what nobody hears may run a little faster or slower, to stay in step.
      if (this.heard && video.playbackRate !== 1) video.playbackRate = 1;
    });
    video.addEventListener("volumechange", () => this.hear());
    video.addEventListener("error", () => {
      // Before it is ready, whoever loads it hears of it.
      if (this.ready) this.dispatchEvent(new Event("broken"));
    });
    video.addEventListener("contextmenu", (event) => event.preventDefault());
    this.button.addEventListener("click", () => this.dispatchEvent(new Event("toggle")));
    this.root.querySelector(".screen").addEventListener("click", (event) => {
      if (!this.failed.contains(event.target)) this.dispatchEvent(new Event("toggle"));
    });
  }

  // The volume can be changed from outside of the page; where nothing is heard, nothing counts.
  hear() {
    const level = this.video.muted ? 0 : this.video.volume;
    if (!this.heard || level === this.level) return;
    this.count();
    this.level = level;
    this.tell("volume", level);
    this.run = level >= AUDIBLE && this.playing ? new Run(this.video.currentTime, performance.now() / 1000) : null;
    this.dispatchEvent(new Event("volume"));
  }

  begin(kind) {
    if (!this.heard) return;
    this.reported = this.video.currentTime;
    this.run = this.audible ? new Run(this.reported, performance.now() / 1000) : null;
    this.tell(kind);
  }

  count() {
    const heard = this.run?.look(this.video.currentTime, performance.now() / 1000);
    if (heard) this.coverage.add(...heard);
  }

  // Run along unheard from here on.
  hush() {
    this.count();
    if (this.run) this.tell("progress");
    this.run = null;
    this.heard = false;
    this.video.volume = HUSHED;
    // Safari on a phone leaves the volume to its buttons.
    if (this.video.volume > HUSHED * 2) this.video.muted = true;
    this.show();
  }

  // Be the one that is heard; `kind` says how it came to that, when it is running already.
  sound(kind = null) {
    this.heard = true;
    this.video.playbackRate = 1;
    if (!this.audible) this.level = 1;
    this.video.volume = this.level;
    this.video.muted = false;
    if (kind && this.playing) this.begin(kind);
    this.show();
  }

  async play() {
    if (!this.ready || !this.failed.hidden) return;
    if (this.locked) {
      this.dispatchEvent(new Event("refused"));
      return;
    }
    try {
      await this.video.play();
    } catch (error) {
      // AbortError: paused again before it began. NotSupportedError also comes as an error event.
      if (error.name === "NotAllowedError") this.dispatchEvent(new Event("blocked"));
    }
    this.show();
  }

  // Told at once: the browser's own event may come after the other version has begun to play.
  halt() {
    this.count();
    if (this.run || !this.audible) this.tell("pause");
    this.run = null;
  }

  pause() {
    if (!this.playing) return;
    this.halt();
    this.video.pause();
  }

  // The tab was hidden, or is seen again: the time up to here was heard, and what plays unseen is not.
  look(kind) {
    this.count();
    this.run = null;
    this.tell(kind);
  }

  // Nothing more comes of it; `words` say why.
  fail(words) {
    this.root.classList.remove("waiting");
    this.count();
    this.run = null;
    this.failed.querySelector("p").textContent = words;
    this.failed.hidden = false;
    this.report(this.side, "error", this.video.currentTime || 0);
    this.video.pause();
    this.show();
  }

  // How far it is loaded, 0 to 1.
  loaded(share) {
    if (!this.ready) this.bar.value = share;
  }

  open() {
    this.ready = true;
    this.show();
  }

  lock(locked) {
    this.locked = locked;
    this.show();
  }

  show() {
    const { video, root } = this;
    const playing = this.playing && this.heard;
    root.classList.toggle("playing", playing);
    root.classList.toggle("done", this.done);
    root.classList.toggle("loading", !this.ready);
    root.classList.toggle("locked-player", this.locked);
    this.button.setAttribute("aria-disabled", String(this.locked || !this.ready || !this.failed.hidden));
    const words = playing ? "pause" : this.done ? "replay" : "play";
    this.button.setAttribute("aria-label", this.text(words, { letter: this.letter }));
    if (!this.ready) return;
    this.bar.value = this.duration > 0 ? Math.min(1, video.currentTime / this.duration) : 0;
    this.time.textContent = `${spoken(video.currentTime)} / ${spoken(this.duration)}`;
    this.stateText.textContent = this.done ? this.text("done") : playing ? this.text("playing") : this.turn;
  }
}
