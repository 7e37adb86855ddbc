/** The legend of a sheet: what is on this sheet, and nothing else. */

import { config, text } from "./config.js";
import { element } from "./element.js";
import { RAMPS } from "./summary.js";
import { swatch } from "./swatch.js";

/** @typedef {import("./config.js").Layer} Layer */

export class Legend {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  /**
   * @param {import("./plate.js").Seen} seen
   * @param {any} areas
   * @param {Map<Layer, any[]>} zones
   */
  show(seen, areas, zones) {
    const layers = [...config.layers].reverse().filter((layer) => seen.has(layer.name));
    const rows = layers.flatMap((layer) => rowsOf(layer, seen.get(layer.name) ?? new Set(), zones));
    this.root.replaceChildren(...shadesOf(areas), ...rows);
    this.root.removeAttribute("data-dense");
    if (this.root.scrollHeight > this.root.clientHeight + 1 || this.root.scrollWidth > this.root.clientWidth + 1) this.root.dataset.dense = "";
  }
}

/** @param {Layer} layer @param {Set<string>} values @param {Map<Layer, any[]>} zones */
function rowsOf(layer, values, zones) {
  const signs = layer.signs.filter((sign) => values.has(sign.value));
  const kind = layer.isPoint ? "point" : layer.isLine ? "line" : "polygon";
  const isSketched = layer.isLive && (zones.get(layer) ?? []).some((zone) => !zone.properties.in_force);
  const rows = signs.map((sign) => row(swatch(sign, kind), signs.length === 1 && layer.signs.length === 1 ? layer.title : sign.title));
  if (isSketched) rows.push(row(swatch(layer.signs[0], "polygon", true), text("notInForce")));
  return layer.signs.length > 1 ? [element("li", { class: "legend-head" }, layer.title), ...rows] : rows;
}

/** @param {any} areas */
function shadesOf(areas) {
  if (!areas) return [];
  const ramp = RAMPS[areas.legend.length] ?? [];
  const rows = areas.legend.map((/** @type {string} */ words, /** @type {number} */ rank) => row(shade(ramp[rank]), words));
  const hasUnknown = areas.features.some((/** @type {any} */ area) => area.properties.class === null);
  return [element("li", { class: "legend-head" }, areas.figure), ...rows, ...(hasUnknown ? [row(shade(""), text("printUnknown"))] : [])];
}

/** @param {string} colour */
function shade(colour) {
  const box = element("span", { class: "shade" });
  if (colour) box.style.backgroundColor = colour;
  return box;
}

/** @param {HTMLElement} sign @param {string} words */
function row(sign, words) {
  return element("li", {}, sign, element("span", {}, words));
}
