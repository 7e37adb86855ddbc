/** What the address holds: view, selection and layers, so that links, reload and the back button work. */

/**
 * `layers` is null when the address names none, `selection` when nothing is selected; `moment` is empty for now;
 * `drafts` says whether zones that are not in force are shown too.
 * @typedef {{layer: string, code: string}} Selection
 * @typedef {{view: {zoom: number, lat: number, lon: number} | null, selection: Selection | null,
 *   layers: string[] | null, moment: string, drafts: boolean}} State
 */

export const POSITION = "position"; // the layer of a selection that is a bare position; its code is lon,lat

const FURTHEST = { lon: 180, lat: 85 }; // degrees; the map ends there

/** @returns {State} */
export function read() {
  const parts = new URLSearchParams(location.hash.slice(1));
  return { view: viewOf(parts.get("map")), selection: selectionOf(parts.get("sel")), layers: parts.get("on")?.split(",") ?? null, moment: parts.get("at") ?? "", drafts: parts.get("drafts") === "1" };
}

/**
 * Return what an address holds of a state, behind its # on the map page and behind its ? on the sheet.
 * @param {State} state
 */
export function written({ view, selection, layers, moment, drafts }) {
  const parts = [
    view && `map=${view.zoom}/${view.lat.toFixed(5)}/${view.lon.toFixed(5)}`,
    selection && `sel=${selection.layer}/${encodeURIComponent(selection.code).replaceAll("%2C", ",")}`,
    layers && `on=${layers.join(",")}`,
    moment && `at=${encodeURIComponent(moment)}`,
    drafts && "drafts=1",
  ];
  return parts.filter(Boolean).join("&");
}

/**
 * Write the state; `isNew` makes an entry to come back to.
 * @param {State} state
 * @param {boolean} isNew
 */
export function write(state, isNew) {
  const address = `${location.pathname}${location.search}#${written(state)}`;
  if (isNew) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

/** @param {Selection | null} one @param {Selection | null} other */
export function isSame(one, other) {
  return one?.layer === other?.layer && one?.code === other?.code;
}

/**
 * Return the position that a selection's code names, or null when it names none.
 * @param {string} code lon,lat
 * @returns {{lon: number, lat: number} | null}
 */
export function positionOf(code) {
  const parts = code.split(",");
  const [lon, lat] = parts.map((part) => (part.trim() ? Number(part) : NaN));
  return parts.length === 2 && isOnMap(lon, lat) ? { lon, lat } : null;
}

/** @param {number} lon @param {number} lat */
function isOnMap(lon, lat) {
  return Math.abs(lon) <= FURTHEST.lon && Math.abs(lat) <= FURTHEST.lat;
}

/** @param {string | null} words */
function viewOf(words) {
  const [zoom, lat, lon] = (words ?? "").split("/").map(Number);
  return Number.isFinite(zoom) && isOnMap(lon, lat) ? { zoom, lat, lon } : null;
}

/** @param {string | null} words @returns {Selection | null} */
function selectionOf(words) {
  const [, layer, code] = /^([a-z_]+)\/(.+)$/.exec(words ?? "") ?? [];
  return layer ? { layer, code } : null;
}
