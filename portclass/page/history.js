// Bits a second by service over the last quarter of an hour.

/** Seconds that are shown. */
export const WINDOW = 15 * 60;
// Seconds of one point at least: a short interval must not fill the memory.
const RESOLUTION = 1;
// Services of a point that are kept by name, those with the most bits: a scan of all ports has thousands of them.
const KEPT = 200;
// A snapshot's time has milliseconds, the history's more.
const SAME_MOMENT = 0.005;

/** Points of all services at the same moments. The name of what has no label is `null`. */
export class History {
  // Oldest first. Services without bits take no room in a point, so that those seen once cost next to nothing.
  #points = [];

  /** Takes a `portclass.history/1` in place of everything. */
  replace({ seconds, services, others }) {
    this.#points = seconds.map((second, at) => {
      const point = new Point(second);
      point.labelled = (others?.[at] ?? 0) * RESOLUTION;
      point.add(RESOLUTION, services.map(({ service, bits_per_second: bits }) => [service, bits[at]]));
      return point;
    });
  }

  /** Adds the rates, by name, of the interval that ended at a moment. */
  add(second, interval, rates) {
    let last = this.#points.at(-1);
    if (last && Math.abs(second - last.second) < SAME_MOMENT) return;
    // The clock was set back, and a chart knows no way to the left.
    if (last && second < last.second) {
      this.#points = [];
      last = undefined;
    }
    if (!last || last.covered + interval > RESOLUTION) {
      last?.settle();
      last = new Point(second);
      this.#points.push(last);
    }
    last.second = second;
    last.add(interval, rates);
    // The last one before the window is where the area comes from.
    while (this.#points[1]?.second <= second - WINDOW) this.#points.shift();
  }

  /** Moments, in seconds since 1970, oldest first. */
  get seconds() {
    return this.#points.map(({ second }) => second);
  }

  /** All services together, at each moment. */
  get labelled() {
    return this.#points.map(({ labelled, covered }) => labelled / covered);
  }

  /** A service's bits a second at each moment. */
  of(name) {
    return this.#points.map(({ bits, covered }) => (bits.get(name) ?? 0) / covered);
  }

  /** Names of services, each with its sum over all moments. */
  sums() {
    const sums = new Map();
    for (const { bits, covered } of this.#points) {
      for (const [name, value] of bits) {
        if (name !== null) sums.set(name, (sums.get(name) ?? 0) + value / covered);
      }
    }
    return [...sums];
  }
}

class Point {
  second;
  // Seconds that it is the mean of.
  covered = 0;
  // Bits by service, and of all services together.
  bits = new Map();
  labelled = 0;

  constructor(second) {
    this.second = second;
  }

  add(interval, rates) {
    this.covered += interval;
    for (const [name, rate] of rates) {
      if (rate === 0) continue;
      this.bits.set(name, (this.bits.get(name) ?? 0) + rate * interval);
      if (name !== null) this.labelled += rate * interval;
    }
  }

  // Forgets which services had few bits.
  settle() {
    if (this.bits.size <= KEPT) return;
    const weight = ([name, bits]) => (name === null ? Infinity : bits);
    const sorted = [...this.bits].sort((one, other) => weight(other) - weight(one));
    this.bits = new Map(sorted.slice(0, KEPT));
  }
}
