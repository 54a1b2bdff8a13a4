// Start runs through Airflow's own API, so that its rights and its audit log apply.
import { words } from "./words.js";

const mount = new URL(document.body.dataset.root, location.href);

const airflow = async (path, options = {}) => {
  const response = await fetch(new URL(`../api/v2/dags/${path}`, mount), options);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
};

// Make sure that a run would be carried out: one of a paused DAG would wait for ever. Needs the word "paused".
export const ready = async (dag) => {
  if ((await airflow(encodeURIComponent(dag))).is_paused) throw new Error(words("paused"));
};

// Start a run with parameters; returns what Airflow says about it.
export const start = (dag, conf) => airflow(`${encodeURIComponent(dag)}/dagRuns`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ logical_date: null, conf }),
});
