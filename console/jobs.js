// Recorded videos: handed in here, followed while they are worked on, and where their results are.

import { element } from "./element.js";
import { ask as send, openFile, sign } from "./key.js";

const JOBS_MAX = 20;
const DETECTORS = ["yolo", "yolox"];
const FORMATS = ["jsonl", "csv", "parquet", "coco", "mot"];

const section = document.getElementById("recorded");
const rows = document.getElementById("jobs");
const notice = document.getElementById("job-notice");

let shown = "";
/** What was not taken of the videos that were chosen or dropped last. */
let refused = [];

const link = (parent, text, href) =>
  Object.assign(element(parent, "a", text), { href, target: "_blank", onclick: (event) => openFile(event, href) });

const tell = (text, className = "quiet") => {
  [notice.textContent, notice.className, notice.hidden] = [text, className, text === ""];
};

/** Asks for a change of one job, and tells what keeps it from being made. */
const ask = async (method, path) => {
  const answer = await send(path, { method });
  if (answer.ok) return showJobs();
  const problem = await answer.json().catch(() => ({}));
  tell(problem.detail ?? `the server answers ${answer.status}`, "failed");
};

const button = (parent, text, method, path) => {
  element(parent, "button", text).onclick = () => ask(method, path);
};

const showProgress = (cell, { state, progress, failure, attempts }) => {
  if (state === "running") {
    const bar = element(cell, "progress");
    if (progress.share != null) bar.value = progress.share;
  }
  // The total is told by the container and may be one off: it says nothing of a video that has been worked through.
  const total = progress.total == null || state === "done" ? "" : ` of ${progress.total}`;
  const frames = progress.done > 0 ? ` ${progress.done}${total} frames` : "";
  const again = attempts > 1 ? `, attempt ${attempts}` : "";
  element(cell, "span", failure && state !== "done" ? ` ${failure.code}: ${failure.detail}` : `${frames}${again}`);
};

const showLinks = (cell, { id, state, task }) => {
  const path = `v1/jobs/${id}`;
  if (state === "done") {
    if (task?.outputs.report) link(cell, "report", `${path}/files/report.html`);
    for (const format of FORMATS) link(cell, format, `${path}/result?format=${format}`);
  }
  if (state === "queued" || state === "running") button(cell, "cancel", "POST", `${path}/cancel`);
  if (state === "failed" || state === "cancelled") button(cell, "try again", "POST", `${path}/retry`);
  if (state !== "queued" && state !== "running") button(cell, "delete", "DELETE", path);
};

const showJob = (job) => {
  const row = rows.insertRow();
  element(row, "td", job.task?.name ?? job.id.slice(0, 8)).title = job.id;
  element(row, "td", job.task?.model ?? "");
  element(row, "td", job.cancel_asked && job.state === "running" ? "ending" : job.state, job.state);
  showProgress(element(row, "td"), job);
  showLinks(element(row, "td", "", "links"), job);
};

export const showJobs = async () => {
  const answer = await send(`v1/jobs?limit=${JOBS_MAX}`);
  section.hidden = !answer.ok;
  if (!answer.ok) return;
  const text = await answer.text();
  // A table that is made anew under a finger loses the press.
  if (text === shown) return;
  shown = text;
  const { data } = JSON.parse(text);
  rows.replaceChildren();
  data.forEach(showJob);
  document.getElementById("no-jobs").hidden = data.length > 0;
};

/** Sends a video along with what is to be done with it. */
const submit = (file) => {
  const form = new FormData();
  form.append("job", JSON.stringify({ model: document.getElementById("job-model").value || undefined, outputs: { report: true } }));
  form.append("file", file, file.name);
  const request = new XMLHttpRequest();
  const ended = (problem) => {
    if (problem) refused.push(`${file.name}: ${problem}`);
    tell(refused.join("; "), "failed");
  };
  request.upload.onprogress = ({ loaded, total }) => tell(`${file.name}: ${Math.round((100 * loaded) / total)} % sent`);
  request.onerror = () => ended("the server does not answer");
  request.onload = () => {
    const answer = JSON.parse(request.responseText || "{}");
    ended(request.status < 300 ? "" : (answer.detail ?? request.status));
    showJobs();
  };
  request.open("POST", "v1/jobs");
  sign(request);
  request.send(form);
};

const submitAll = (files) => {
  refused = [];
  [...files].forEach(submit);
};

/** Lets videos be chosen, or dropped anywhere: beside the table, the browser would leave the page to play them. */
export const takeVideos = () => {
  const input = document.getElementById("job-file");
  input.onchange = () => {
    submitAll(input.files);
    // The same file may be chosen again.
    input.value = "";
  };
  document.ondragover = (event) => event.preventDefault();
  document.ondrop = (event) => {
    event.preventDefault();
    submitAll(event.dataTransfer.files);
  };
};

/** The models that a video may be worked through with: those that look for objects. */
export const offerModels = (models) => {
  const select = document.getElementById("job-model");
  const names = models.filter(({ serving }) => !serving || DETECTORS.includes(serving.family)).map(({ name }) => name);
  if (names.join() === [...select.options].map(({ value }) => value).join()) return;
  select.replaceChildren(...names.map((name) => new Option(name)));
};
