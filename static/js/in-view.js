/** What is in view, as a list: the way to the map's things for keyboards and screen readers. */

import { text } from "./config.js";
import { element } from "./element.js";
import { getJson } from "./request.js";

/** @typedef {import("./config.js").Layer} Layer */
/** @typedef {import("./address.js").Selection} Selection */

const MOST = 50;

export class InView {
  /** @param {L.Map} map @param {(selection: Selection) => void} onPick */
  constructor(map, onPick) {
    this.map = map;
    this.onPick = onPick;
    /** @type {Map<Layer, HTMLDetailsElement>} */
    this.lists = new Map();
  }

  /** The list of a layer, folded; it is asked for when it is opened. @param {Layer} layer */
  listOf(layer) {
    const list = element("ul", { class: "in-view-list" });
    const made = element("details", { class: "in-view", "data-list": layer.name }, element("summary", {}, text("listInView")), list);
    made.addEventListener("toggle", () => made.open && this.#load(layer, list));
    this.lists.set(layer, made);
    return made;
  }

  /** Ask anew for the lists that are open: the map shows something else. */
  update() {
    for (const [layer, made] of this.lists) if (made.open) this.#load(layer, /** @type {HTMLElement} */ (made.querySelector("ul")));
  }

  /** @param {Layer} layer @param {HTMLElement} list */
  async #load(layer, list) {
    const bounds = this.map.getBounds();
    const bbox = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((side) => side.toFixed(6)).join(",");
    list.setAttribute("aria-busy", "true");
    try {
      const { features, links } = await getJson(`/api/v1/layers/${layer.name}/features`, { bbox, limit: MOST });
      const rows = features.map((/** @type {any} */ feature) => element("li", {}, this.#button(layer, feature.properties)));
      if (!rows.length) rows.push(element("li", { class: "meta" }, text("noneInView")));
      if (links?.length) rows.push(element("li", { class: "meta" }, text("moreInView", { n: MOST })));
      list.replaceChildren(...rows);
    } catch (reason) {
      list.replaceChildren(element("li", { role: "alert" }, /** @type {Error} */ (reason).message));
    }
    list.removeAttribute("aria-busy");
  }

  /** @param {Layer} layer @param {Record<string, any>} properties */
  #button(layer, properties) {
    const code = String(properties.code);
    const name = String(properties[layer.label] || properties.name || "");
    const sign = layer.signs.find(({ value }) => layer.by && value === String(properties[layer.by]));
    const more = [sign?.title ?? "", code].filter(Boolean).join(" · ");
    const button = element("button", { type: "button", class: "in-view-pick", "data-pick": `${layer.name}/${code}` }, ...(name ? [element("span", {}, name)] : []), element("small", {}, more));
    button.addEventListener("click", () => this.onPick({ layer: layer.name, code }));
    return button;
  }
}

