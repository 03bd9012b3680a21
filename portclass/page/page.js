// Reads the events and hands each snapshot on.

import { Chart } from "./chart.js";
import { History } from "./history.js";
import { Table } from "./table.js";
import { NOTHING, count, grouped, harmless, measured, ports, rate, share, timeOfDay, volume } from "./text.js";

// Seconds until a lost connection is made anew, where the browser does not do so itself.
const RETRY = 3;
// A connection is taken for lost when it has said nothing for so many intervals, or so many seconds.
const SILENT_INTERVALS = 3;
const SILENT_SECONDS = 10;

const REASONS = {
  dynamic: "from 49152 up and not registered",
  unassigned: "no name registered for the port",
  reserved: "the registry reserves the port",
  "private-use": "the port is for private use",
  withdrawn: "the assignment was taken back",
  fragment: "the ports are in an earlier one",
  protocol: "it has no ports",
  "non-ip": "no IP packet",
  truncated: "a header does not fit in the frame",
  malformed: "a header contradicts its protocol",
  "too-deep": "too many tags or extension headers",
};

const element = (id) => document.getElementById(id);
const named = (heading, style, text, more) => ({ heading, style, text, key: text, ...more });
const number = (heading, text, key) => ({ heading, style: "number", text, key, isNumber: true });

const ORIGIN = [
  named("Direction", "direction", (row) => row.direction),
  named("Interface", "interface", (row) => harmless(row.interface ?? ""), { isLong: true }),
];
const NUMBERS = [
  number("Packets/s", (row) => rate(row.packets_per_second), (row) => row.packets_per_second),
  number("Bits/s", (row) => rate(row.bits_per_second), (row) => row.bits_per_second),
  number("Packets", (row) => count(row.packets), (row) => row.packets),
  number("Bytes", (row) => volume(row.bytes), (row) => row.bytes),
];
const SHARE = {
  ...number("Share", (row, whole) => share(row.bytes, whole), (row) => row.bytes),
  style: "number share",
  part: (row, whole) => (whole > 0 ? row.bytes / whole : 0),
};
const TRANSPORT = named("Transport", "transport", (row) => row.transport ?? NOTHING);
const NAME = named("Service", "name", (row) => harmless(row.service), { isLong: true });
const PORTS = {
  heading: "Ports",
  style: "ports",
  text: (row) => ports(row.ports.map(({ port }) => port)),
  key: (row) => String(row.ports[0]?.port ?? ""),
};

const history = new History();
const chart = new Chart(history, element("chart"), element("legend"), element("moment"));
const table = (id, columns) => new Table(element(id), columns, "Bits/s", element(`${id}-more`));
const services = table("services", [NAME, PORTS, TRANSPORT, ...ORIGIN, ...NUMBERS, SHARE]);
const unlabelled = table("unlabelled", [
  named("Reason", "name", (row) => row.class),
  named("Of", "ports", (row) => harmless(row.transport ?? row.detail ?? ""), { isLong: true }),
  named("Meaning", "meaning", (row) => REASONS[row.class] ?? "", { isLong: true }),
  ...ORIGIN,
  ...NUMBERS,
  SHARE,
]);
const tunnels = table("tunnels", [NAME, TRANSPORT, ...ORIGIN, ...NUMBERS]);

/* What is shown */

let latest;
let isPaused = false;
let isDue = false;

// However many snapshots come, no more are drawn than the screen shows.
function drawSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    if (!isPaused) draw();
  });
}

function draw() {
  chart.draw();
  if (!latest) return;
  const rows = [...latest.services, ...latest.unlabelled];
  const sum = (name) => (latest.interval_seconds ? rows.reduce((sum, row) => sum + row[name], 0) : undefined);
  const whole = latest.totals.bytes;
  const bits = sum("bits_per_second");
  const packets = sum("packets_per_second");
  const unlabelledBytes = latest.unlabelled.reduce((sum, row) => sum + row.bytes, 0);
  put("bits-per-second", bits === undefined ? NOTHING : measured(bits, "bit/s"));
  put("packets-per-second", packets === undefined ? NOTHING : measured(packets, ""));
  put("packets", count(latest.totals.packets));
  put("bytes", measured(whole, "B"));
  put("unlabelled-share", share(unlabelledBytes, whole));
  put("interfaces", latest.interfaces.map(attached).join(", "));
  put("registry", registry(latest.registry));
  document.body.classList.toggle("one-interface", latest.interfaces.length < 2);
  services.show(latest.services, whole);
  unlabelled.show(latest.unlabelled, whole);
  element("tunnels-section").hidden = !latest.tunnels;
  tunnels.show(latest.tunnels ?? []);
}

function put(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function attached({ name, mode, egress }) {
  const hooks = [mode, egress && `egress ${egress}`].filter(Boolean).join(", ");
  return harmless(name) + (hooks && ` (${hooks})`);
}

function registry({ updated, entries }) {
  return `registry${updated ? ` of ${updated}` : ""}, ${grouped(entries)} names`;
}

/* What is received */

function take(snapshot) {
  latest = snapshot;
  if (snapshot.interval_seconds) {
    const rates = new Map();
    for (const { service = null, bits_per_second: bits } of [...snapshot.services, ...snapshot.unlabelled]) {
      rates.set(service, (rates.get(service) ?? 0) + bits);
    }
    history.add(Date.parse(snapshot.time) / 1e3, snapshot.interval_seconds, rates);
  }
  drawSoon();
}

let connection = "connecting";

function say(state) {
  connection = state;
  const isFrozen = isPaused && state === "live";
  element("state").dataset.state = isFrozen ? "paused" : state;
  put("state", isFrozen ? "paused" : state === "ended" && latest ? `ended at ${timeOfDay(Date.now() / 1e3)}` : state);
}

function connect() {
  const events = new EventSource("api/events");
  let silence;
  const leave = () => {
    clearTimeout(silence);
    events.close();
  };
  const again = () => {
    leave();
    say("reconnecting");
    setTimeout(connect, RETRY * 1e3);
  };
  const listen = (name, receive) =>
    events.addEventListener(name, (event) => {
      receive(event);
      clearTimeout(silence);
      if (events.readyState === EventSource.CLOSED) return;
      say("live");
      // A peer that vanishes without a word leaves the connection open. How long an interval is, the first one tells.
      const interval = latest?.interval_seconds;
      if (interval) silence = setTimeout(again, Math.max(SILENT_SECONDS, SILENT_INTERVALS * interval) * 1e3);
    });
  listen("history", (event) => {
    history.replace(JSON.parse(event.data));
    drawSoon();
  });
  listen("snapshot", (event) => take(JSON.parse(event.data)));
  listen("end", () => {
    leave();
    say("ended");
  });
  events.addEventListener("error", () => {
    // The browser tries again by itself, but not where it was given another answer than events.
    if (events.readyState === EventSource.CLOSED) again();
    else say("reconnecting");
  });
}

/* What people do */

function pause() {
  isPaused = !isPaused;
  element("pause").setAttribute("aria-pressed", String(isPaused));
  put("pause", isPaused ? "Resume" : "Pause");
  say(connection);
  drawSoon();
}

const filter = element("filter");

function applyFilter() {
  const words = filter.value.toLowerCase().split(/[\s/]+/).filter(Boolean);
  services.filter((row) => words.every((word) => matches(row, word)));
}

function matches({ service, transport, ports }, word) {
  return service.toLowerCase().includes(word) || transport === word || ports.some(({ port }) => String(port) === word);
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const chosenTheme = () => document.documentElement.dataset.theme;
const isDark = () => (chosenTheme() ? chosenTheme() === "dark" : prefersDark.matches);

function showTheme() {
  put("theme", isDark() ? "Light" : "Dark");
  chart.recolour();
}

// A browser may refuse to remember anything; then the choice holds until the page is closed.
function remembered(use) {
  try {
    return use(localStorage);
  } catch {
    return undefined;
  }
}

function setTheme(theme) {
  if (theme !== "light" && theme !== "dark") return;
  document.documentElement.dataset.theme = theme;
  showTheme();
}

element("pause").addEventListener("click", pause);
element("theme").addEventListener("click", () => {
  setTheme(isDark() ? "light" : "dark");
  remembered((storage) => storage.setItem("portclass-theme", chosenTheme()));
});
prefersDark.addEventListener("change", showTheme);
filter.addEventListener("input", applyFilter);
filter.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  if (filter.value === "") filter.blur();
  filter.value = "";
  applyFilter();
});
document.addEventListener("keydown", (event) => {
  if (event.target === filter || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "/") {
    event.preventDefault();
    filter.focus();
  } else if (event.key === "p") pause();
});

showTheme();
setTheme(remembered((storage) => storage.getItem("portclass-theme")));
connect();
