// One version: our own controls round a video element, and a report of everything it does.

import { Coverage, Run } from "./coverage.js";

const PROGRESS_EVERY_S = 1;

function spoken(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class Player extends EventTarget {
  constructor(root, { needed, stretches, report }) {
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
    this.coverage = new Coverage(stretches);
    this.ended = false;
    this.locked = false;
    this.run = null; // what is being played without a break; null while nothing is
    this.reported = 0;
    this.wasDone = false;
    this.listen();
    this.show();
    // The error may have come before this script did.
    if (this.video.error) this.fail();
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

  get playing() {
    return !this.video.paused && !this.video.ended;
  }

  markDone() {
    if (this.wasDone) return;
    this.wasDone = true;
    this.show();
    this.dispatchEvent(new Event("done"));
  }

  listen() {
    const video = this.video;
    const tell = (kind) => this.report(this.side, kind, video.currentTime);
    video.addEventListener("loadedmetadata", () => this.show());
    video.addEventListener("durationchange", () => this.show());
    video.addEventListener("play", () => {
      // A headset's button or a locked phone's own control can start what our buttons would not.
      if (this.locked || document.hidden) {
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
        tell("progress");
      } else if (this.playing) this.begin();
    });
    video.addEventListener("waiting", () => {
      this.root.classList.add("waiting");
      if (!this.run) return;
      this.count();
      tell("progress");
    });
    video.addEventListener("timeupdate", () => {
      this.count();
      if (this.run && this.run.at - this.reported >= PROGRESS_EVERY_S) {
        this.reported = this.run.at;
        tell("progress");
      }
      this.show();
    });
    video.addEventListener("seeking", () => {
      // Our controls never jump within a version, other than back to its start.
      this.run = null;
      tell("seek");
    });
    video.addEventListener("seeked", () => {
      if (this.playing) this.begin();
    });
    video.addEventListener("pause", () => {
      this.count();
      this.run = null;
      if (!video.ended) tell("pause");
      this.show();
    });
    video.addEventListener("ended", () => {
      this.count();
      this.run = null;
      tell("ended");
      this.coverage.add(this.duration - 0.25, this.duration);
      if (this.share >= this.needed) this.markDone();
      else this.dispatchEvent(new Event("short"));
      this.show();
    });
    video.addEventListener("ratechange", () => {
      if (video.playbackRate !== 1) video.playbackRate = 1;
    });
    video.addEventListener("error", () => this.fail());
    video.addEventListener("contextmenu", (event) => event.preventDefault());
    this.root.querySelector(".retry").addEventListener("click", () => this.retry());
    this.button.addEventListener("click", () => this.toggle());
    this.root.querySelector(".screen").addEventListener("click", (event) => {
      if (!this.failed.contains(event.target)) this.toggle();
    });
  }

  begin() {
    this.reported = this.video.currentTime;
    this.run = new Run(this.reported, performance.now() / 1000);
    this.report(this.side, "play", this.reported);
  }

  count() {
    const heard = this.run?.look(this.video.currentTime, performance.now() / 1000);
    if (heard) this.coverage.add(...heard);
  }

  toggle() {
    if (this.playing) this.video.pause();
    else this.play();
  }

  async play() {
    if (!this.failed.hidden) return;
    if (this.locked) {
      this.dispatchEvent(new Event("refused"));
      return;
    }
    this.video.muted = false;
    try {
      await this.video.play();
    } catch (error) {
      // AbortError: paused again before it began. NotSupportedError also comes as an error event.
      if (error.name === "NotAllowedError") this.dispatchEvent(new Event("blocked"));
    }
    this.show();
  }

  pause(kind = null) {
    if (!this.playing) return;
    if (kind) {
      this.count();
      this.report(this.side, kind, this.video.currentTime);
    }
    this.video.pause();
  }

  fail() {
    this.root.classList.remove("waiting");
    this.failed.hidden = false;
    this.count();
    this.run = null;
    this.report(this.side, "error", this.video.currentTime || 0);
    this.show();
  }

  retry() {
    this.failed.hidden = true;
    this.video.load();
    this.show();
    this.button.focus();
  }

  lock(locked) {
    this.locked = locked;
    this.show();
  }

  show() {
    const { video, root } = this;
    const playing = this.playing;
    root.classList.toggle("playing", playing);
    root.classList.toggle("done", this.done);
    root.classList.toggle("locked-player", this.locked);
    this.button.setAttribute("aria-disabled", String(this.locked || !this.failed.hidden));
    this.button.setAttribute("aria-label", `${playing ? "Pause" : this.done ? "Replay" : "Play"} ${this.letter}`);
    this.bar.value = this.duration > 0 ? Math.min(1, video.currentTime / this.duration) : 0;
    this.time.textContent = `${spoken(video.currentTime)} / ${spoken(this.duration)}`;
    this.stateText.textContent = this.done ? "Played" : playing ? "Playing" : this.turn;
  }
}
