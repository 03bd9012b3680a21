// What people read: numbers as in the program's own tables, and text from outside.

const UNITS = ["", "k", "M", "G", "T"];
const SHOWN_RANGES = 3;
const commas = new Intl.NumberFormat("en");

/** What stands where there is nothing to say. */
export const NOTHING = "\u2013";

/** A number with a comma before each group of three digits. */
export const grouped = (number) => commas.format(number);

/** A rate as [digits, unit], the unit one of "", k, M, G and T, with three digits that count. */
export function scaled(rate) {
  let unit = 0;
  // 999.5 would be shown as 1000.
  while (rate >= 999.5 && unit + 1 < UNITS.length) {
    rate /= 1e3;
    unit += 1;
  }
  const decimals = rate === 0 || rate >= 99.95 ? 0 : rate >= 9.995 ? 1 : 2;
  return [rate.toFixed(decimals), UNITS[unit]];
}

/** A rate with its unit of measure: 24.0 kbit/s. */
export function measured(rate, measure) {
  const [digits, unit] = scaled(rate);
  return `${digits}\u00a0${unit}${measure}`;
}

/** A rate for a column, with a blank as wide as a digit where others have their unit. */
export function rate(number) {
  if (number === undefined) return NOTHING;
  const [digits, unit] = scaled(number);
  return `${digits}\u00a0${unit || "\u2007"}`;
}

/** A count for a column: exact as long as it is short. */
export const count = (number) => (number < 1e8 ? grouped(number) : rate(number));

/** Bytes for a column: few of them have no decimals. */
export const volume = (bytes) => (bytes < 1e3 ? `${bytes}\u00a0\u2007` : rate(bytes));

/** A part of a whole, in per cent. */
export const share = (part, whole) => (whole > 0 ? `${((part / whole) * 100).toFixed(1)}%` : NOTHING);

/** A sorted list of ports, neighbours folded into ranges, the rest left out after three of them. */
export function ports(list) {
  const ranges = [];
  for (const port of list) {
    const last = ranges.at(-1);
    if (last && last[1] + 1 === port) last[1] = port;
    else ranges.push([port, port]);
  }
  const shown = ranges.slice(0, SHOWN_RANGES).map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  return shown.join(",") + (ranges.length > SHOWN_RANGES ? ",..." : "");
}

const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** The time of day, here, of a moment in seconds since 1970. */
export const timeOfDay = (seconds) => clock.format(seconds * 1e3);

// Those that the program replaces, too: characters that could turn the text around them.
const HARMFUL = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text from outside, with U+FFFD for each control character and each bidirectional override. */
export const harmless = (text) => text.replace(HARMFUL, "\ufffd");
