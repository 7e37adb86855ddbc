/** Follows an import that a worker has in hand, and loads the page again when it is over. */

const STEP_MS = 500;
const shown = document.getElementById("progress");
if (shown) follow(shown);

/** @param {HTMLElement} shown */
async function follow(shown) {
  const stages = JSON.parse(shown.dataset.stages ?? "{}");
  const address = /** @type {string} */ (shown.dataset.state);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    try {
      const answer = await fetch(address);
      const told = answer.ok ? await answer.json() : { is_busy: false };
      if (!told.is_busy) return location.replace(location.href.split("#")[0]);
      /** @type {HTMLElement} */ (document.getElementById("stage")).textContent = stages[told.stage] ?? told.stage;
      /** @type {HTMLElement} */ (document.getElementById("rows")).textContent = told.rows ? told.rows.toLocaleString() : "";
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 4 * STEP_MS)); // the network comes back, or the page is left
    }
  }
}
