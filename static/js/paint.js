/** Draws signs on a canvas: areas, lines, markers and clusters, on the map and in the legend alike. */

import { compact } from "./words.js";
import { canvasPattern } from "./pattern.js";

/** @typedef {import("./config.js").Sign} Sign */
/** @typedef {{x: number, y: number}} Spot */

export const FONT = '"PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", system-ui, sans-serif';
export const SELECTED = "#0b5c6b";
export const MARKER_RADIUS = 14;
const FAR_MARKER_RADIUS = 10;
const MARKER_ZOOM = 17; // markers have their full size from here on
export const DOT_RADIUS = 5;
const CASING = 1.5; // how much wider than its street a street's edge is drawn, on each side
const FULL_WIDTH_ZOOM = 17; // streets have the width of their sign here, and halve it every 1.5 zooms

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {Spot[][]} rings
 * @param {Sign} sign
 */
export function paintArea(ctx, rings, sign) {
  trace(ctx, rings);
  if (sign.fill !== "transparent") {
    ctx.fillStyle = sign.pattern ? canvasPattern(ctx, sign.pattern, sign.fill) : sign.fill;
    ctx.fill();
  }
  if (sign.stroke !== "transparent") strokeWith(ctx, sign.stroke, sign.width, sign.dash);
}

/**
 * Draw a dashed boundary. Neighbours share most of theirs: a stretch that `seen` holds is not drawn again, or the dashes
 * of one would fill the gaps of the other.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Spot[][]} rings
 * @param {Sign} sign
 * @param {Set<string>} seen
 */
export function paintBoundary(ctx, rings, sign, seen) {
  ctx.beginPath();
  for (const ring of rings) traceUnseen(ctx, ring, seen);
  strokeWith(ctx, sign.stroke, sign.width, sign.dash);
}

/**
 * Draw one pass of a street: its edge lies under all fillings, so that crossings stay open.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Spot[][]} lines
 * @param {Sign} sign
 * @param {number} zoom
 * @param {boolean} isEdge
 */
export function paintLine(ctx, lines, sign, zoom, isEdge) {
  const width = Math.max(1, sign.width * 2 ** ((zoom - FULL_WIDTH_ZOOM) / 1.5));
  trace(ctx, lines);
  ctx.lineCap = "round";
  strokeWith(ctx, isEdge ? sign.stroke : sign.fill, isEdge ? width + CASING : width, sign.dash);
}

/**
 * Draw the outline of what is selected, and tint what is more than an outline itself.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Spot[][]} rings
 * @param {Sign} sign
 */
export function paintOutline(ctx, rings, sign) {
  trace(ctx, rings);
  ctx.fillStyle = "rgba(11,92,107,.16)";
  if (sign.fill !== "transparent") ctx.fill();
  strokeWith(ctx, SELECTED, 3, []);
}

/**
 * Draw a point: a round marker with its pictogram, or a dot where the sign has none.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Spot} at
 * @param {Sign} sign
 * @param {number} zoom
 * @param {boolean} [isSelected]
 */
export function paintPoint(ctx, at, sign, zoom, isSelected = false) {
  const full = zoom < MARKER_ZOOM && !isSelected ? FAR_MARKER_RADIUS : MARKER_RADIUS;
  const radius = (sign.icon ? full : DOT_RADIUS) - 1;
  const edge = sign.stroke === "transparent" ? sign.fill : sign.stroke;
  if (isSelected) disc(ctx, at, radius + 2, "#ffbf00", SELECTED, 2.5);
  disc(ctx, at, radius, sign.outlined ? "#ffffff" : sign.fill, sign.outlined ? edge : "#ffffff", sign.outlined ? 2 : 1.5);
  if (sign.icon) write(ctx, at, sign.icon, sign.outlined ? edge : "#ffffff", `bold ${radius + 2}px ${FONT}`);
}

/**
 * Draw how many points there are about here.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Spot} at
 * @param {number} count
 * @param {Sign} sign
 */
export function paintCluster(ctx, at, count, sign) {
  const label = compact(count);
  disc(ctx, at, 15, "#ffffff", sign.fill, 2);
  disc(ctx, at, 11.5, sign.fill, "transparent", 0);
  write(ctx, at, label, "#ffffff", `bold ${label.length > 2 ? 11 : 13}px ${FONT}`);
}

/** @param {CanvasRenderingContext2D} ctx @param {Spot[][]} parts */
function trace(ctx, parts) {
  ctx.beginPath();
  for (const part of parts) part.forEach((spot, index) => (index ? ctx.lineTo(spot.x, spot.y) : ctx.moveTo(spot.x, spot.y)));
}

/** @param {CanvasRenderingContext2D} ctx @param {Spot[]} ring @param {Set<string>} seen */
function traceUnseen(ctx, ring, seen) {
  let isPenDown = false;
  for (let index = 1; index < ring.length; index++) {
    const [a, b] = [ring[index - 1], ring[index]];
    const key = [`${a.x} ${a.y}`, `${b.x} ${b.y}`].sort().join();
    const isNew = !seen.has(key);
    if (isNew && !isPenDown) ctx.moveTo(a.x, a.y);
    if (isNew) ctx.lineTo(b.x, b.y);
    isPenDown = isNew;
    seen.add(key);
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {string} colour @param {number} width @param {number[]} dash */
function strokeWith(ctx, colour, width, dash) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.lineJoin = "round";
  ctx.setLineDash(dash);
  ctx.stroke();
  ctx.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {Spot} at
 * @param {number} radius
 * @param {string} fill
 * @param {string} edge
 * @param {number} width
 */
function disc(ctx, at, radius, fill, edge, width) {
  ctx.beginPath();
  ctx.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = fill;
  ctx.fill();
  if (width) strokeWith(ctx, edge, width, []);
}

/** @param {CanvasRenderingContext2D} ctx @param {Spot} at @param {string} word @param {string} colour @param {string} font */
function write(ctx, at, word, colour, font) {
  ctx.font = font;
  ctx.fillStyle = colour;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(word, at.x, at.y + 1);
  ctx.textAlign = "start";
  ctx.textBaseline = "alphabetic";
}
