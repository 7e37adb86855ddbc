/** The map beside the figures: the parts of a place shaded by one figure; a tap leads into the part. */

import { config } from "./config.js";
import { keepLink } from "./copy-link.js";
import { element } from "./element.js";
import { number } from "./words.js";

/** @typedef {{code: string, name: string, value: number | string | null, class: number | null, href: string}} Part */

export const RAMPS = /** @type {Record<number, string[]>} */ ({
  1: ["#0b5c6b"],
  2: ["#e6f2f4", "#0b5c6b"],
  3: ["#e6f2f4", "#74b3bf", "#0b5c6b"],
  4: ["#e6f2f4", "#b3d8de", "#36869a", "#0b5c6b"],
  5: ["#e6f2f4", "#b3d8de", "#74b3bf", "#36869a", "#0b5c6b"],
});
export const EDGE = "#46606a";
const MOST_NAMES = 60; // beyond it names cover each other

/**
 * Start the page on the map that Folium made.
 * @param {L.Map} map
 */
export async function start(map) {
  map.attributionControl.remove();
  keepLink();
  const answer = await fetch(/** @type {any} */ (config).areas, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const areas = await answer.json();
  if (!areas.features.length) return;
  const steps = document.querySelectorAll(".legend .swatch:not(.unknown)").length;
  const drawn = L.geoJSON(areas, {
    style: (feature) => styleOf(/** @type {Part} */ (feature?.properties), steps),
    onEachFeature: (feature, layer) => describe(feature.properties, /** @type {L.Path} */ (layer), areas.features.length),
  }).addTo(map);
  map.fitBounds(drawn.getBounds(), { animate: false, padding: [16, 16] });
}

/** @param {Part} part @param {number} steps @returns {L.PathOptions} */
function styleOf(part, steps) {
  if (part.class === null) return { color: EDGE, weight: 1, dashArray: "6 4", fillOpacity: 0 };
  return { color: EDGE, weight: 1, fillColor: RAMPS[steps][part.class], fillOpacity: 0.85 };
}

/** @param {Part} part @param {L.Path} layer @param {number} count */
function describe(part, layer, count) {
  const value = typeof part.value === "number" ? number(part.value) : (part.value ?? "–");
  const label = element("span", {}, part.name, element("b", {}, value));
  layer.bindTooltip(label, { permanent: count <= MOST_NAMES, direction: "center", className: "area-name" });
  const row = document.getElementById(`row-${part.code}`);
  layer.on("mouseover", () => row?.classList.add("is-meant"));
  layer.on("mouseout", () => row?.classList.remove("is-meant"));
  layer.on("click", () => location.assign(part.href));
}
