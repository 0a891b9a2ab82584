// One call: who, when, why it is urgent, what was said, how it sounded. Deletes it when that is confirmed.

import { DistressChart } from "./distress-chart.js";
import { clock, element } from "./element.js";
import { ask, openFile } from "./key.js";

const dialog = document.getElementById("delete");
const template = document.getElementById("one");

export class CallView {
  /** Called when the call that is shown was deleted. */
  onDeleted = () => {};
  #place;
  #id = "";
  #state = null;
  #text = "";
  #chart = null;

  constructor(place) {
    this.#place = place;
  }

  /** Shows the call of that name; without one, nothing. */
  show(id) {
    if (id === this.#id) return;
    [this.#id, this.#state, this.#text, this.#chart] = [id, null, "", null];
    this.#place.replaceChildren();
    element(this.#place, "p", id ? "…" : "Choose a call.", "quiet");
    if (id) this.#look();
  }

  /** A call that goes on is told anew. */
  renew() {
    if (this.#state === "open") this.#look();
  }

  async #look() {
    const id = this.#id;
    try {
      const answer = await ask(this.#path(id));
      const text = await answer.text();
      // Another one was chosen in the meantime, or nothing is new.
      if (id !== this.#id || text === this.#text) return;
      this.#text = text;
      if (answer.ok) this.#tell(JSON.parse(text));
      else this.#refused(JSON.parse(text));
    } catch (error) {
      if (this.#text === "") this.#refused({ detail: "The server does not answer." });
      console.error(error);
    }
  }

  #path(id) {
    return `v1/calls/${encodeURIComponent(id)}`;
  }

  #refused({ detail }) {
    this.#state = null;
    this.#place.replaceChildren();
    element(element(this.#place, "p", "", "back"), "a", "← all calls").href = "#";
    element(this.#place, "p", detail, "failed");
  }

  #tell(call) {
    this.#state = call.state;
    const at = this.#chart?.at ?? null;
    this.#place.replaceChildren(template.content.cloneNode(true));
    const part = (name) => this.#place.querySelector(`.${name}`);
    part("title").textContent = call.label ?? call.id;
    part("facts").textContent = facts(call).join(" · ");
    showDecisions(part("decided"), call.decisions);
    for (const segment of call.segments) showSegment(part("transcript"), segment);
    part("nothing-said").hidden = call.segments.length > 0;
    this.#chart = new DistressChart(part("distress"));
    this.#chart.show(call.features, at);
    this.#links(part, call);
  }

  #links(part, { id, audio }) {
    const lead = (link, href) => Object.assign(link, { href, hidden: false, onclick: (event) => openFile(event, href) });
    if (audio) lead(part("sound"), `${this.#path(id)}/audio`);
    lead(part("json"), this.#path(id)).target = "_blank";
    part("delete").onclick = () => this.#confirm(id, part("notice"));
  }

  #confirm(id, notice) {
    dialog.returnValue = "keep";
    dialog.onclose = () => dialog.returnValue === "delete" && this.#delete(id, notice);
    dialog.showModal();
  }

  async #delete(id, notice) {
    const answer = await ask(this.#path(id), { method: "DELETE" }).catch(() => null);
    if (answer?.ok) return this.onDeleted();
    const problem = (await answer?.json().catch(() => null)) ?? {};
    notice.textContent = problem.detail ?? "The server does not answer.";
  }
}

const facts = ({ began, ended, duration_s, state, origin, owner, language }) => [
  new Date(began).toLocaleString() + (ended ? ` to ${new Date(ended).toLocaleTimeString()}` : ""),
  ...(duration_s == null ? [] : [`${clock(duration_s)} of sound`]),
  state === "open" ? "goes on" : state,
  `${origin} of ${owner}`,
  ...(language ? [language] : []),
];

/** The decision that stands with its reasons, and those before it, the newest first. */
const showDecisions = (place, decisions) => {
  const last = decisions.at(-1);
  if (!last) return void element(place, "p", "Nothing was decided.", "quiet");
  const line = element(place, "p", "", "stands");
  element(line, "b", last.priority, `badge ${last.priority}`);
  element(line, "b", ` ${last.category}`);
  element(line, "span", ` at ${clock(last.at_s)}`, "quiet");
  const reasons = element(place, "ul", "", "reasons");
  for (const reason of last.reasons) showReason(reasons, reason, "");
  for (const reason of last.negated) showReason(reasons, reason, "not counted, negated: ");
  if (last.reasons.length === 0) element(reasons, "li", "No rule holds: this is the default.", "quiet");
  const before = decisions.slice(0, -1).toReversed().map(({ at_s, priority, category }) => `${priority} ${category} at ${clock(at_s)}`);
  if (before.length) element(place, "p", `Before: ${before.join(", ")}`, "quiet");
};

const showReason = (list, { rule, priority, category, raise, quote, feature, value, start_s }, kind) => {
  const item = element(list, "li", kind, kind ? "quiet" : "");
  if (quote) element(item, "q", quote);
  else element(item, "span", `${feature} ${value?.toFixed(2)}`);
  const effect = priority ? `${priority} ${category ?? ""}` : `${raise ?? 0} more urgent`;
  element(item, "span", ` ${clock(start_s)} → ${effect} (${rule})`, "quiet");
};

const showSegment = (list, { start_s, end_s, text }) => {
  const item = element(list, "li");
  element(item, "time", clock(start_s), "quiet").title = `${start_s.toFixed(2)} to ${end_s.toFixed(2)} s`;
  element(item, "span", text);
};
