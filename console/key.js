// The key of a server that asks for one: asked of whoever looks, kept until the tab is closed, sent in headers and never in an address.

const PLACE = "samovar.key";
/** A server that asks for no key gets none. */
const stored = () => sessionStorage.getItem(PLACE);
const headers = () => (stored() ? { authorization: `Bearer ${stored()}` } : {});

let asking = null;

/** Asks for the key once, however many requests were refused; null where nobody gives one. */
const prompted = () => {
  asking ??= new Promise((resolve) => {
    const dialog = document.createElement("dialog"), form = dialog.appendChild(document.createElement("form"));
    const label = form.appendChild(document.createElement("label")), input = document.createElement("input");
    form.method = "dialog";
    label.append("This server asks for a key. ", input);
    Object.assign(input, { type: "password", autocomplete: "off", required: true });
    form.appendChild(document.createElement("button")).textContent = "Use it";
    dialog.onclose = () => {
      const key = input.value.trim();
      dialog.remove();
      if (key) sessionStorage.setItem(PLACE, key);
      resolve(key || null);
    };
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
};

/** Like `fetch`, with the key; where the server wants one or another, it is asked for, and the request made again. */
export const ask = async (path, options = {}) => {
  const answer = await fetch(path, { ...options, headers: { ...options.headers, ...headers() } });
  if (answer.status !== 401) return answer;
  const tried = stored();
  if (tried && asking) {
    sessionStorage.removeItem(PLACE);
    asking = null;
  }
  return (await prompted()) ? fetch(path, { ...options, headers: { ...options.headers, ...headers() } }) : answer;
};

/** Puts the key on a request of the older kind. */
export const sign = (request) => {
  for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
};

/** The subprotocols of a WebSocket, which can have no headers. */
export const protocols = () => (stored() ? ["samovar", `samovar.key.${stored()}`] : []);

/** Opens what a link leads to: a link alone carries no key. Whether it could be opened. */
export const openFile = async (event, href) => {
  if (!stored()) return true;
  event.preventDefault();
  const answer = await ask(href);
  if (!answer.ok) return false;
  const address = URL.createObjectURL(await answer.blob());
  window.open(address, "_blank", "noopener");
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return true;
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const AGAIN_MS = 3000;

/** Follows Server-Sent Events for ever, going on after a break where it was; `EventSource` could carry no key. */
export const follow = async (path, told) => {
  for (let last = null; ; await pause(AGAIN_MS)) {
    try {
      const answer = await ask(path, last === null ? {} : { headers: { "last-event-id": last } });
      if (!answer.ok) continue;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = "", part = await reader.read(); !part.done; part = await reader.read()) {
        const blocks = (rest + part.value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split("\n").map((line) => line.match(/^(\w*): ?(.*)$/)?.slice(1) ?? ["", ""]));
          last = fields.id ?? last;
          if (fields.data) told(fields.event, fields.data);
        }
      }
    } catch (error) {
      console.error(error);
    }
  }
};
