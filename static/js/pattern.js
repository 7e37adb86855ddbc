/** Pattern tiles: the same drawing fills canvas areas, zones (SVG) and legend swatches. */

const SHARPNESS = 2; // pattern tiles are drawn at twice their size for dense screens
const WASH = 0.1; // the even tint under a pattern; with its lines a quarter of the colour in all
const LINES = 0.48;
const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, {size: number, draw: (ctx: CanvasRenderingContext2D, size: number) => void}>} */
const PATTERNS = {
  "dense-diagonal": { size: 6, draw: (ctx, size) => diagonal(ctx, size, 1.4) },
  "wide-diagonal": { size: 14, draw: (ctx, size) => diagonal(ctx, size, 2) },
  dots: { size: 9, draw: dots },
};

/** @type {Map<string, HTMLCanvasElement>} */
const made = new Map();

/**
 * Return the tile of a pattern in a colour, at twice its size.
 * @param {string} name
 * @param {string} colour
 */
export function patternTile(name, colour) {
  const key = `${name} ${colour}`;
  const found = made.get(key) ?? draw(PATTERNS[name] ?? PATTERNS.dots, colour);
  made.set(key, found);
  return found;
}

/**
 * Return a pattern as a canvas fill.
 * @param {CanvasRenderingContext2D} ctx
 * @param {string} name
 * @param {string} colour
 */
export function canvasPattern(ctx, name, colour) {
  const pattern = ctx.createPattern(patternTile(name, colour), "repeat");
  pattern?.setTransform(new DOMMatrix().scale(1 / SHARPNESS));
  return pattern ?? colour;
}

/**
 * Add an SVG pattern to the page, once, and return the fill that refers to it.
 * @param {string} name
 * @param {string} colour
 */
export function svgPattern(name, colour) {
  const id = `pattern-${name}-${colour.replace(/\W/g, "")}`;
  if (!document.getElementById(id)) defs().append(svgTile(id, patternTile(name, colour)));
  return `url(#${id})`;
}

/** @param {{size: number, draw: (ctx: CanvasRenderingContext2D, size: number) => void}} pattern @param {string} colour */
function draw(pattern, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = pattern.size * SHARPNESS;
  const ctx = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  ctx.scale(SHARPNESS, SHARPNESS);
  ctx.fillStyle = ctx.strokeStyle = colour;
  ctx.globalAlpha = WASH;
  ctx.fillRect(0, 0, pattern.size, pattern.size);
  ctx.globalAlpha = LINES;
  pattern.draw(ctx, pattern.size);
  return tile;
}

/** @param {CanvasRenderingContext2D} ctx @param {number} size @param {number} width */
function diagonal(ctx, size, width) {
  ctx.lineWidth = width;
  ctx.beginPath();
  for (const shift of [-size, 0, size]) {
    ctx.moveTo(shift - 1, size + 1);
    ctx.lineTo(shift + size + 1, -1);
  }
  ctx.stroke();
}

/** @param {CanvasRenderingContext2D} ctx @param {number} size */
function dots(ctx, size) {
  ctx.beginPath();
  ctx.arc(size / 2, size / 2, 1.6, 0, 2 * Math.PI);
  ctx.fill();
}

function defs() {
  const found = document.querySelector("svg.patterns");
  if (found) return found;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "patterns");
  svg.setAttribute("aria-hidden", "true");
  document.body.append(svg);
  return svg;
}

/** @param {string} id @param {HTMLCanvasElement} tile */
function svgTile(id, tile) {
  const size = tile.width / SHARPNESS;
  const pattern = document.createElementNS(SVG, "pattern");
  const image = document.createElementNS(SVG, "image");
  set(pattern, { id, width: size, height: size, patternUnits: "userSpaceOnUse" });
  set(image, { href: tile.toDataURL(), width: size, height: size });
  pattern.append(image);
  return pattern;
}

/** @param {Element} target @param {Record<string, string | number>} attributes */
function set(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, String(value));
}
