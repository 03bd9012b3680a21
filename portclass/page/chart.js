// The history as a stacked area, and its legend.

import { WINDOW } from "./history.js";
import { harmless, measured, scaled, timeOfDay } from "./text.js";

// Services with a colour of their own; page.css has one for each.
const COLOURS = 8;
// How far another service must be ahead to take a colour over: two that are level would take turns.
const LEAD = 1.25;
// Seconds shown at least, so that the first points do not fill the whole width.
const SHORTEST = 60;
const NARROW = 560;
// No service's name, whatever a registry says.
const OTHER = Symbol("other");

/** Layers, lowest first: services with a colour, all others, and what has no label. */
export class Chart {
  #history;
  #box;
  #moment;
  #layers = [];
  #hidden = new Set();
  #plot;
  #colours;
  // What was drawn last; the history goes on while the page is paused.
  #seconds = [];

  constructor(history, box, legend, moment) {
    this.#history = history;
    this.#box = box;
    this.#moment = moment;
    for (let colour = 0; colour < COLOURS; colour += 1) this.#addLayer(legend, `colour-${colour}`, undefined);
    this.#addLayer(legend, "colour-other", OTHER);
    this.#addLayer(legend, "colour-unlabelled", null);
    this.#readColours();
    this.#plot = new uPlot(this.#options(), this.#data(), box);
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(box);
  }

  /** Draws what the history has. */
  draw() {
    this.#assignColours();
    this.#copy();
    this.#redraw();
  }

  /** Draws in the colours of another theme. */
  recolour() {
    this.#readColours();
    this.#plot.redraw(false);
  }

  #redraw() {
    const last = this.#seconds.at(-1) ?? Date.now() / 1e3;
    const first = this.#seconds[0] ?? last;
    this.#plot.batch(() => {
      this.#plot.setData(this.#data(), false);
      this.#plot.setScale("x", { min: Math.max(last - WINDOW, Math.min(first, last - SHORTEST)), max: last });
    });
    this.#showValues();
  }

  #addLayer(legend, colour, key) {
    const button = document.createElement("button");
    const [swatch, name, value] = ["swatch", "name", "value"].map((part) => {
      const span = document.createElement("span");
      span.className = part;
      button.append(span);
      return span;
    });
    swatch.classList.add(colour);
    button.type = "button";
    const item = document.createElement("li");
    item.append(button);
    legend.append(item);
    const layer = { key, item, button, swatch, name, value };
    button.addEventListener("click", () => {
      if (!this.#hidden.delete(layer.key)) this.#hidden.add(layer.key);
      this.#redraw();
    });
    this.#layers.push(layer);
    this.#label(layer);
  }

  #label(layer) {
    const { key, item, name } = layer;
    const isService = typeof key === "string";
    item.hidden = key === undefined;
    name.textContent = isService ? harmless(key) : key === OTHER ? "other services" : "unlabelled";
    name.title = isService ? name.textContent : "";
    name.classList.toggle("apart", !isService);
  }

  // A service keeps its colour for as long as it is among the first.
  #assignColours() {
    const layers = this.#layers.slice(0, COLOURS);
    const coloured = new Set(layers.map((layer) => layer.key));
    const weight = ([name, sum]) => (coloured.has(name) ? sum * LEAD : sum);
    const ranked = this.#history.sums().sort((one, other) => weight(other) - weight(one));
    const first = new Set(ranked.slice(0, COLOURS).map(([name]) => name));
    for (const layer of layers) {
      if (!first.delete(layer.key)) layer.key = undefined;
    }
    const newcomers = first.values();
    for (const layer of layers) {
      if (layer.key === undefined) layer.key = newcomers.next().value;
      this.#label(layer);
    }
  }

  #copy() {
    const history = this.#history;
    this.#seconds = history.seconds;
    const others = history.labelled;
    for (const layer of this.#layers) {
      const { key } = layer;
      layer.bits = key === OTHER ? others : key === undefined ? undefined : history.of(key);
      if (typeof key === "string") layer.bits.forEach((bits, at) => (others[at] = Math.max(0, others[at] - bits)));
    }
  }

  // The highest edge comes first, and each lower layer is painted over the ones before it.
  #data() {
    const edge = this.#seconds.map(() => 0);
    const edges = this.#layers.map(({ key, button, bits }, at) => {
      const isHidden = this.#hidden.has(key);
      button.setAttribute("aria-pressed", String(!isHidden));
      const isShown = bits !== undefined && !isHidden;
      if (isShown) bits.forEach((value, moment) => (edge[moment] += value));
      if (this.#plot) this.#plot.series[this.#seriesOf(at)].show = isShown;
      return [...edge];
    });
    return [this.#seconds, ...edges.reverse()];
  }

  #seriesOf(layer) {
    return this.#layers.length - layer;
  }

  // Values at the pointer, and those of the last moment where there is none.
  #showValues() {
    const pointed = this.#plot.cursor.idx;
    const at = pointed ?? this.#seconds.length - 1;
    const moment = this.#seconds[at];
    this.#moment.textContent = moment === undefined ? "" : timeOfDay(moment);
    for (const { bits, value } of this.#layers) {
      value.textContent = bits?.[at] === undefined ? "" : measured(bits[at], "bit/s");
    }
  }

  // The canvas cannot read custom properties, so that what is styled by them is asked.
  #readColours() {
    const box = getComputedStyle(this.#box);
    this.#colours = {
      text: box.color,
      grid: box.borderTopColor,
      font: `12px ${box.fontFamily}`,
      layers: this.#layers.map(({ swatch }) => getComputedStyle(swatch).backgroundColor),
    };
  }

  #size() {
    const width = this.#box.clientWidth;
    return { width, height: width < NARROW ? 200 : 264 };
  }

  #options() {
    const axis = {
      stroke: () => this.#colours.text,
      grid: { stroke: () => this.#colours.grid, width: 1 },
      ticks: { show: false },
      font: this.#colours.font,
    };
    const layers = this.#layers.map((_, at) => ({
      fill: () => this.#colours.layers[at],
      width: 0,
      points: { show: false },
    }));
    return {
      ...this.#size(),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
      axes: [
        { ...axis, size: 32, space: 90, values: (_, splits) => splits.map(timeOfDay) },
        { ...axis, size: 56, space: 44, values: (_, splits) => splits.map((bits) => scaled(bits).join("\u00a0")) },
      ],
      padding: [12, 12, 0, 0],
      series: [{}, ...layers.reverse()],
      hooks: { setCursor: [() => this.#plot && this.#showValues()] },
    };
  }
}
