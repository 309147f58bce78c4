// Two versions of one picture. First each alone, in the order given; then both together, in step, one of them heard.
//
// Together both run all the time and switching only changes which one is loud: neither has to seek or start, so
// nothing is missing in between. The other is kept in step by running a little faster or slower, which nobody hears;
// docs/rater-page.md has the figures.

const LOOK_EVERY_MS = 60;
const CLOSE_S = 0.006; // nearer than a quarter of a frame is in step
const JUMP_S = 0.2; // further apart than this, seeking is quicker than catching up
const MOST = 0.25; // change of rate while catching up
const CATCH_UP_S = 0.15;

function at(video, seconds) {
  if (Math.abs(video.currentTime - seconds) < CLOSE_S) return Promise.resolve();
  return new Promise((resolve) => {
    video.addEventListener("seeked", resolve, { once: true });
    video.currentTime = seconds;
  });
}

export class Pair extends EventTarget {
  constructor(first, second) {
    super();
    this.first = first;
    this.second = second;
    this.heard = first;
    this.together = false;
    this.starting = false;
    for (const player of [first, second]) {
      player.addEventListener("toggle", () => this.toggle(player));
      player.addEventListener("start", () => this.started(player));
      player.addEventListener("end", () => this.ended(player));
    }
  }

  get playing() {
    return this.starting || this.heard.playing;
  }

  // Seconds by which the muted one is ahead.
  get apart() {
    return this.other(this.heard).video.currentTime - this.heard.video.currentTime;
  }

  other(player) {
    return player === this.first ? this.second : this.first;
  }

  // Both were heard alone: from now on they run together.
  join() {
    if (this.together) return;
    this.together = true;
    this.pause();
    this.other(this.heard).hush();
    this.dispatchEvent(new Event("joined"));
  }

  // Make this the one that is heard, at the same moment of the video.
  choose(player) {
    if (player === this.heard) return;
    if (!this.together) {
      this.heard = player;
    } else if (!this.starting) {
      this.heard.hush();
      this.heard = player;
      player.sound("switch");
    }
    this.dispatchEvent(new Event("chosen"));
  }

  toggle(player) {
    if (!this.together) {
      if (player.playing) player.pause();
      else player.play();
    } else if (!this.playing) {
      this.choose(player);
      this.run();
    } else if (player === this.heard) this.pause();
    else this.choose(player);
  }

  pause() {
    this.starting = false;
    clearInterval(this.timer);
    const along = this.other(this.heard);
    for (const player of [this.heard, along]) player.pause();
    // Standing still, too, both show one picture.
    if (this.together && !this.heard.video.ended && Math.abs(this.apart) > CLOSE_S) {
      along.video.currentTime = this.heard.video.currentTime;
    }
  }

  async run() {
    const { heard } = this;
    const along = this.other(heard);
    this.starting = true;
    const from = heard.video.ended || heard.duration - heard.video.currentTime < CLOSE_S ? 0 : heard.video.currentTime;
    await Promise.all([at(heard.video, from), at(along.video, from)]);
    if (!this.starting) return;
    await Promise.all([heard.play(), along.play()]);
    this.starting = false;
    clearInterval(this.timer);
    this.timer = setInterval(() => this.keepInStep(), LOOK_EVERY_MS);
  }

  keepInStep() {
    const along = this.other(this.heard).video;
    if (!this.heard.playing) {
      // Stopped by a headset's button, say: the other one must not run on.
      this.pause();
      return;
    }
    if (along.seeking) return;
    const { apart } = this;
    if (Math.abs(apart) > JUMP_S) {
      along.currentTime = this.heard.video.currentTime;
      along.playbackRate = 1;
    } else if (Math.abs(apart) > CLOSE_S) {
      along.playbackRate = 1 - Math.max(-MOST, Math.min(MOST, apart / CATCH_UP_S));
    } else if (along.playbackRate !== 1) along.playbackRate = 1;
    // It ended a moment early, or was stopped from outside.
    if (along.paused && !along.ended) along.play().catch(() => {});
  }

  started(player) {
    if (this.together) {
      // From outside of our buttons: the other has to come along, and the right one be heard.
      if (!this.playing) {
        player.video.pause();
        this.run();
      }
      return;
    }
    this.other(player).pause(); // one is heard at a time
    this.heard = player;
    this.dispatchEvent(new Event("chosen"));
  }

  ended(player) {
    if (this.together && player === this.heard) this.pause();
  }
}
