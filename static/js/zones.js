/** The live layers: closure zones, fetched whole and drawn with colour, pattern and label. */

import { config, signOf, text } from "./config.js";
import { element } from "./element.js";
import { inside } from "./label.js";
import { svgPattern } from "./pattern.js";
import { getJson } from "./request.js";
import { dayAndClock } from "./words.js";

/** @typedef {import("./config.js").Layer} Layer */

export const PANE = "zones";
const NAME_PX = 110; // about the width of a name
const FINE_ZOOM = 20; // in whose pixels the place of a name is found
const NO_FILL = { fill: false, dashArray: "8 6", opacity: 0.9 };

export class Zones {
  /**
   * @param {L.Map} map
   * @param {(reason: Error) => void} onTrouble
   */
  constructor(map, onTrouble) {
    this.map = map;
    map.on("zoomend", () => this.#fitNames());
    this.onTrouble = onTrouble;
    this.layers = config.layers.filter((layer) => layer.isLive);
    this.renderer = L.svg({ pane: PANE, padding: 0.3 });
    this.showsDrafts = false;
    /** @type {Map<string, GeoJSON.FeatureCollection>} */
    this.fetched = new Map();
    /** @type {Map<string, L.GeoJSON>} */
    this.drawn = new Map();
  }

  /**
   * Fetch these of the live layers again and draw them.
   * @param {Set<string>} names
   */
  async show(names) {
    await Promise.all(this.layers.map(async (layer) => {
      if (names.has(layer.name)) await this.#fetch(layer);
      this.#draw(layer, names.has(layer.name));
    }));
  }

  /**
   * Draw these of the live layers, as they were fetched; what never was is fetched now.
   * @param {Set<string>} names
   */
  update(names) {
    const isMissing = this.layers.some(({ name }) => names.has(name) && !this.fetched.has(name));
    if (isMissing) return this.show(names);
    for (const layer of this.layers) this.#draw(layer, names.has(layer.name));
    return undefined;
  }

  /**
   * Show or hide what is not in force: drafts, proposals, zones before their start.
   * @param {boolean} shows
   */
  setDrafts(shows) {
    this.showsDrafts = shows;
    for (const layer of this.layers) this.#draw(layer, this.drawn.has(layer.name));
  }

  /** @param {Layer} layer */
  async #fetch(layer) {
    try {
      this.fetched.set(layer.name, await getJson(`/api/v1/layers/${layer.name}/features`, { limit: 1000 }));
    } catch (reason) {
      this.onTrouble(/** @type {Error} */ (reason));
    }
  }

  /** @param {Layer} layer @param {boolean} isOn */
  #draw(layer, isOn) {
    this.drawn.get(layer.name)?.remove();
    this.drawn.delete(layer.name);
    const found = this.fetched.get(layer.name);
    if (isOn && found) this.drawn.set(layer.name, this.#shapes(layer, found).addTo(this.map));
    this.#fitNames();
  }

  /** Show a name only where its zone is wide enough to carry it. */
  #fitNames() {
    for (const group of this.drawn.values()) group.eachLayer((shape) => fitName(this.map, /** @type {L.Polygon} */ (shape)));
  }

  /** @param {Layer} layer @param {GeoJSON.FeatureCollection} found */
  #shapes(layer, found) {
    /** @type {any} */
    const options = {
      ...{ pane: PANE, renderer: this.renderer, interactive: false },
      filter: (/** @type {GeoJSON.Feature} */ zone) => isInForce(zone) || (this.showsDrafts && isPending(zone)),
      style: (/** @type {GeoJSON.Feature} */ zone) => styleOf(layer, zone),
      onEachFeature: (/** @type {GeoJSON.Feature} */ zone, /** @type {L.Layer} */ shape) => nameIt(layer, zone, shape),
    };
    return L.geoJSON(found, options);
  }
}

/** Whether a zone is in force. @param {GeoJSON.Feature} zone */
export function isInForce(zone) {
  return Boolean(zone.properties?.in_force);
}

/** Not yet in force, and not over. @param {GeoJSON.Feature} zone */
export function isPending(zone) {
  const { state, ends_at: end } = zone.properties ?? {};
  const isOpen = ["draft", "proposed", "approved", "active", "release_proposed"].includes(state);
  return isOpen && !(end && new Date(end) < new Date());
}

/** @param {Layer} layer @param {GeoJSON.Feature} zone @returns {L.PathOptions} */
function styleOf(layer, zone) {
  const sign = signOf(layer, zone.properties ?? {});
  const edge = { color: sign.stroke, weight: sign.width, lineJoin: /** @type {const} */ ("round") };
  if (!isInForce(zone)) return { ...edge, ...NO_FILL };
  const fillColor = sign.pattern ? svgPattern(sign.pattern, sign.fill) : sign.fill;
  return { ...edge, dashArray: sign.dash.join(" "), fillColor, fillOpacity: 1 };
}

/** @param {L.Map} map @param {L.Polygon} shape */
function fitName(map, shape) {
  const label = /** @type {HTMLElement | undefined} */ (shape.getTooltip()?.getContent());
  const part = largestPart(shape);
  if (!label || !part) return;
  const corners = L.latLngBounds(part);
  const width = map.latLngToLayerPoint(corners.getNorthEast()).x - map.latLngToLayerPoint(corners.getSouthWest()).x;
  const [middle] = inside([part.map((corner) => map.project(corner, FINE_ZOOM))]);
  if (middle) shape.getTooltip()?.setLatLng(map.unproject(L.point(middle.x, middle.y), FINE_ZOOM));
  const isSeen = width > NAME_PX && map.getZoom() >= Number(label.dataset.from);
  shape.getTooltip()?.getElement()?.toggleAttribute("hidden", !isSeen);
}

/** The ring around the largest part of a zone. @param {L.Polygon} shape @returns {L.LatLng[] | undefined} */
function largestPart(shape) {
  const parts = /** @type {L.LatLng[][][]} */ (shape.getLatLngs());
  const rings = parts.map((part) => part[0]).filter((ring) => Array.isArray(ring));
  return rings.sort((a, b) => sizeOf(b) - sizeOf(a))[0];
}

/** @param {L.LatLng[]} ring */
function sizeOf(ring) {
  const box = L.latLngBounds(ring);
  return (box.getEast() - box.getWest()) * (box.getNorth() - box.getSouth());
}

/** @param {Layer} layer @param {GeoJSON.Feature} zone @param {L.Layer} shape */
function nameIt(layer, zone, shape) {
  const { name, ends_at: end, in_force: inForce } = zone.properties ?? {};
  const sign = signOf(layer, zone.properties ?? {});
  const term = end ? text("until", { when: dayAndClock(new Date(end)) }) : text("openEnded");
  const label = element("span", { class: "zone-name" }, element("b", {}, String(name)), inForce ? term : text("notInForce"));
  label.style.setProperty("--zone", sign.stroke);
  const dressing = `zone-label${inForce ? "" : " is-sketch"}`;
  label.dataset.from = String(layer.labelZoom);
  shape.bindTooltip(label, { permanent: true, direction: "center", className: dressing, interactive: false });
}
