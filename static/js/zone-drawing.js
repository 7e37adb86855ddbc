/** A zone while it is drawn, by mouse or finger: corner by corner, as a circle, or by tapping whole buildings. */

import { signOf, config } from "./config.js";
import { getJson } from "./request.js";

/** @typedef {import("./pick.js").Picker} Picker */
/** @typedef {"polygon" | "circle" | "building"} Tool */
/** @typedef {{geometry?: GeoJSON.Geometry, items?: string[]}} Scope */

const PANE = "drawing";
const HEIGHT = "460";
const CORNERS = 48; // of a circle
const EARTH_M = 6_378_137;

export class Drawing {
  /** @param {L.Map} map @param {Picker} picker @param {() => void} onChange */
  constructor(map, picker, onChange) {
    this.map = map;
    this.picker = picker;
    this.onChange = onChange;
    map.createPane(PANE).style.zIndex = HEIGHT;
    this.shapes = L.layerGroup();
    /** @type {Tool} */
    this.tool = "polygon";
    this.radiusM = 100;
    this.type = "lockdown";
    /** @type {L.LatLng[]} */
    this.corners = [];
    /** @type {Map<string, GeoJSON.Feature>} */
    this.buildings = new Map();
  }

  clear() {
    this.corners = [];
    this.buildings.clear();
    this.draw();
  }

  /** @param {Tool} tool */
  use(tool) {
    this.tool = tool;
    this.clear();
    this.onChange();
  }

  /** Take a tap on the map. @param {L.LatLng} at */
  async tap(at) {
    if (this.tool === "building") await this.#toggle(at);
    else if (this.tool === "circle") this.corners = [at];
    else this.corners.push(at);
    this.draw();
    this.onChange();
  }

  undo() {
    const last = [...this.buildings.keys()].pop();
    if (this.tool === "building" && last) this.buildings.delete(last);
    else this.corners.pop();
    this.draw();
    this.onChange();
  }

  /** What was drawn so far as the service takes it; null while it encloses nothing. @returns {Scope | null} */
  get scope() {
    if (this.tool === "building") return this.buildings.size ? { items: [...this.buildings.keys()] } : null;
    const ring = this.#ring();
    if (ring.length < 3) return null;
    const closed = [...ring, ring[0]].map(({ lng, lat }) => [round(lng), round(lat)]);
    return { geometry: { type: "Polygon", coordinates: [closed] } };
  }

  draw() {
    this.shapes.clearLayers();
    const style = { pane: PANE, interactive: false, ...this.#colours() };
    if (this.tool === "building") {
      for (const feature of this.buildings.values()) L.geoJSON(feature, /** @type {any} */ (style)).addTo(this.shapes);
    } else if (this.#ring().length > 2) {
      L.polygon(this.#ring(), style).addTo(this.shapes);
    } else if (this.corners.length > 1) {
      L.polyline(this.corners, style).addTo(this.shapes);
    }
    if (this.tool === "building") return;
    this.corners.forEach((corner, index) => this.#handle(corner, index).addTo(this.shapes));
  }

  /** A corner that can be drawn elsewhere. @param {L.LatLng} corner @param {number} index */
  #handle(corner, index) {
    const icon = L.divIcon({ className: "zone-corner", iconSize: [44, 44] });
    const made = L.marker(corner, { draggable: true, icon, pane: PANE, keyboard: false });
    made.on("dragend", () => {
      this.corners[index] = made.getLatLng();
      this.draw();
      this.onChange();
    });
    return made;
  }

  /** @param {L.LatLng} at */
  async #toggle(at) {
    const code = this.picker.building(at);
    if (!code || this.buildings.delete(code)) return;
    this.buildings.set(code, await getJson(`/api/v1/layers/building/features/${encodeURIComponent(code)}`));
  }

  /** @returns {L.LatLng[]} */
  #ring() {
    if (this.tool !== "circle") return this.corners;
    const [middle] = this.corners;
    return middle ? circle(middle, this.radiusM) : [];
  }

  #colours() {
    const layer = config.layers.find(({ name }) => name === "closure_zone");
    const sign = layer && signOf(layer, { type: this.type });
    return { color: sign?.stroke ?? "#c0392b", weight: 3, fillOpacity: 0.2 };
  }
}

/**
 * The corners of a circle on the sphere: good to a third of a percent, less than a finger is.
 * @param {L.LatLng} middle
 * @param {number} radiusM
 */
function circle(middle, radiusM) {
  const north = (radiusM / EARTH_M) * (180 / Math.PI);
  const east = north / Math.cos((middle.lat * Math.PI) / 180);
  return Array.from({ length: CORNERS }, (_, n) => {
    const turn = (2 * Math.PI * n) / CORNERS;
    return L.latLng(middle.lat + north * Math.sin(turn), middle.lng + east * Math.cos(turn));
  });
}

/** A tenth of a millimetre is enough. @param {number} degrees */
function round(degrees) {
  return Math.round(degrees * 1e9) / 1e9;
}
