/** What lies under the layers: the service's own base map, quiet, and the operator's tiles of another host. */

import { config } from "./config.js";
import { FONT } from "./paint.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("protomaps-leaflet").PaintRule} PaintRule */
/** @typedef {import("protomaps-leaflet").LabelRule} LabelRule */
/** @typedef {import("protomaps-leaflet").Feature} Feature */

export const BASEMAP = "basemap"; // as the address and the legend call it
export const TILE_SOURCE = "tile_source";
const PANES = /** @type {Record<string, number>} */ ({ [TILE_SOURCE]: 150, [BASEMAP]: 170 }); // below Leaflet's tiles, where the layers' ground lies
const DEEPEST = 15; // tiles deeper than this are cut from those of this zoom
const DEEPEST_ELSEWHERE = 18;
const FULL_WIDTH_ZOOM = 17;
const LABELS = "label";
const GREENS = /** @type {Record<string, string>} */ ({ park: "#e2ebd6", wood: "#d9e5cc", pitch: "#dde9dc" });
const WATER = "#cbdfea";
const RAIL = "#b4b1ab";
const PATH = "#d3cdc0";
const CASING = "#dcd7cc";
const STREET = "#fdfdfb";
const WIDTHS = /** @type {Record<string, number>} */ ({ main: 11, minor: 7, path: 1.6, river: 8, canal: 6, rail: 2.4, metro: 1.8, tram: 1.2, tunnel: 1.4 });
const INK = /** @type {Record<string, string>} */ ({ water: "#3c6a86", green: "#4c6a3a" });
const LARGE = new Set(["city", "town", "borough"]);

/** The names of what is under the layers here, the uppermost first. */
export function underNames() {
  return [...(config.hasBasemap ? [BASEMAP] : []), ...(config.tileSource ? [TILE_SOURCE] : [])];
}

/** Which of it is shown unless a person says otherwise: the operator's tiles where there are some. */
export function usualUnder() {
  return underNames().slice(-1);
}

export class Under {
  /** @param {L.Map} map @param {Store} store */
  constructor(map, store) {
    this.map = map;
    this.store = store;
    /** @type {Map<string, any>} */
    this.drawn = new Map();
    for (const name of underNames()) {
      const pane = map.createPane(name);
      pane.style.zIndex = String(PANES[name]);
      pane.style.pointerEvents = "none";
    }
  }

  /** Draw what of it is on. @param {Set<string>} on */
  update(on) {
    for (const name of underNames()) {
      const drawn = this.drawn.get(name);
      if (on.has(name) && !drawn) this.drawn.set(name, this.#made(name).addTo(this.map));
      if (!on.has(name) && drawn) {
        drawn.remove();
        this.drawn.delete(name);
      }
    }
  }

  /** @param {string} name */
  #made(name) {
    if (name === TILE_SOURCE) return L.tileLayer(config.tileSource ?? "", { pane: name, maxNativeZoom: DEEPEST_ELSEWHERE, maxZoom: 22, attribution: "" });
    return protomapsL.leafletLayer(/** @type {any} */ ({ pane: name, attribution: "", sources: source(this.store), paintRules: paintRules(), labelRules: [] }));
  }
}

/** Where protomaps finds the base map. @param {Store} store @returns {Record<string, {url: any, maxDataZoom: number}>} */
export function source(store) {
  return { [BASEMAP]: { url: store.source([BASEMAP]), maxDataZoom: DEEPEST } };
}

/** What draws it, from below to above. @returns {PaintRule[]} */
export function paintRules() {
  const streets = ["path", "minor", "main"].map((kind) => of("street", kind, (ctx, geom, zoom) => line(ctx, geom, kind === "path" ? PATH : CASING, widthOf(kind, zoom) + (kind === "path" ? 0 : 1.5))));
  const fillings = ["minor", "main"].map((kind) => of("street", kind, (ctx, geom, zoom) => line(ctx, geom, STREET, widthOf(kind, zoom))));
  return [
    rule("green", (ctx, geom, _zoom, { props }) => fill(ctx, geom, GREENS[String(props.kind)] ?? GREENS.park)),
    rule("water", (ctx, geom, zoom, { geomType, props }) => {
      if (geomType === 3) fill(ctx, geom, WATER);
      else if (geomType === 2) line(ctx, geom, WATER, widthOf(String(props.kind), zoom));
    }),
    ...streets,
    ...fillings,
    rule("railway", (ctx, geom, zoom, { props }) => railway(ctx, geom, String(props.kind), zoom)),
  ];
}

/** Names of places and streets in the reader's language, after all names of the register. @returns {LabelRule[]} */
export function nameRules() {
  const rules = [...LARGE, "suburb", "quarter", "village", "neighbourhood", "island", "station", "water", "green", "hamlet", "square", "locality", "islet"];
  const points = rules.map((kind) => ({
    dataSource: BASEMAP, dataLayer: LABELS, filter: (/** @type {number} */ _zoom, /** @type {Feature} */ { props }) => props.kind === kind,
    symbolizer: new protomapsL.CenteredTextSymbolizer({
      labelProps: nameProps(), font: `${LARGE.has(kind) ? "14px" : "12px"} ${FONT}`, fill: INK[kind] ?? "#4f565c", stroke: "rgba(255,255,255,.85)", width: 2.5,
    }),
  }));
  const streets = {
    dataSource: BASEMAP, dataLayer: "street", minzoom: 16,
    symbolizer: new protomapsL.LineLabelSymbolizer({
      labelProps: nameProps(), font: `11.5px ${FONT}`, fill: "#6b6a64", stroke: "rgba(255,255,255,.85)", width: 2,
      position: protomapsL.LineLabelPlacement.Center, repeatDistance: 400,
    }),
  };
  return /** @type {any} */ ([...points, streets]);
}

function nameProps() {
  return config.language.startsWith("zh") ? ["name", "name_en"] : ["name_en", "name"];
}

/** @param {string} layer @param {PaintRule["symbolizer"]["draw"]} draw @returns {PaintRule} */
function rule(layer, draw) {
  return { dataSource: BASEMAP, dataLayer: layer, symbolizer: { draw } };
}

/** @param {string} layer @param {string} kind @param {PaintRule["symbolizer"]["draw"]} draw @returns {PaintRule} */
function of(layer, kind, draw) {
  return { ...rule(layer, draw), filter: (_zoom, { props }) => props.kind === kind };
}

/** @param {string} kind @param {number} zoom */
function widthOf(kind, zoom) {
  return Math.max(0.8, (WIDTHS[kind] ?? 1.6) * 2 ** ((zoom - FULL_WIDTH_ZOOM) / 1.6));
}

/** @param {CanvasRenderingContext2D} ctx @param {{x: number, y: number}[][]} parts @param {string} colour */
function fill(ctx, parts, colour) {
  trace(ctx, parts);
  ctx.fillStyle = colour;
  ctx.fill();
}

/** @param {CanvasRenderingContext2D} ctx @param {{x: number, y: number}[][]} parts @param {string} colour @param {number} width @param {number[]} [dash] */
function line(ctx, parts, colour, width, dash = []) {
  trace(ctx, parts);
  ctx.lineCap = dash.length ? "butt" : "round";
  ctx.lineJoin = "round";
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** A railway is a grey line with light sleepers; underground it is only dashed. @param {CanvasRenderingContext2D} ctx @param {{x: number, y: number}[][]} parts @param {string} kind @param {number} zoom */
function railway(ctx, parts, kind, zoom) {
  const width = widthOf(kind, zoom) + 0.6;
  if (kind === "tunnel") return line(ctx, parts, RAIL, width, [3, 4]);
  line(ctx, parts, RAIL, width);
  if (kind === "rail" && zoom >= 14) line(ctx, parts, "#f3f1ec", width - 1.2, [7, 7]);
}

/** @param {CanvasRenderingContext2D} ctx @param {{x: number, y: number}[][]} parts */
function trace(ctx, parts) {
  ctx.beginPath();
  for (const part of parts) part.forEach(({ x, y }, place) => (place ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
}
