// The table of models.

const cell = (row, text, className = "") => {
  const td = row.insertCell();
  [td.textContent, td.className] = [text, className];
};

export const showModels = (models) => {
  const body = document.getElementById("models");
  body.replaceChildren();
  for (const { name, state, failure, serving } of models) {
    const row = body.insertRow();
    cell(row, name);
    cell(row, failure ? `${state}: ${failure.code}` : state, state);
    cell(row, serving ? `${serving.engine} ${serving.engine_version}` : "");
    cell(row, serving?.precision ?? "");
    cell(row, serving ? `${(serving.memory_bytes / 1048576).toFixed(0)} MiB` : "", "number");
    cell(row, serving ? `${serving.warm_up.settled_run_ms.toFixed(1)} ms` : "", "number");
  }
};
