/** What the page tells its scripts: layers, first view, language and texts. It lies in the page as JSON. */

/**
 * How one kind of feature is drawn; `value` is the value of the layer's `by` column it stands for.
 * @typedef {{value: string, title: string, fill: string, stroke: string, width: number, dash: number[],
 *   pattern: string, icon: string, outlined: boolean}} Sign
 */

/**
 * @typedef {{name: string, title: string, isPoint: boolean, isLine: boolean, isLive: boolean, isOn: boolean, zoom: number,
 *   mayEdit: boolean, clusterZoom: number | null, by: string, label: string, labelZoom: number, signs: Sign[]}} Layer
 */

/**
 * `root` is where the service lies on its host; `bounds` are west, south, east, north of the register; `csrf` proves that
 * a change comes from this page; `tileSource` is where the operator's tiles lie on another host.
 * @typedef {{language: string, root: string, icons: string, now: string, csrf: string, findsPersons: boolean, draftsZones: boolean, hasBasemap: boolean, tileSource: string | null,
 *   bounds: [number, number, number, number] | null,
 *   layers: Layer[], texts: Record<string, string>}} Config
 */

const TILE_STEP = 1; // a tile of zoom z is 512 px wide and serves map zoom z + 1

/** @type {Config} */
export const config = read(JSON.parse(document.getElementById("gridmap-config")?.textContent ?? "{}"));

/** The service describes layers as its API does. @param {any} told @returns {Config} */
function read(told) {
  return { ...told, findsPersons: told.finds_persons, draftsZones: told.drafts_zones, hasBasemap: Boolean(told.has_basemap), tileSource: told.tile_source ?? null, layers: told.layers.map(layerOf) };
}

/** @param {any} told @returns {Layer} */
function layerOf({ name, title, geometry, style, signs, ...told }) {
  const zoom = told.min_zoom + TILE_STEP;
  const clusterZoom = told.cluster_zoom === null ? null : told.cluster_zoom + TILE_STEP;
  return {
    ...{ name, title, zoom, clusterZoom, signs, by: style.by, label: style.label, labelZoom: style.label_zoom },
    ...{ isPoint: told.is_point, isLine: geometry === "line", isLive: told.is_live, isOn: told.is_on, mayEdit: told.may_edit },
  };
}

/**
 * Return a text of the page in the reader's language, its {placeholders} filled.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function text(key, values = {}) {
  const found = config.texts[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * Return the sign of a feature: that of its value in the layer's `by` column, or the layer's first.
 * @param {Layer} layer
 * @param {Record<string, unknown>} properties
 */
export function signOf(layer, properties) {
  const value = layer.by ? String(properties[layer.by]) : "";
  return layer.signs.find((sign) => sign.value === value) ?? layer.signs[0];
}
