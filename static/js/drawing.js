/** Drawing on the map with a finger: a point, a line or an area; snapping to what is near, undo, redo, cancel. */

import { pathOf } from "./change.js";
import { text } from "./config.js";
import { element, icon, one } from "./element.js";
import { outline } from "./history.js";
import { getJson } from "./request.js";

/** @typedef {"point" | "line" | "polygon"} Kind */
/** The parts of a shape: rings of areas without their closing corner. @typedef {L.LatLng[][][]} Parts */

const SNAP_PX = 14;
const LEAST = { point: 1, line: 2, polygon: 3 };
const LINE = { color: "#0b5c6b", weight: 3 };
const AREA = { ...LINE, fillColor: "#ffbf00", fillOpacity: 0.18 };
const FORMER = { color: "#7a3e00", weight: 3, dashArray: "8 6", fill: false };
const DIGITS = 8; // a millimetre
/** @type {L.PointTuple} */
const TOP_LEFT_PX = [32, 80];
const BUTTONS_PX = 88;
const TOOLS_PX = 180;

export class Drawing {
  /** @param {L.Map} map @param {() => {right: number}} covered how much of the map the open sheet covers, px */
  constructor(map, covered) {
    this.map = map;
    this.covered = covered;
    this.group = L.layerGroup().addTo(map);
    this.bar = one("#draw");
    /** @type {Kind} */
    this.kind = "point";
    /** @type {Parts} */
    this.parts = [];
    /** @type {Parts[]} */
    this.done = [];
    /** @type {Parts[]} */
    this.undone = [];
    /** @type {L.LatLng[]} */
    this.corners = [];
    this.isOn = false;
    /** @type {((drawn: object | null) => void) | null} */
    this.finish = null;
    this.onTap = (/** @type {L.LeafletMouseEvent} */ event) => this.#add(event.latlng);
    addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * Let a person draw; resolves with GeoJSON, or null when it was cancelled.
   * @param {Kind} kind
   * @param {any} known GeoJSON to begin with
   * @param {string} layer @param {string | null} code what is drawn, which does not snap to itself
   * @param {string} [hint] what to tap first
   * @returns {Promise<object | null>}
   */
  start(kind, known, layer, code, hint) {
    this.stop();
    this.kind = kind;
    this.begin = hint ?? text(kind === "point" ? "tapPoint" : "tapCorners");
    this.parts = known ? partsOf(known) : [[[]]];
    this.done = [];
    this.undone = [];
    this.isOn = true;
    this.map.on("click", this.onTap);
    this.#tools();
    this.#show();
    if (known) this.reveal(known);
    this.#learn(layer, code);
    return new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  /** Show the whole of a geometry beside the sheet, the map's buttons and the tools. @param {any} geometry */
  reveal(geometry) {
    const padding = { paddingTopLeft: TOP_LEFT_PX, paddingBottomRight: [this.covered().right + BUTTONS_PX, TOOLS_PX] };
    const options = /** @type {L.FitBoundsOptions} */ ({ ...padding, maxZoom: 19, animate: false });
    this.map.fitBounds(outline(geometry, LINE).getBounds().pad(0.1), options);
  }

  /** Stop without a result, and take what was drawn off the map. */
  stop() {
    this.isOn = false;
    this.map.off("click", this.onTap);
    this.group.clearLayers();
    this.bar.hidden = true;
    this.finish?.(null);
    this.finish = null;
  }

  /** Show what was drawn before. @param {any} geometry */
  outline(geometry) {
    this.group.clearLayers();
    outline(geometry, AREA).addTo(this.group);
  }

  /** Show what is stored, dashed, beside what was drawn. @param {any} stored @param {any} drawn */
  compare(stored, drawn) {
    this.outline(drawn);
    outline(stored, FORMER).addTo(this.group);
  }

  #tools() {
    const hint = element("p", { class: "draw-hint", role: "status" });
    const make = (/** @type {string} */ name, /** @type {string} */ sign, /** @type {() => void} */ run) => {
      const button = element("button", { class: "button", type: "button", "data-tool": name }, icon(sign), text(name));
      button.addEventListener("click", run);
      return button;
    };
    this.hint = hint;
    this.tools = {
      undo: make("undo", "undo", () => this.#step(this.done, this.undone)),
      redo: make("redo", "redo", () => this.#step(this.undone, this.done)),
      cancel: make("cancel", "close", () => this.stop()),
      finish: make("takePlace", "check", () => this.#take()),
    };
    this.tools.finish.classList.add("primary");
    this.bar.replaceChildren(hint, element("div", { class: "draw-tools" }, ...Object.values(this.tools)));
    this.bar.hidden = false;
    one("#notice").replaceChildren(); // it would lie under the tools
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.isOn) return;
    const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (event.key === "Escape") this.stop();
    else if (event.key === "Enter" && event.target === this.map.getContainer()) this.#add(this.map.getCenter());
    else if (isUndo && event.shiftKey) this.#step(this.undone, this.done);
    else if (isUndo) this.#step(this.done, this.undone);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Learn the corners nearby, to snap to. @param {string} layer @param {string | null} code */
  async #learn(layer, code) {
    this.corners = [];
    if (this.kind === "point") return;
    const bounds = this.map.getBounds();
    const bbox = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((side) => side.toFixed(6)).join(",");
    try {
      const { features } = await getJson(pathOf(layer), { bbox, limit: 300 });
      const others = features.filter((/** @type {any} */ feature) => feature.geometry && feature.id !== code);
      this.corners = others.flatMap((/** @type {any} */ feature) => partsOf(feature.geometry).flat(2));
    } catch {
      this.corners = []; // drawing goes on without
    }
  }

  /** @param {L.LatLng} at @returns {L.LatLng} */
  #snapped(at) {
    const from = this.map.latLngToContainerPoint(at);
    let best = at;
    let least = SNAP_PX;
    for (const corner of this.corners) {
      const away = from.distanceTo(this.map.latLngToContainerPoint(corner));
      if (away < least) [best, least] = [corner, away];
    }
    return best;
  }

  /** @param {L.LatLng} at */
  #add(at) {
    this.#change((parts) => {
      const open = parts[parts.length - 1][0];
      if (this.kind === "point") open.splice(0, open.length, at);
      else open.push(this.#snapped(at));
    });
  }

  /** @param {(parts: Parts) => void} act */
  #change(act) {
    this.done.push(copied(this.parts));
    this.undone = [];
    act(this.parts);
    this.#show();
  }

  /** @param {Parts[]} from @param {Parts[]} to */
  #step(from, to) {
    const former = from.pop();
    if (!former) return;
    to.push(copied(this.parts));
    this.parts = former;
    this.#show();
  }

  #take() {
    const drawn = this.#geojson();
    if (!drawn) return;
    const { finish } = this;
    this.finish = null;
    this.stop();
    this.outline(drawn);
    finish?.(drawn);
  }

  #geojson() {
    const parts = this.parts.filter((rings) => rings[0].length >= LEAST[this.kind]);
    if (!parts.length) return null;
    const spot = (/** @type {L.LatLng} */ at) => [Number(at.lng.toFixed(DIGITS)), Number(at.lat.toFixed(DIGITS))];
    if (this.kind === "point") return { type: "Point", coordinates: spot(parts[0][0][0]) };
    if (this.kind === "line") return { type: "LineString", coordinates: parts[0][0].map(spot) };
    const closed = parts.map((rings) => rings.map((ring) => [...ring, ring[0]].map(spot)));
    return closed.length === 1 ? { type: "Polygon", coordinates: closed[0] } : { type: "MultiPolygon", coordinates: closed };
  }

  #show() {
    this.group.clearLayers();
    for (const rings of this.parts) {
      if (this.kind === "polygon" && rings[0].length > 2) L.polygon(rings, { ...AREA, interactive: false }).addTo(this.group);
      else if (this.kind !== "point") L.polyline(rings, { ...LINE, interactive: false }).addTo(this.group);
      for (const ring of rings) this.#handles(ring);
    }
    this.#tellTools();
  }

  #tellTools() {
    if (!this.tools || !this.hint) return;
    const count = this.parts.flat(2).length;
    this.hint.textContent = count ? text(this.kind === "point" ? "dragPoint" : "dragCorners", { n: count }) : (this.begin ?? "");
    this.tools.undo.disabled = !this.done.length;
    this.tools.redo.disabled = !this.undone.length;
    this.tools.finish.disabled = !this.#geojson();
  }

  /** Corners to drag and, between them, places where a new one can be pulled out. @param {L.LatLng[]} ring */
  #handles(ring) {
    ring.forEach((at, i) => {
      const corner = this.#handle(at, "corner");
      corner.on("dragend", () => this.#change(() => ring.splice(i, 1, this.kind === "point" ? corner.getLatLng() : this.#snapped(corner.getLatLng()))));
      corner.on("contextmenu dblclick", () => ring.length > LEAST[this.kind] && this.#change(() => ring.splice(i, 1)));
    });
    if (this.kind === "point") return;
    const last = this.kind === "polygon" && ring.length > 2 ? ring.length : ring.length - 1;
    for (let i = 0; i < last; i += 1) {
      const next = ring[(i + 1) % ring.length];
      const middle = this.#handle(L.latLng((ring[i].lat + next.lat) / 2, (ring[i].lng + next.lng) / 2), "middle");
      middle.on("dragend", () => this.#change(() => ring.splice(i + 1, 0, this.#snapped(middle.getLatLng()))));
    }
  }

  /** @param {L.LatLng} at @param {string} kind */
  #handle(at, kind) {
    const sign = L.divIcon({ className: `draw-handle ${kind}`, iconSize: [44, 44] });
    return L.marker(at, { icon: sign, draggable: true, keyboard: false, zIndexOffset: kind === "corner" ? 100 : 0 }).addTo(this.group);
  }
}

/** @param {Parts} parts @returns {Parts} */
function copied(parts) {
  return parts.map((rings) => rings.map((ring) => [...ring]));
}

/** @param {any} geometry GeoJSON @returns {Parts} */
function partsOf({ type, coordinates }) {
  const spot = (/** @type {number[]} */ [lon, lat]) => L.latLng(lat, lon);
  const ring = (/** @type {any[]} */ positions) => positions.slice(0, -1).map(spot);
  if (type === "Point") return [[[spot(coordinates)]]];
  if (type === "LineString") return [[coordinates.map(spot)]];
  if (type === "MultiLineString") return coordinates.map((/** @type {any[]} */ line) => [line.map(spot)]);
  const areas = type === "Polygon" ? [coordinates] : coordinates;
  return areas.map((/** @type {any[]} */ rings) => rings.map(ring));
}
