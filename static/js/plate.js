/** The map of a sheet on one canvas, at the print's resolution, by the same rules as on the screen. */

import { BASEMAP, paintRules, source } from "./basemap.js";
import { config, signOf, text } from "./config.js";
import { inside } from "./label.js";
import { FONT, SELECTED, paintArea } from "./paint.js";
import { originOf, worldOf } from "./paper.js";
import { EDGE, RAMPS } from "./summary.js";
import { GROUND, POINTS, Tiles } from "./tiles.js";
import { dayAndClock } from "./words.js";
import { isInForce } from "./zones.js";

/** @typedef {import("./paper.js").Frame} Frame */
/** @typedef {import("./config.js").Layer} Layer */
/** @typedef {{x: number, y: number}} Spot */
/** @typedef {{on: Set<string>, selected: string, zones: Map<Layer, GeoJSON.Feature[]>, areas: any, mark: string}} Content */
/** @typedef {Map<string, Set<string>>} Seen layer -> values of its `by` column that were drawn; what a legend has to explain */

const LAND = "#f3f1ec";
const MOST_LABELLED = 4096; // tiles: more than any sheet has
const CSS_DPI = 96;

/**
 * Draw a frame onto a canvas of so many dots per inch and return what a legend has to explain.
 * @param {HTMLCanvasElement} canvas
 * @param {Frame} frame
 * @param {number} dpi
 * @param {Content} content
 * @param {import("./store.js").Store} store
 * @returns {Promise<Seen>}
 */
export async function drawPlate(canvas, frame, dpi, content, store) {
  const ground = new Tiles(null, "", store, GROUND, []);
  const points = new Tiles(null, "", store, POINTS, [...GROUND, ...POINTS]);
  ground.selected = points.selected = content.selected;
  const recipes = [ground.recipe(content.on), points.recipe(content.on)];
  const under = content.on.has(BASEMAP) ? { sources: source(store), rules: paintRules() } : { sources: {}, rules: [] };
  const tiles = await fetched(frame, { ...under.sources, ...recipes[0].sources, ...recipes[1].sources });
  const sharp = dpi / CSS_DPI;
  canvas.width = Math.round(frame.width * sharp);
  canvas.height = Math.round(frame.height * sharp);
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ctx.setTransform(canvas.width / frame.width, 0, 0, canvas.height / frame.height, 0, 0);
  ctx.fillStyle = LAND;
  ctx.fillRect(0, 0, frame.width, frame.height);
  /** @type {Seen} */
  const seen = new Map();
  const plate = { ctx, frame, sharp, origin: originOf(frame), tiles, seen, selected: content.selected };
  for (const rule of [...under.rules, ...recipes[0].paintRules]) paintRule(plate, rule, true);
  drawAreas(plate, content.areas);
  for (const [layer, zones] of content.zones) for (const zone of zones) drawZone(plate, layer, zone);
  for (const rule of recipes[1].paintRules) paintRule(plate, rule, false);
  writeNames(plate, recipes[1].labelRules);
  for (const [layer, zones] of content.zones) for (const zone of zones) nameZone(plate, layer, zone);
  nameAreas(plate, content.areas);
  if (content.mark) markAll(plate, content.mark);
  return seen;
}

/** @typedef {{ctx: CanvasRenderingContext2D, frame: Frame, sharp: number, origin: Spot, tiles: Map<string, any[]>, seen: Seen, selected: string}} Plate */

/** @param {Frame} frame @param {Record<string, any>} sources @returns {Promise<Map<string, any[]>>} */
async function fetched(frame, sources) {
  const views = protomapsL.sourcesToViews({ sources });
  const { x, y } = originOf(frame);
  const box = { minX: x, minY: y, maxX: x + frame.width, maxY: y + frame.height };
  const found = await Promise.all([...views].map(async ([name, view]) => /** @type {const} */ ([name, await view.getBbox(frame.zoom, box)])));
  return new Map(found);
}

/**
 * Paint one rule's features: areas and lines within their own tile, so that none is painted twice; points whole, by the
 * tile they lie in.
 * @param {Plate} plate @param {any} rule @param {boolean} isClipped
 */
function paintRule(plate, rule, isClipped) {
  const { ctx, frame, origin, sharp } = plate;
  const name = rule.dataLayer;
  rule.symbolizer.before?.(ctx, frame.zoom);
  for (const tile of plate.tiles.get(rule.dataSource) ?? []) {
    const [left, top] = [tile.origin.x - origin.x, tile.origin.y - origin.y];
    ctx.save();
    if (isClipped) clipTo(ctx, sharp, left, top, tile.dim);
    ctx.translate(left, top);
    for (const feature of tile.data.get(name) ?? []) {
      const shape = feature.geom.map((/** @type {Spot[]} */ part) => part.map(({ x, y }) => ({ x: x * tile.scale, y: y * tile.scale })));
      if (!isClipped && !isIn(shape[0][0], tile.dim)) continue;
      if (rule.filter && !rule.filter(frame.zoom, feature)) continue;
      rule.symbolizer.draw(ctx, shape, frame.zoom, feature);
      if (rule.dataSource !== BASEMAP && touches(frame, shape.flat(), left, top)) noteSeen(plate.seen, name, feature.props);
    }
    ctx.restore();
  }
}

/** Cut at whole dots: neighbouring tiles meet without a seam. @param {CanvasRenderingContext2D} ctx @param {number} sharp @param {number} left @param {number} top @param {number} dim */
function clipTo(ctx, sharp, left, top, dim) {
  const dot = (/** @type {number} */ value) => Math.round(value * sharp) / sharp;
  ctx.beginPath();
  ctx.rect(dot(left), dot(top), dot(left + dim) - dot(left), dot(top + dim) - dot(top));
  ctx.clip();
}

/** @param {Spot} spot @param {number} dim */
function isIn({ x, y }, dim) {
  return x >= 0 && y >= 0 && x < dim && y < dim;
}

/** @param {Frame} frame @param {Spot[]} spots @param {number} left @param {number} top */
function touches(frame, spots, left, top) {
  let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of spots) {
    [west, east] = [Math.min(west, x), Math.max(east, x)];
    [north, south] = [Math.min(north, y), Math.max(south, y)];
  }
  return east + left > 0 && south + top > 0 && west + left < frame.width && north + top < frame.height;
}

/** @param {Seen} seen @param {string} name @param {Record<string, any>} properties */
function noteSeen(seen, name, properties) {
  const layer = config.layers.find((known) => known.name === name);
  if (!layer) return;
  const values = seen.get(name) ?? new Set();
  seen.set(name, values.add(signOf(layer, properties).value));
}

/** @param {Plate} plate @param {any[]} rules */
function writeNames({ ctx, frame, origin, tiles }, rules) {
  const labeler = new protomapsL.Labeler(frame.zoom, ctx, rules, MOST_LABELLED);
  labeler.add(/** @type {any} */ (tiles));
  const box = { minX: origin.x, minY: origin.y, maxX: origin.x + frame.width, maxY: origin.y + frame.height };
  for (const label of labeler.index.searchBbox(box, Infinity)) {
    ctx.save();
    ctx.translate(label.anchor.x - origin.x, label.anchor.y - origin.y);
    label.draw(ctx);
    ctx.restore();
  }
}

/** The rings of a polygon or of all parts of a multipolygon, on the plate. @param {Plate} plate @param {any} geometry @returns {Spot[][]} */
function ringsOf({ frame, origin }, geometry) {
  const place = worldOf(frame.zoom);
  const parts = geometry?.type === "Polygon" ? [geometry.coordinates] : geometry?.type === "MultiPolygon" ? geometry.coordinates : [];
  return parts.flat().map((/** @type {[number, number][]} */ ring) =>
    ring.map(([lon, lat]) => {
      const { x, y } = place(lon, lat);
      return { x: x - origin.x, y: y - origin.y };
    }));
}

/** @param {Plate} plate @param {Layer} layer @param {GeoJSON.Feature} zone */
function drawZone(plate, layer, zone) {
  const sign = signOf(layer, zone.properties ?? {});
  const rings = ringsOf(plate, zone.geometry);
  if (!rings.length || !touches(plate.frame, rings.flat(), 0, 0)) return;
  paintArea(plate.ctx, rings, isInForce(zone) ? sign : { ...sign, fill: "transparent", dash: [8, 6] });
  if (zone.properties?.code === plate.selected) paintArea(plate.ctx, rings, { ...sign, fill: "transparent", stroke: SELECTED, width: 3, dash: [] });
  noteSeen(plate.seen, layer.name, zone.properties ?? {});
}

/** @param {Plate} plate @param {Layer} layer @param {GeoJSON.Feature} zone */
function nameZone(plate, layer, zone) {
  const { name, ends_at: end } = zone.properties ?? {};
  const sign = signOf(layer, zone.properties ?? {});
  const [at] = inside(largest(ringsOf(plate, zone.geometry)));
  if (!at) return;
  const term = end ? text("until", { when: dayAndClock(new Date(end)) }) : text("openEnded");
  writeBox(plate.ctx, at, [String(name), `${sign.title} · ${isInForce(zone) ? term : text("notInForce")}`], sign.stroke);
}

/** @param {Spot[][]} rings @returns {Spot[][]} */
function largest(rings) {
  const width = (/** @type {Spot[]} */ ring) => Math.max(...ring.map(({ x }) => x)) - Math.min(...ring.map(({ x }) => x));
  return [...rings].sort((a, b) => width(b) - width(a)).slice(0, 1);
}

/** @param {Plate} plate @param {any} areas */
function drawAreas(plate, areas) {
  const ramp = RAMPS[areas?.legend?.length ?? 0];
  for (const { properties: part, geometry } of areas?.features ?? []) {
    const isKnown = part.class !== null && ramp;
    const sign = { fill: isKnown ? ramp[part.class] : "transparent", stroke: EDGE, width: 1, dash: isKnown ? [] : [6, 4], pattern: "" };
    paintArea(plate.ctx, ringsOf(plate, geometry), /** @type {any} */ (sign));
  }
}

/** @param {Plate} plate @param {any} areas */
function nameAreas(plate, areas) {
  /** @type {DOMRect[]} */
  const taken = [];
  for (const { properties: part, geometry } of areas?.features ?? []) {
    const [at] = inside(largest(ringsOf(plate, geometry)));
    const value = typeof part.value === "number" ? part.value.toLocaleString(config.language) : (part.value ?? "–");
    if (at) writeBox(plate.ctx, at, [String(part.name), String(value)], EDGE, taken);
  }
}

/**
 * Write lines on white about a spot; left out where another lies already.
 * @param {CanvasRenderingContext2D} ctx @param {Spot} at @param {string[]} lines @param {string} colour @param {DOMRect[]} [taken]
 */
function writeBox(ctx, at, lines, colour, taken = []) {
  const fonts = [`bold 12px ${FONT}`, `11px ${FONT}`];
  const widths = lines.map((line, index) => ((ctx.font = fonts[index]), ctx.measureText(line).width));
  const [width, height] = [Math.max(...widths) + 10, 15 * lines.length + 3];
  const box = new DOMRect(at.x - width / 2, at.y - height / 2, width, height);
  if (taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top)) return;
  taken.push(box);
  ctx.fillStyle = "rgba(255,255,255,.9)";
  ctx.fillRect(box.x, box.y, box.width, box.height);
  ctx.fillStyle = colour;
  ctx.fillRect(box.x, box.y, 2.5, box.height);
  ctx.fillStyle = "#1b2126";
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  lines.forEach((line, index) => {
    ctx.font = fonts[index];
    ctx.fillText(line, at.x + 1, box.y + 9 + 15 * index);
  });
}

/** Write who made the sheet all over it. @param {Plate} plate @param {string} words */
function markAll({ ctx, frame }, words) {
  ctx.save();
  ctx.font = `bold 20px ${FONT}`;
  ctx.fillStyle = "rgba(60,20,20,.16)";
  ctx.textAlign = "center";
  ctx.translate(frame.width / 2, frame.height / 2);
  ctx.rotate(-Math.PI / 7);
  const reach = Math.hypot(frame.width, frame.height) / 2;
  const [across, down] = [ctx.measureText(words).width + 80, 110];
  for (let row = -Math.ceil(reach / down); row * down < reach; row++) {
    for (let column = -Math.ceil(reach / across) - 1; column * across < reach; column++) {
      ctx.fillText(words, (column + (row % 2 ? 0.5 : 0)) * across, row * down);
    }
  }
  ctx.restore();
}
