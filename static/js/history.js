/** The history of a thing: who changed what when, its former outlines on the map, and the way back to any version. */

import { pathOf, restore } from "./change.js";
import { config, text } from "./config.js";
import { element, icon } from "./element.js";
import { notice } from "./notice.js";
import { getJson } from "./request.js";
import { dayAndClock } from "./words.js";

/** @typedef {import("./address.js").Selection} Selection */
/** @typedef {{column: string, title: string, before: any, after: any}} Change */
/**
 * @typedef {{version: number, changed_at: string, until: string | null, changed_by: string, source: string | null,
 *   is_retired: boolean, moved: boolean, geometry: any, changes: Change[]}} Version
 */

const BEFORE = { color: "#7a3e00", weight: 3, dashArray: "8 6", fill: false };
const AFTER = { color: "#0b5c6b", weight: 3, fillColor: "#0b5c6b", fillOpacity: 0.12 };

export class History {
  /**
   * @param {L.Map} map
   * @param {{onRestored: (selection: Selection, notes: string[]) => void}} events
   */
  constructor(map, events) {
    this.map = map;
    this.events = events;
    this.outlines = L.layerGroup().addTo(map);
  }

  clear() {
    this.outlines.clearLayers();
  }

  /** @param {HTMLElement} body @param {Selection} selection */
  async show(body, selection) {
    body.replaceChildren(element("p", { class: "panel-waiting", role: "status" }, text("asking")));
    try {
      const { items } = await getJson(`${pathOf(selection.layer, selection.code)}/versions`, { lang: config.language });
      body.replaceChildren(element("ol", { class: "versions" }, ...items.map((/** @type {Version} */ one, /** @type {number} */ i) => this.#row(selection, one, items[i + 1], items[0]))));
    } catch (reason) {
      body.replaceChildren(element("p", { class: "panel-trouble", role: "alert" }, /** @type {Error} */ (reason).message));
    }
  }

  /** @param {Selection} selection @param {Version} one @param {Version | undefined} before @param {Version} latest */
  #row(selection, one, before, latest) {
    const when = dayAndClock(new Date(one.changed_at));
    const head = element("p", { class: "version-head" }, element("b", {}, text("versionOf", { n: one.version })), ` · ${when} · ${one.changed_by}`);
    const parts = [head, ...sentences(one, before, latest), ...table(one.changes)];
    const buttons = element("div", { class: "version-buttons" });
    if (one.geometry) buttons.append(this.#button("map", text(one.moved ? "showMove" : "showPlace"), () => this.#compare(one, before)));
    const mayEdit = config.layers.find(({ name }) => name === selection.layer)?.mayEdit;
    if (mayEdit && one !== latest && !one.is_retired) buttons.append(this.#button("refresh", text("restoreThis"), () => this.#restore(selection, latest, one)));
    return element("li", { "data-version": String(one.version) }, ...parts, buttons);
  }

  /** @param {string} sign @param {string} words @param {() => void} run */
  #button(sign, words, run) {
    const made = element("button", { class: "button", type: "button" }, icon(sign), words);
    made.addEventListener("click", run);
    return made;
  }

  /** Draw where it stood before, dashed, and after, solid. @param {Version} after @param {Version | undefined} before */
  #compare(after, before) {
    this.clear();
    const shapes = [];
    if (after.moved && before?.geometry) shapes.push(outline(before.geometry, BEFORE));
    shapes.push(outline(after.geometry, AFTER));
    for (const shape of shapes) shape.addTo(this.outlines);
    this.map.fitBounds(L.featureGroup(shapes).getBounds().pad(0.5), { maxZoom: 19 });
  }

  /** @param {Selection} selection @param {Version} latest @param {Version} wanted */
  async #restore({ layer, code }, latest, wanted) {
    const outcome = await restore(layer, code, latest.version, wanted.version);
    if (outcome.kind === "stored") this.events.onRestored({ layer, code: outcome.code }, outcome.notes);
    else notice("words" in outcome ? outcome.words : outcome.faults.map((fault) => (config.language === "zh" ? fault.detail_zh : fault.detail)).join(" "));
  }
}

/** @param {any} geometry @param {L.PathOptions} style */
export function outline(geometry, style) {
  return L.geoJSON(geometry, {
    style,
    interactive: false,
    pointToLayer: (_, at) => L.circleMarker(at, { ...style, radius: 12 }),
  });
}

/** @param {Version} one @param {Version | undefined} before @param {Version} latest */
function sentences(one, before, latest) {
  const words = [];
  if (!before) words.push(text("made"));
  if (one.is_retired) words.push(text("wasRetired"));
  if (before?.is_retired && !one.is_retired) words.push(text("cameBack"));
  if (one.moved) words.push(text("wasMoved"));
  if (one === latest) words.push(text("present"));
  return words.length ? [element("p", { class: "meta" }, words.join(" · "))] : [];
}

/** @param {Change[]} changes */
function table(changes) {
  if (!changes.length) return [];
  const rows = changes.map(({ title, before, after }) => element("tr", {}, element("th", { scope: "row" }, title), element("td", { class: "was" }, shown(before)), element("td", {}, shown(after))));
  return [element("table", { class: "version-changes" }, element("tbody", {}, ...rows))];
}

/** @param {any} value */
function shown(value) {
  return value === null || value === undefined || value === "" ? "—" : String(value);
}
