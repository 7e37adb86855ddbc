/** Legend swatches: a sign drawn small, by the same code that draws it on the map. */

import { paintArea, paintLine, paintPoint } from "./paint.js";
import { config } from "./config.js";
import { element } from "./element.js";

/** @typedef {import("./config.js").Sign} Sign */

const WIDTH = 40;
const HEIGHT = 32;
const SHOWN_ZOOM = 17; // where signs have their full size
const MIDDLE = { x: WIDTH / 2, y: HEIGHT / 2 };

/**
 * Return a canvas with a sign as it is drawn on the map.
 * @param {Sign} sign
 * @param {"point" | "line" | "polygon"} geometry
 * @param {boolean} [isSketch] drawn dashed and empty, as a zone that is not in force
 */
export function swatch(sign, geometry, isSketch = false) {
  const scale = Math.max(window.devicePixelRatio, 2);
  const canvas = element("canvas", { class: "swatch", width: String(WIDTH * scale), height: String(HEIGHT * scale) });
  canvas.setAttribute("aria-hidden", "true");
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ctx.scale(scale, scale);
  paint(ctx, isSketch ? { ...sign, fill: "transparent", dash: [6, 4], width: 2 } : sign, geometry);
  return canvas;
}

/**
 * Put into a place the sign that it asks for by layer/value.
 * @param {HTMLElement} place
 * @param {string} asked
 */
export function drawSign(place, asked) {
  const [name, value] = asked.split("/");
  const layer = config.layers.find((known) => known.name === name);
  const sign = layer?.signs.find((known) => known.value === value);
  if (!layer || !sign) return;
  place.style.setProperty("--zone", sign.stroke);
  place.prepend(swatch(sign, layer.isPoint ? "point" : "polygon"));
}

/** @param {CanvasRenderingContext2D} ctx @param {Sign} sign @param {"point" | "line" | "polygon"} geometry */
function paint(ctx, sign, geometry) {
  if (geometry === "point") return paintPoint(ctx, MIDDLE, sign, SHOWN_ZOOM);
  if (geometry === "polygon") return paintArea(ctx, [corners(5)], sign);
  const line = [[{ x: 4, y: HEIGHT / 2 }, { x: WIDTH - 4, y: HEIGHT / 2 }]];
  paintLine(ctx, line, sign, SHOWN_ZOOM, true);
  return paintLine(ctx, line, sign, SHOWN_ZOOM, false);
}

/** @param {number} inset */
function corners(inset) {
  const [right, bottom] = [WIDTH - inset, HEIGHT - inset];
  const start = { x: inset, y: inset };
  return [start, { x: right, y: inset }, { x: right, y: bottom }, { x: inset, y: bottom }, start];
}
