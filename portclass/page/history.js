// Bits a second by service over the last quarter of an hour.

/** Seconds that are shown. */
export const WINDOW = 15 * 60;
// Seconds of one point at least: a short interval must not fill the memory.
const RESOLUTION = 1;
// Old points go a minute's worth at a time, since every service has to be cut.
const SLACK = 60;
// A snapshot's time has milliseconds, the history's more.
const SAME_MOMENT = 0.005;

/** Points of all services at the same moments. The name of what has no label is `null`. */
export class History {
  /** Moments, in seconds since 1970, oldest first. */
  seconds = [];
  /** All services together, at each moment. */
  labelled = [];
  #services = new Map();
  // Seconds that the last point is the mean of.
  #covered = 0;

  /** Takes a `portclass.history/1` in place of everything. */
  replace({ seconds, services, others }) {
    this.#clear();
    this.seconds = [...seconds];
    this.labelled = [...(others ?? seconds.map(() => 0))];
    this.#covered = RESOLUTION;
    for (const { service, bits_per_second: bits } of services) {
      this.#services.set(service, [...bits]);
      if (service !== null) bits.forEach((value, at) => (this.labelled[at] += value));
    }
  }

  /** Adds the rates, by name, of the interval that ended at a moment. */
  add(second, interval, rates) {
    const last = this.seconds.length - 1;
    if (last >= 0 && Math.abs(second - this.seconds[last]) < SAME_MOMENT) return;
    // The clock was set back, and a chart knows no way to the left.
    if (last >= 0 && second < this.seconds[last]) this.#clear();

    const joins = this.seconds.length > 0 && this.#covered + interval <= RESOLUTION;
    if (!joins) {
      this.seconds.push(second);
      this.labelled.push(0);
      for (const bits of this.#services.values()) bits.push(0);
      this.#covered = 0;
    }
    for (const name of rates.keys()) {
      if (!this.#services.has(name)) this.#services.set(name, this.seconds.map(() => 0));
    }
    const at = this.seconds.length - 1;
    const part = interval / (this.#covered + interval);
    const mean = (before, now) => before + (now - before) * part;
    let sum = 0;
    for (const [name, bits] of this.#services) {
      const value = rates.get(name) ?? 0;
      bits[at] = mean(bits[at], value);
      if (name !== null) sum += value;
    }
    this.labelled[at] = mean(this.labelled[at], sum);
    this.seconds[at] = second;
    this.#covered += interval;
    if (this.seconds[0] < second - WINDOW - SLACK) this.#forget(this.#start());
  }

  /** A service's bits a second at each moment. */
  of(name) {
    return this.#services.get(name) ?? this.seconds.map(() => 0);
  }

  /** Names of services, each with its sum over the window. */
  sums() {
    const start = this.#start();
    const sums = [];
    for (const [name, bits] of this.#services) {
      let sum = 0;
      for (let at = start; at < bits.length; at += 1) sum += bits[at];
      if (name !== null && sum > 0) sums.push([name, sum]);
    }
    return sums;
  }

  // The first point of the window.
  #start() {
    const oldest = this.seconds.at(-1) - WINDOW;
    return Math.max(0, this.seconds.findIndex((second) => second >= oldest));
  }

  #forget(points) {
    this.seconds.splice(0, points);
    this.labelled.splice(0, points);
    for (const [name, bits] of this.#services) {
      bits.splice(0, points);
      if (!bits.some((value) => value > 0)) this.#services.delete(name);
    }
  }

  #clear() {
    this.seconds = [];
    this.labelled = [];
    this.#services.clear();
    this.#covered = 0;
  }
}
