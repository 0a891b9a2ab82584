// The console: streams with live pictures, what has happened, recorded videos, and the models. Plain, and fast enough for a wall of cameras.

import { Events } from "./events.js";
import { ask, openFile } from "./key.js";
import { offerModels, showJobs, takeVideos } from "./jobs.js";
import { showModels } from "./models.js";
import { StreamTile } from "./stream-tile.js";

/** Streams whose pictures are shown at the same time: more would cost the server pictures that nobody can watch. */
const TILES_MAX = 16;
const LOOK_MS = 2000;

const tiles = new Map();
const place = document.getElementById("streams");
const summary = document.getElementById("summary");

const read = async (path) => {
  const answer = await ask(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};

const showStreams = (streams) => {
  const shown = streams.slice(0, TILES_MAX), ids = new Set(shown.map(({ id }) => id));
  for (const [id, tile] of tiles) {
    if (!ids.has(id)) {
      tile.remove();
      tiles.delete(id);
    }
  }
  for (const stream of shown) {
    if (!tiles.has(stream.id)) tiles.set(stream.id, new StreamTile(stream.id, place));
    tiles.get(stream.id).describe(stream);
  }
  place.style.setProperty("--columns", Math.max(1, Math.ceil(Math.sqrt(tiles.size))));
  document.getElementById("no-streams").hidden = streams.length > 0;
};

const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

const summarise = (health, streams) => {
  const rate = streams.reduce((sum, { figures }) => sum + figures.fps, 0);
  const more = streams.length > TILES_MAX ? `, ${TILES_MAX} of them shown` : "";
  summary.textContent =
    `${health.status} · ${count(streams.length, "stream")}${more}, ${rate.toFixed(0)} frames/s · ` +
    `${(health.resident_bytes / 1048576).toFixed(0)} MiB · version ${health.version}`;
};

const look = async () => {
  try {
    const [health, { data: streams }] = await Promise.all([read("health"), read("v1/streams")]);
    showStreams(streams);
    showModels(health.models);
    offerModels(health.models);
    await showJobs();
    summarise(health, streams);
  } catch (error) {
    summary.textContent = "The server does not answer.";
    console.error(error);
  }
};

/** Pages that need a key where the server asks for one. */
for (const link of document.querySelectorAll("nav a[data-keyed]")) {
  link.onclick = async (event) => {
    if (!(await openFile(event, link.href))) summary.textContent = `This key may not see ${link.textContent}.`;
  };
}

new Events((id) => tiles.get(id)).listen();
takeVideos();
look();
setInterval(look, LOOK_MS);
