// What has happened on any stream, newest first.

import { follow, openFile } from "./key.js";

/** Events that the page holds. */
const EVENTS_MAX = 200;

const WORDS = {
  "person.appeared": "appeared",
  "person.left": "left",
  "anomaly.started": "moves unusually",
  "anomaly.updated": "still moves unusually",
  "anomaly.ended": "no longer moves unusually",
};

export class Events {
  #list = document.getElementById("events");
  #tileOf;

  constructor(tileOf) {
    this.#tileOf = tileOf;
  }

  listen() {
    const only = document.getElementById("anomalies-only");
    only.onchange = () => document.getElementById("happened").classList.toggle("anomalies-only", only.checked);
    // The last ones that are kept come first; after a break those in between are asked for.
    follow("v1/events?after=0", (kind, data) => kind in WORDS && this.#show(JSON.parse(data)));
  }

  #show(event) {
    document.getElementById("no-events").hidden = true;
    // An anomaly that goes on is one line, brought up to date.
    const key = `${event.stream} ${event.person.track}`;
    const before = event.event === "anomaly.updated" ? this.#find(key) : null;
    const line = before ?? document.createElement("li");
    line.dataset.key = event.event.startsWith("anomaly") ? key : "";
    line.className = event.event.startsWith("anomaly") ? "anomaly-line" : "";
    line.replaceChildren(this.#button(event), ...this.#evidence(event));
    if (!before) this.#list.prepend(line);
    while (this.#list.children.length > EVENTS_MAX) this.#list.lastChild.remove();
  }

  #find(key) {
    return [...this.#list.children].find((line) => line.dataset.key === key) ?? null;
  }

  /** Links to what is kept of it; the clip is there some seconds later. */
  #evidence({ evidence }) {
    return Object.entries(evidence ?? {}).map(([name, address]) => {
      const link = document.createElement("a");
      [link.textContent, link.href, link.target] = [name, address, "_blank"];
      link.onclick = (click) => openFile(click, address);
      return link;
    });
  }

  #button(event) {
    const button = document.createElement("button");
    const part = (name, className, text) => {
      const element = button.appendChild(document.createElement(name));
      [element.className, element.textContent] = [className, text];
    };
    const score = event.score_max == null ? "" : `, score ${event.score_max.toFixed(1)}`;
    const zone = event.zone ? `, in ${event.zone}` : "";
    part("time", "", new Date(event.time).toLocaleTimeString());
    part("span", event.event.startsWith("anomaly") ? "what anomaly" : "what", `person ${event.person.track} ${WORDS[event.event]}`);
    part("span", "where", `${event.source ?? `stream ${event.stream.slice(0, 8)}`}${zone}${score}`);
    button.onclick = () => this.#tileOf(event.stream)?.mark();
    return button;
  }
}
