/** The layers sheet, which is the legend too: one row a layer with its sign, name, count in view and switch. */

import { BASEMAP, underNames } from "./basemap.js";
import { config, text } from "./config.js";
import { element, icon, one } from "./element.js";
import { InView } from "./in-view.js";
import { getJson } from "./request.js";
import { Sheet } from "./sheet.js";
import { swatch } from "./swatch.js";
import { number } from "./words.js";

/** @typedef {import("./config.js").Layer} Layer */
/** @typedef {import("./config.js").Sign} Sign */

const REST_MS = 350;

export class LayersSheet {
  /**
   * @param {L.Map} map
   * @param {Set<string>} on names of the layers that are drawn; changed here
   * @param {{onChange: () => void, onDrafts: (shows: boolean) => void,
   *   onPick: (selection: import("./address.js").Selection) => void}} events
   */
  constructor(map, on, events) {
    this.map = map;
    this.on = on;
    this.events = events;
    this.timer = 0;
    this.pending = new AbortController();
    this.inView = new InView(map, (selection) => {
      this.sheet.close();
      events.onPick(selection);
    });
    this.sheet = new Sheet(one("#layers"), () => this.sheet.close());
    one("#layers .sheet-body").append(element("ul", { class: "layer-list" }, ...[...config.layers].reverse().map((layer) => this.#row(layer)), ...underNames().map((name) => this.#under(name))));
    map.on("moveend", () => this.#later());
  }

  toggle() {
    if (this.sheet.isOpen) return this.sheet.close();
    this.sheet.open("half");
    return this.#later();
  }

  /** Show the switches as the set of drawn layers says. @param {boolean} drafts whether what is not in force is shown */
  update(drafts) {
    for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("#layers input[data-layer]"))) {
      box.checked = this.on.has(box.dataset.layer ?? "");
    }
    const box = /** @type {HTMLInputElement | null} */ (document.querySelector("#layers input[data-drafts]"));
    if (box) box.checked = drafts;
  }

  /** @param {Layer} layer */
  #row(layer) {
    const single = layer.signs.length === 1;
    const count = element("span", { class: "layer-count", "data-count": layer.name });
    const box = switchOf(layer.title, this.on.has(layer.name), (isOn) => this.#set(layer.name, isOn));
    box.dataset.layer = layer.name;
    const head = element("label", { class: "layer-row" }, swatch(layer.signs[0], kindOf(layer)), element("span", { class: "layer-name" }, layer.title, count), box);
    return element("li", {}, head, ...(single ? [] : [this.#signs(layer)]), this.inView.listOf(layer));
  }

  /** What lies under the layers is switched here too. @param {string} name */
  #under(name) {
    const [title, about] = name === BASEMAP ? [text("basemap"), text("basemapHolds")] : [text("tileSource"), text("tileSourceWarns")];
    const box = switchOf(title, this.on.has(name), (isOn) => this.#set(name, isOn));
    box.dataset.layer = name;
    const words = element("span", { class: "layer-name" }, title, element("span", { class: "layer-count" }, about));
    return element("li", {}, element("label", { class: "layer-row" }, icon("layers"), words, box));
  }

  /** @param {Layer} layer */
  #signs(layer) {
    const rows = layer.signs.map((sign) => element("li", {}, swatch(sign, kindOf(layer)), sign.title));
    if (layer.isLive) rows.push(element("li", {}, this.#drafts(layer.signs[0])));
    return element("ul", { class: "sign-list" }, ...rows);
  }

  /** @param {Sign} sign */
  #drafts(sign) {
    const box = switchOf(text("showDrafts"), false, (isOn) => this.events.onDrafts(isOn));
    box.dataset.drafts = "";
    return element("label", { class: "layer-row" }, swatch(sign, "polygon", true), element("span", { class: "layer-name" }, text("showDrafts")), box);
  }

  /** @param {string} name @param {boolean} isOn */
  #set(name, isOn) {
    if (isOn) this.on.add(name);
    else this.on.delete(name);
    this.events.onChange();
  }

  #later() {
    clearTimeout(this.timer);
    if (this.sheet.isOpen) this.timer = setTimeout(() => this.#count(), REST_MS);
  }

  async #count() {
    this.inView.update();
    this.pending.abort();
    this.pending = new AbortController();
    const bounds = this.map.getBounds();
    const bbox = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((side) => side.toFixed(6)).join(",");
    try {
      const { items } = await getJson("/api/v1/layers/counts", { bbox }, this.pending.signal);
      for (const layer of config.layers) this.#write(layer, items[layer.name]);
    } catch {
      for (const layer of config.layers) this.#write(layer, undefined);
    }
  }

  /** @param {Layer} layer @param {{count: number, more: boolean} | undefined} counted */
  #write(layer, counted) {
    const words = counted ? [text("inView", { n: `${number(counted.count)}${counted.more ? "+" : ""}` })] : [];
    if (counted?.count && this.map.getZoom() < (layer.clusterZoom ?? layer.zoom)) words.push(text("closer"));
    one(`[data-count="${layer.name}"]`).textContent = words.join(" · ");
  }
}

/** @param {Layer} layer */
function kindOf(layer) {
  if (layer.isPoint) return "point";
  return layer.isLine ? "line" : "polygon";
}

/**
 * @param {string} title
 * @param {boolean} isOn
 * @param {(isOn: boolean) => void} onChange
 */
function switchOf(title, isOn, onChange) {
  const box = element("input", { type: "checkbox", role: "switch", class: "switch", "aria-label": title });
  box.checked = isOn;
  box.addEventListener("change", () => onChange(box.checked));
  return box;
}
