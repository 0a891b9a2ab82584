// The distress score over a call: a bar for each second, made of what each part adds, and one second told in words.

import { COLOURS } from "./drawing.js";
import { clock, element } from "./element.js";

/** The scale reaches to the highest score, and at least to here. */
const TOP_MIN = 0.5;

export class DistressChart {
  #place;
  #canvas;
  #slider;
  #seconds = [];
  /** The colour of each part, by the name of its figure. */
  #colours = new Map();

  constructor(place) {
    this.#place = place;
    this.#canvas = place.querySelector("canvas");
    this.#slider = place.querySelector("input");
    this.#slider.oninput = () => this.#tell();
    this.#canvas.onpointermove = this.#canvas.onpointerdown = ({ offsetX }) => this.#choose(offsetX / this.#canvas.clientWidth);
    new ResizeObserver(() => this.#draw()).observe(this.#canvas);
  }

  /** The second that is told. */
  get at() {
    return this.#seconds[this.#slider.value]?.at_s ?? null;
  }

  /** Shows these features; of them first the second that ends `at`, else the one with the highest score. */
  show(features, at) {
    this.#seconds = features.map(({ at_s, values, distress }) => ({
      at_s,
      // What was kept by an earlier version has the score alone.
      score: distress?.score ?? values.distress ?? null,
      parts: (distress?.parts ?? []).filter(({ contribution }) => contribution > 0),
    }));
    const scored = this.#seconds.filter(({ score }) => score !== null);
    this.#place.hidden = scored.length === 0;
    if (scored.length === 0) return;
    this.#paint();
    const highest = scored.reduce((best, second) => (second.score > best.score ? second : best));
    const chosen = this.#seconds.find(({ at_s }) => at_s === at) ?? highest;
    this.#slider.max = this.#seconds.length - 1;
    this.#slider.value = this.#seconds.indexOf(chosen);
    this.#tell();
  }

  /** Those that add most over the whole call have the first colours, and lie lowest. */
  #paint() {
    const sums = new Map();
    for (const { parts } of this.#seconds) {
      for (const { figure, contribution } of parts) sums.set(figure, (sums.get(figure) ?? 0) + contribution);
    }
    const figures = [...sums].sort(([, a], [, b]) => b - a).map(([figure]) => figure);
    this.#colours = new Map(figures.map((figure, k) => [figure, COLOURS[k % COLOURS.length]]));
  }

  #choose(share) {
    const k = Math.floor(share * this.#seconds.length);
    this.#slider.value = Math.max(0, Math.min(k, this.#seconds.length - 1));
    this.#tell();
  }

  #tell() {
    const { at_s, score, parts } = this.#seconds[this.#slider.value];
    const text = score === null ? "nobody is heard" : `score ${score.toFixed(2)}`;
    this.#place.querySelector(".second").textContent = this.#slider.ariaValueText = `${clock(at_s)}: ${text}`;
    const list = this.#place.querySelector(".parts");
    list.replaceChildren();
    for (const { figure, value, usual, contribution, weight } of parts) {
      const item = element(list, "li");
      element(item, "i").style.background = this.#colours.get(figure);
      const than = usual == null ? "" : `, usually ${usual.toFixed(2)}`;
      element(item, "span", `${figure} ${value.toFixed(2)}${than}`);
      element(item, "span", `+${contribution.toFixed(2)} of ${weight.toFixed(2)}`, "quiet number");
    }
    this.#draw();
  }

  #draw() {
    const canvas = this.#canvas, context = canvas.getContext("2d");
    const scale = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !this.#seconds.length) return;
    [canvas.width, canvas.height] = [width * scale, height * scale];
    context.scale(scale, scale);
    const top = Math.max(TOP_MIN, ...this.#seconds.map(({ score }) => score ?? 0));
    const style = getComputedStyle(canvas), quiet = style.getPropertyValue("--quiet");
    const step = width / this.#seconds.length, gap = step > 4 ? 1 : 0;
    this.#seconds.forEach(({ score, parts }, k) => {
      let y = height;
      const bar = (colour, share) => {
        const length = (height * share) / top;
        context.fillStyle = colour;
        context.fillRect(k * step, (y -= length), Math.max(step - gap, 0.5), length);
      };
      if (parts.length === 0) return bar(quiet, score ?? 0);
      for (const [figure, colour] of this.#colours) bar(colour, parts.find((part) => part.figure === figure)?.contribution ?? 0);
    });
    context.strokeStyle = style.color;
    context.strokeRect(this.#slider.value * step + 0.5, 0.5, Math.max(step - 1, 1), height - 1);
    context.fillStyle = quiet;
    context.font = style.font;
    context.fillText(top.toFixed(1), 4, 14);
  }
}
