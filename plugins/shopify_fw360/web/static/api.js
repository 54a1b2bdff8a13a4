// Calls of the JSON API below the console's mount point.
const base = new URL(`${document.body.dataset.root}api/`, location.href);

// Return the decoded answer; throws an Error with what happened and the next step, and with the whole answer.
export const call = async (path, { method = "GET", body } = {}) => {
  const response = await fetch(new URL(path, base), {
    method,
    ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  const answer = await response.json().catch(() => ({ detail: `HTTP ${response.status}` }));
  if (!response.ok) {
    const message = answer.fix ? `${answer.detail} ${answer.fix}` : answer.detail;
    throw Object.assign(new Error(message), { answer });
  }
  return answer;
};
