/** What was filled in and not saved yet: kept by the browser until it is saved or thrown away, also when a page closes. */

/** @typedef {{version: number | null, values: Record<string, any>, geometry: any}} Draft */

const PREFIX = "gridmap-draft ";

/** @param {string} layer @param {string | null} code */
function keyOf(layer, code) {
  return `${PREFIX}${layer}/${code ?? ""}`;
}

/** @param {string} layer @param {string | null} code @returns {Draft | null} */
export function read(layer, code) {
  const kept = sessionStorage.getItem(keyOf(layer, code));
  return kept === null ? null : JSON.parse(kept);
}

/** Keep a draft; one that says nothing is not kept. @param {string} layer @param {string | null} code @param {Draft} draft */
export function keep(layer, code, draft) {
  const isEmpty = Object.keys(draft.values).length === 0 && !draft.geometry;
  if (isEmpty) forget(layer, code);
  else sessionStorage.setItem(keyOf(layer, code), JSON.stringify(draft));
}

/** @param {string} layer @param {string | null} code */
export function forget(layer, code) {
  sessionStorage.removeItem(keyOf(layer, code));
}
