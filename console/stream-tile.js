// One stream: its newest picture with what was found in it, its score line, its figures.

import { protocols } from "./key.js";
import { draw } from "./drawing.js";
import { ScoreLine } from "./score-line.js";

const AGAIN_MS = 2000;
const MARK_MS = 2000;

export class StreamTile {
  #figure = document.getElementById("stream").content.firstElementChild.cloneNode(true);
  #canvas = this.#figure.querySelector(".frame");
  #line = new ScoreLine(this.#figure.querySelector(".scores"));
  #view = null;
  #again = null;
  #result = null;
  #waiting = null;
  #busy = false;
  #id;

  constructor(id, place) {
    this.#id = id;
    place.append(this.#figure);
    this.#look();
  }

  /** Figures of the list of streams. */
  describe({ id, kind, source, state, reason, figures }) {
    const say = (name, text) => { this.#figure.querySelector(`.${name}`).textContent = text; };
    say("name", source ?? `${kind} ${id.slice(0, 8)}`);
    const word = this.#figure.querySelector(".state");
    word.textContent = state;
    word.className = `state ${state === "waiting" ? "waiting-state" : state}`;
    const { fps, latency_p50_ms: p50, latency_p99_ms: p99, dropped } = figures;
    const waiting = this.#figure.querySelector(".waiting");
    if (waiting) waiting.textContent = reason ? `waiting: ${reason}` : "waiting for a picture";
    say("rate", `${fps.toFixed(1)} fps`);
    say("latency", p50 == null ? "" : `${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`);
    say("dropped", `${dropped.overloaded + dropped.not_ready} dropped`);
    this.#figure.querySelector(".scores").hidden = kind !== "anomaly";
  }

  /** Brings it to the eye. */
  mark() {
    this.#figure.scrollIntoView({ behavior: "smooth", block: "nearest" });
    this.#figure.classList.add("marked");
    setTimeout(() => this.#figure.classList.remove("marked"), MARK_MS);
  }

  remove() {
    clearTimeout(this.#again);
    this.#id = null;
    this.#view?.close();
    this.#figure.remove();
  }

  #look() {
    const address = new URL(`v1/streams/${this.#id}/view`, location.href.replace(/^http/, "ws"));
    this.#view = new WebSocket(address, protocols());
    this.#view.binaryType = "blob";
    this.#view.onmessage = ({ data }) => {
      if (typeof data === "string") this.#result = JSON.parse(data).result;
      else if (this.#result) this.#show(this.#result, data);
    };
    this.#view.onclose = () => {
      if (this.#id) this.#again = setTimeout(() => this.#look(), AGAIN_MS);
    };
  }

  /** While one picture is decoded only the newest of those that come waits. */
  async #show(result, picture) {
    this.#waiting = { result, picture };
    if (result.persons) this.#line.add(result.persons);
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting) {
      const shown = this.#waiting;
      this.#waiting = null;
      try {
        const bitmap = await createImageBitmap(shown.picture);
        draw(this.#canvas, bitmap, shown.result);
        bitmap.close();
        this.#figure.querySelector(".waiting")?.remove();
      } catch (error) {
        console.error(error);
      }
    }
    this.#busy = false;
  }
}
