// The page of calls that are kept: found, listed, chosen. Calls that go on are brought up to date.

import { CallView } from "./call-view.js";
import { clock, element } from "./element.js";
import { ask } from "./key.js";

const LOOK_MS = 3000;
const TYPING_MS = 250;
/** Calls of one page of the list, and the most that the server tells at once. */
const [PAGE, LIMIT_MAX] = [50, 1000];

const main = document.querySelector("main");
const form = document.getElementById("search");
const list = document.getElementById("calls");
const none = document.getElementById("no-calls");
const more = document.getElementById("more");
const off = document.getElementById("off");
const summary = document.getElementById("summary");
const view = new CallView(document.getElementById("call"));

let limit = PAGE;
let shown = "";
/** Counts questions: an answer that comes behind that of a later one is passed over. */
let asked = 0;

const chosen = () => location.hash.slice(1);

const badge = (parent, priority) => element(parent, "b", priority ?? "–", `badge ${priority ?? ""}`);

const showCall = ({ id, began, duration_s, state, priority, category, label, opening }) => {
  const link = element(element(list, "li"), "a");
  link.href = `#${id}`;
  badge(link, priority);
  element(link, "span", category ?? "not judged", "category");
  element(link, "time", new Date(began).toLocaleString()).dateTime = began;
  element(link, "span", state === "ended" ? clock(duration_s) : state, `length ${state}`);
  element(link, "span", [label, opening].filter(Boolean).join(" · ") || "nothing was said", "opening");
};

const mark = () => {
  for (const link of list.querySelectorAll("a")) link.ariaCurrent = link.hash.slice(1) === chosen() ? "true" : null;
};

const showCalls = ({ data, next }) => {
  list.replaceChildren();
  data.forEach(showCall);
  none.hidden = data.length > 0;
  none.textContent = form.text.value || form.priority.value ? "No call fits." : "No call has been heard yet.";
  more.hidden = next === null || limit >= LIMIT_MAX;
  const open = data.filter(({ state }) => state === "open").length;
  const calls = `${next === null ? "" : "newest "}call${data.length === 1 ? "" : "s"}`;
  summary.textContent = `${data.length} ${calls}${open ? `, ${open} of them going on` : ""}`;
  mark();
};

/** What keeps the list from being shown. A server that keeps no calls has nothing else to show. */
const refused = ({ code, detail, cure }) => {
  const keepsNone = code === "calls_disabled";
  if (keepsNone) main.hidden = true;
  off.hidden = !keepsNone;
  summary.textContent = keepsNone ? "" : [detail, cure].filter(Boolean).join(": ");
  shown = "";
  list.replaceChildren();
  none.hidden = more.hidden = true;
};

const look = async () => {
  const number = ++asked;
  const query = new URLSearchParams({ limit });
  for (const name of ["text", "priority"]) if (form[name].value.trim()) query.set(name, form[name].value.trim());
  try {
    const answer = await ask(`v1/calls?${query}`);
    const text = await answer.text();
    if (number !== asked) return;
    if (!answer.ok) return refused(JSON.parse(text));
    [main.hidden, off.hidden] = [false, true];
    // A list that is made anew under a finger loses the press.
    if (text !== shown) showCalls(JSON.parse(text));
    shown = text;
  } catch (error) {
    summary.textContent = "The server does not answer.";
    shown = "";
    console.error(error);
  }
};

const choose = () => {
  document.body.classList.toggle("chosen", chosen() !== "");
  mark();
  if (chosen()) scrollTo(0, 0);
  view.show(chosen());
};

let typing = null;
form.oninput = () => {
  clearTimeout(typing);
  limit = PAGE;
  typing = setTimeout(look, TYPING_MS);
};
form.onsubmit = (event) => {
  event.preventDefault();
  look();
};
more.onclick = () => {
  limit = Math.min(limit + PAGE, LIMIT_MAX);
  look();
};
view.onDeleted = () => {
  location.hash = "";
  look();
};
window.onhashchange = choose;
setInterval(() => {
  if (document.hidden) return;
  look();
  view.renew();
}, LOOK_MS);
look().then(choose);
