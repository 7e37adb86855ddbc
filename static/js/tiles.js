/** Canvases of vector tiles: what they draw, and what lies under a finger. */

import { BASEMAP, nameRules, source } from "./basemap.js";
import { config, signOf } from "./config.js";
import { labels, obstacles } from "./label.js";
import { paintArea, paintBoundary, paintCluster, paintLine, paintOutline, paintPoint } from "./paint.js";

/** @typedef {import("./config.js").Layer} Layer */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("protomaps-leaflet").Feature} Feature */
/** @typedef {import("protomaps-leaflet").PaintRule} PaintRule */
/** @typedef {import("protomaps-leaflet").LabelRule} LabelRule */
/** @typedef {{layer: Layer, properties: Record<string, any>}} Hit */

const LINE = 2; // protomaps' geometry types
const DEEPEST = 18; // tiles deeper than this are cut from those of this zoom
const GROUND_BRUSH_PX = 4;
const PATIENCE_MS = 3000; // what was drawn before goes away by then, whatever becomes of the new

const tiled = config.layers.filter((layer) => !layer.isLive);
export const GROUND = tiled.filter((layer) => !layer.isPoint);
export const POINTS = tiled.filter((layer) => layer.isPoint);

/**
 * What one pane shows. The ground lies below the zones; points and all names lie above them, so that names keep out of
 * each other's and of the markers' way. Tiles are 512 px wide: a view asks for few, and protomaps' store holds them all.
 */
export class Tiles {
  /**
   * @param {L.Map | null} map null where only its recipe is wanted
   * @param {string} pane
   * @param {Store} store
   * @param {Layer[]} painted in drawing order
   * @param {Layer[]} named
   */
  constructor(map, pane, store, painted, named) {
    this.map = /** @type {L.Map} */ (map);
    this.pane = pane;
    this.store = store;
    this.painted = painted;
    this.named = named;
    this.selected = "";
    this.shown = "";
    /** @type {any} */
    this.drawn = null;
    /** @type {any[]} */
    this.stale = [];
  }

  /**
   * Draw these layers, from the service's present state. What was drawn stays until the new is there.
   * @param {Set<string>} names
   */
  show(names) {
    this.shown = this.#listed(names);
    if (this.drawn) this.stale.push(this.drawn);
    const drawn = this.shown ? this.#grid(names) : null;
    this.drawn = drawn;
    drawn?.once("load", () => this.#dropStale(drawn)).addTo(this.map);
    setTimeout(() => this.#dropStale(drawn), drawn ? PATIENCE_MS : 0);
  }

  /**
   * Draw these layers, unless just these are drawn.
   * @param {Set<string>} names
   */
  update(names) {
    if (this.shown !== this.#listed(names)) this.show(names);
  }

  /**
   * Outline the feature with a code, and no other.
   * @param {string} code
   */
  select(code) {
    if (code === this.selected) return;
    this.selected = code;
    this.drawn?.rerenderTiles();
  }

  /**
   * What is drawn about a position, within so many pixels of it; areas only where they contain it.
   * @param {L.LatLng} at
   * @param {number} [brush]
   * @returns {Hit[]}
   */
  at(at, brush = GROUND_BRUSH_PX) {
    if (!this.drawn) return [];
    /** @type {Map<string, {layerName: string, feature: Feature}[]>} */
    const found = this.drawn.queryTileFeaturesDebug(at.lng, at.lat, brush);
    return [...found.values()].flat().flatMap(({ layerName, feature }) => {
      const layer = this.painted.find(({ name }) => name === layerName);
      return layer ? [{ layer, properties: feature.props }] : [];
    });
  }

  /** @param {Set<string>} names */
  #listed(names) {
    const shown = new Set([...this.painted, ...this.named]);
    const listed = [...shown].filter((layer) => names.has(layer.name)).map((layer) => layer.name);
    return (this.#namesGround(names) ? [...listed, BASEMAP] : listed).join();
  }

  /** Whether the base map's names are written here, where they keep out of the way of all others. @param {Set<string>} names */
  #namesGround(names) {
    return config.hasBasemap && this.named.length > 0 && names.has(BASEMAP);
  }

  /** @param {any} drawn */
  #dropStale(drawn) {
    if (drawn === this.drawn) for (const former of this.stale.splice(0)) former.remove();
  }

  /** @param {Set<string>} names */
  #grid(names) {
    /** @type {any} */
    const layer = protomapsL.leafletLayer({ pane: this.pane, attribution: "", ...this.recipe(names) });
    return layer;
  }

  /**
   * Where the tiles of these layers come from, and how they are painted and named: on the screen and on paper alike.
   * @param {Set<string>} names
   */
  recipe(names) {
    const painted = this.painted.filter((layer) => names.has(layer.name));
    const named = this.named.filter((layer) => names.has(layer.name));
    return {
      sources: { ...this.#sources(new Set([...painted, ...named])), ...(this.#namesGround(names) ? source(this.store) : {}) },
      paintRules: [...painted.flatMap((each) => this.#rules(each)), ...painted.flatMap((each) => this.#outline(each))],
      labelRules: [...labelRules(named), ...(this.#namesGround(names) ? nameRules() : [])],
    };
  }

  /** One source for the ground and one for the points, as far as they are wanted. @param {Set<Layer>} wanted */
  #sources(wanted) {
    /** @type {Record<string, {url: any, maxDataZoom: number}>} */
    const sources = {};
    for (const group of [GROUND, POINTS]) {
      const names = group.filter((layer) => wanted.has(layer)).map((layer) => layer.name);
      if (names.length) sources[sourceOf(group[0])] = { url: this.store.source(names), maxDataZoom: DEEPEST };
    }
    return sources;
  }

  /** @param {Layer} layer @returns {PaintRule[]} */
  #rules(layer) {
    return layer.isPoint ? [true, false].map((isOff) => this.#points(layer, isOff)) : areaRules(layer);
  }

  /** Points that are off lie under those that are on. @param {Layer} layer @param {boolean} isOff @returns {PaintRule} */
  #points(layer, isOff) {
    const draw = rule(layer, (ctx, geom, zoom, { props }) => {
      if (props.point_count) paintCluster(ctx, geom[0][0], Number(props.point_count), layer.signs[0]);
      else paintPoint(ctx, geom[0][0], signOf(layer, props), zoom, props.code === this.selected);
    });
    return { ...draw, filter: (_zoom, { props }) => signOf(layer, props).outlined === isOff };
  }

  /** @param {Layer} layer @returns {PaintRule[]} */
  #outline(layer) {
    if (layer.isPoint) return [];
    const outline = rule(layer, (ctx, geom, _zoom, { props }) => paintOutline(ctx, geom, signOf(layer, props)));
    return [{ ...outline, filter: (_zoom, { props }) => props.code === this.selected }];
  }
}

/** @param {Layer} layer */
function sourceOf(layer) {
  return layer.isPoint ? "points" : "ground";
}

/** @param {Layer} layer @param {import("protomaps-leaflet").PaintSymbolizer["draw"]} draw @returns {PaintRule} */
function rule(layer, draw) {
  return { dataSource: sourceOf(layer), dataLayer: layer.name, symbolizer: { draw } };
}

/**
 * What draws a layer of areas or lines: edges first, so that the crossings of streets stay open.
 * @param {Layer} layer
 * @returns {PaintRule[]}
 */
function areaRules(layer) {
  /** @type {Set<string>} */
  const seen = new Set();
  const under = rule(layer, (ctx, geom, zoom, feature) => {
    const sign = signOf(layer, feature.props);
    if (feature.geomType === LINE) paintLine(ctx, geom, sign, zoom, true);
    else if (sign.dash.length && sign.fill === "transparent") paintBoundary(ctx, geom, sign, seen);
    else paintArea(ctx, geom, sign);
  });
  const over = rule(layer, (ctx, geom, zoom, feature) => {
    if (feature.geomType === LINE) paintLine(ctx, geom, signOf(layer, feature.props), zoom, false);
  });
  under.symbolizer.before = () => seen.clear();
  return [under, over];
}

/** Room for markers first, then names, those of the widest areas before others. @param {Layer[]} named @returns {LabelRule[]} */
function labelRules(named) {
  const kept = named.filter((layer) => layer.isPoint).map((layer) => labelRule(layer, obstacles(layer)));
  const written = named.filter((layer) => layer.label).sort((a, b) => a.labelZoom - b.labelZoom);
  return [...kept, ...written.map((layer) => ({ ...labelRule(layer, labels(layer)), minzoom: layer.labelZoom }))];
}

/** @param {Layer} layer @param {import("protomaps-leaflet").LabelSymbolizer} symbolizer @returns {LabelRule} */
function labelRule(layer, symbolizer) {
  return { dataSource: sourceOf(layer), dataLayer: layer.name, symbolizer };
}
