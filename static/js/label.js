/** Places names: in the middle of areas, along lines, under markers. */

import { FONT, MARKER_RADIUS, DOT_RADIUS } from "./paint.js";
import { signOf } from "./config.js";

/** @typedef {import("./config.js").Layer} Layer */
/** @typedef {import("./paint.js").Spot} Spot */
/** @typedef {import("protomaps-leaflet").Feature} Feature */
/** @typedef {import("protomaps-leaflet").Layout} Layout */
/** @typedef {import("protomaps-leaflet").LabelSymbolizer} LabelSymbolizer */

const LINE = 2; // protomaps' geometry types: 1 point, 2 line, 3 polygon
const HEIGHTS = [0.503, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9]; // where in an area its name is tried; not through a corner
const REPEAT_PX = 560; // the name of a large area, cut into tiles, is repeated no closer than this
const NAME_PX = 10; // half the height of a name
const MARKER_CORE = 8; // less than a marker: of two that overlap both count
const HALO = "rgba(255,255,255,.92)";
const INK = "#3a444c";

/**
 * Return what writes the names of a layer's features.
 * @param {Layer} layer
 * @returns {LabelSymbolizer}
 */
export function labels(layer) {
  const font = fontOf(layer);
  const along = new protomapsL.LineLabelSymbolizer({
    labelProps: [layer.label], font, fill: "#5b6770", stroke: HALO, width: 3,
    position: protomapsL.LineLabelPlacement.Center, repeatDistance: 320,
  });
  return {
    place(layout, geometry, feature) {
      const name = feature.props[layer.label];
      if (typeof name !== "string" || !name || feature.props.point_count) return undefined;
      if (feature.geomType === LINE) return along.place(layout, geometry, feature);
      const spots = layer.isPoint ? [below(geometry[0][0], layer, feature)] : inside(geometry);
      const tried = spots.map((at) => written(layout, at, name, String(feature.props.code), font, colourOf(layer, feature)));
      const free = tried.find((label) => !layout.index.bboxCollides(label.bboxes[0], Infinity));
      return free && [free];
    },
  };
}

/**
 * Return what keeps names off the markers of a layer.
 * @param {Layer} layer
 * @returns {LabelSymbolizer}
 */
export function obstacles(layer) {
  return {
    place(_layout, geometry, feature) {
      const { x, y } = geometry[0][0];
      const isMarker = signOf(layer, feature.props).icon || feature.props.point_count;
      const reach = isMarker ? MARKER_CORE : DOT_RADIUS;
      const box = { minX: x - reach, maxX: x + reach, minY: y - reach, maxY: y + reach };
      return [{ anchor: /** @type {any} */ (new Anchor(x, y)), bboxes: [box], draw: () => undefined }];
    },
  };
}

/**
 * Points well inside an area, the best first: in the middle of the longest stretch of a line across it.
 * @param {Spot[][]} rings
 * @returns {Spot[]}
 */
export function inside(rings) {
  const ys = rings.flat().map((spot) => spot.y);
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  return HEIGHTS.flatMap((share) => middleOf(rings, top + share * (bottom - top)) ?? []);
}

/** @param {Spot[][]} rings @param {number} y @returns {Spot | undefined} */
function middleOf(rings, y) {
  const crossings = rings.flatMap((ring) => crossingsOf(ring, y)).sort((a, b) => a - b);
  let [left, right] = [0, 0];
  for (let index = 0; index + 1 < crossings.length; index += 2) {
    const [from, to] = [crossings[index], crossings[index + 1]];
    if (to - from > right - left) [left, right] = [from, to];
  }
  return right > left ? { x: (left + right) / 2, y } : undefined;
}

/** @param {Spot[]} ring @param {number} y @returns {number[]} */
function crossingsOf(ring, y) {
  const found = [];
  for (let index = 1; index < ring.length; index++) {
    const [a, b] = [ring[index - 1], ring[index]];
    if (a.y > y !== b.y > y) found.push(a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x));
  }
  return found;
}

/** @param {Spot} at @param {Layer} layer @param {Feature} feature @returns {Spot} */
function below(at, layer, feature) {
  const radius = signOf(layer, feature.props).icon ? MARKER_RADIUS : DOT_RADIUS;
  return { x: at.x, y: at.y + radius + NAME_PX };
}

/**
 * @param {Layout} layout
 * @param {Spot} at
 * @param {string} name
 * @param {string} key
 * @param {string} font
 * @param {string} colour
 */
function written(layout, at, name, key, font, colour) {
  layout.scratch.font = font;
  const half = layout.scratch.measureText(name).width / 2 + 2;
  return {
    anchor: /** @type {any} */ (new Anchor(at.x, at.y)),
    bboxes: [{ minX: at.x - half, maxX: at.x + half, minY: at.y - NAME_PX + 1, maxY: at.y + NAME_PX - 1 }],
    draw: (/** @type {CanvasRenderingContext2D} */ ctx) => write(ctx, name, font, colour),
    deduplicationKey: key,
    deduplicationDistance: REPEAT_PX,
  };
}

/** A position with the one method protomaps asks of it. */
class Anchor {
  /** @param {number} x @param {number} y */
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }

  /** @param {Spot} other */
  dist(other) {
    return Math.hypot(this.x - other.x, this.y - other.y);
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {string} name @param {string} font @param {string} colour */
function write(ctx, name, font, colour) {
  ctx.globalAlpha = 1;
  ctx.font = font;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 4;
  ctx.strokeStyle = HALO;
  ctx.strokeText(name, 0, 0);
  ctx.fillStyle = colour;
  ctx.fillText(name, 0, 0);
}

/** The wider the area, the larger its name. @param {Layer} layer */
function fontOf(layer) {
  if (layer.labelZoom <= 13) return `bold 15px ${FONT}`;
  return layer.labelZoom <= 15 ? `600 13px ${FONT}` : `12px ${FONT}`;
}

/** A layer drawn as an outline names its features in its own colour. @param {Layer} layer @param {Feature} feature */
function colourOf(layer, feature) {
  const sign = signOf(layer, feature.props);
  return !layer.isPoint && sign.fill === "transparent" ? sign.stroke : INK;
}
