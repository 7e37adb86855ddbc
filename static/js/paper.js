/** Paper: how much ground a frame of so many millimetres shows at a scale of 1:n, and where a place lies in it. */

const MM_PER_PX = 25.4 / 96; // what CSS calls a pixel
const EQUATOR_M = 6378137; // CGCS2000
const FLATTENING = 1 / 298.257222101;
const E2 = FLATTENING * (2 - FLATTENING);
const TILE_PX = 256; // the width of the world at zoom 0
const RADIAN = Math.PI / 180;

/** @typedef {{width: number, height: number, lon: number, lat: number, zoom: number, scale: number}} Frame width and height in CSS pixels */

/**
 * Metres on the ground along the parallel for one pixel of Web Mercator, on the ellipsoid.
 * @param {number} zoom @param {number} lat degrees
 */
export function metresPerPixel(zoom, lat) {
  const sine = Math.sin(lat * RADIAN);
  const radius = (EQUATOR_M / Math.sqrt(1 - E2 * sine * sine)) * Math.cos(lat * RADIAN);
  return (2 * Math.PI * radius) / (TILE_PX * 2 ** zoom);
}

/** The zoom, with its fraction, at which paper shows 1:n along the parallel. @param {number} scale @param {number} lat */
export function zoomOf(scale, lat) {
  return Math.log2((metresPerPixel(0, lat) * 1000) / (scale * MM_PER_PX));
}

/** The n of 1:n that a zoom means on paper. @param {number} zoom @param {number} lat */
export function scaleOf(zoom, lat) {
  return (metresPerPixel(zoom, lat) * 1000) / MM_PER_PX;
}

/**
 * @param {number} width @param {number} height CSS pixels
 * @param {{lon: number, lat: number}} middle @param {number} scale
 * @returns {Frame}
 */
export function frameOf(width, height, { lon, lat }, scale) {
  return { width, height, lon, lat, scale, zoom: zoomOf(scale, lat) };
}

/** Where a place lies in the world of a zoom, in pixels from its north-west corner. @param {number} zoom */
export function worldOf(zoom) {
  const size = TILE_PX * 2 ** zoom;
  return (/** @type {number} */ lon, /** @type {number} */ lat) => {
    const sine = Math.sin(lat * RADIAN);
    return { x: ((lon + 180) / 360) * size, y: (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * size };
  };
}

/** The frame's north-west corner in the world of its zoom. @param {Frame} frame */
export function originOf({ width, height, lon, lat, zoom }) {
  const middle = worldOf(zoom)(lon, lat);
  return { x: middle.x - width / 2, y: middle.y - height / 2 };
}

/** West, south, east, north of what a frame shows, degrees. @param {Frame} frame @returns {[number, number, number, number]} */
export function boundsOf(frame) {
  const { x, y } = originOf(frame);
  const size = TILE_PX * 2 ** frame.zoom;
  const lonAt = (/** @type {number} */ px) => (px / size) * 360 - 180;
  const latAt = (/** @type {number} */ px) => Math.atan(Math.sinh(Math.PI * (1 - (2 * px) / size))) / RADIAN;
  return [lonAt(x), latAt(y + frame.height), lonAt(x + frame.width), latAt(y)];
}

/**
 * The largest of some scales at which a frame shows all of some bounds, with a little room around.
 * @param {number} width @param {number} height CSS pixels
 * @param {[number, number, number, number]} bounds west, south, east, north
 * @param {number[]} scales from the largest (smallest n) to the smallest
 */
export function fitting(width, height, [west, south, east, north], scales) {
  const room = 1.04;
  const middle = { lon: (west + east) / 2, lat: latBetween(south, north) };
  const fits = scales.find((scale) => {
    const frame = frameOf(width, height, middle, scale);
    const place = worldOf(frame.zoom);
    const [a, b] = [place(west, north), place(east, south)];
    return (b.x - a.x) * room <= width && (b.y - a.y) * room <= height;
  });
  return { middle, scale: fits ?? scales[scales.length - 1] };
}

/** The latitude in the middle of two on the map. @param {number} south @param {number} north */
function latBetween(south, north) {
  const place = worldOf(0);
  const y = (place(0, south).y + place(0, north).y) / 2;
  return Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / TILE_PX))) / RADIAN;
}

/**
 * A round length for a scale bar, at most so many millimetres long on paper.
 * @param {number} scale @param {number} most millimetres
 * @returns {{metres: number, mm: number}}
 */
export function barOf(scale, most) {
  const longest = (most / 1000) * scale;
  const power = 10 ** Math.floor(Math.log10(longest));
  const metres = [5, 2, 1].map((step) => step * power).find((length) => length <= longest) ?? power;
  return { metres, mm: (metres / scale) * 1000 };
}
