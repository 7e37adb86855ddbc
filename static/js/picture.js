/** A sheet as a picture: its boxes, texts and canvases painted once more at the dots per inch that are wanted. */

const METRES_PER_INCH = 0.0254;
const SIGNATURE_BYTES = 8;
const HEADER_BYTES = 25; // the first chunk of a PNG, with its length and check sum

/**
 * Return a sheet of paper as a PNG that knows its own resolution.
 * @param {HTMLElement} sheet
 * @param {{width: number, height: number}} size in dots
 * @param {number} dpi
 * @returns {Promise<Blob>}
 */
export async function pictureOf(sheet, { width, height }, dpi) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const from = sheet.getBoundingClientRect();
  ctx.setTransform(width / from.width, 0, 0, height / from.height, 0, 0);
  ctx.translate(-from.left, -from.top);
  ctx.fillStyle = "#ffffff";
  ctx.fillRect(from.left, from.top, from.width, from.height);
  paintBox(ctx, sheet);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("the picture is too large for this browser");
  return withResolution(/** @type {Blob} */ (blob), dpi);
}

/** @param {number} mm @param {number} dpi */
export function dotsOf(mm, dpi) {
  return Math.round((mm / 25.4) * dpi);
}

/** @param {CanvasRenderingContext2D} ctx @param {Element} element */
function paintBox(ctx, element) {
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden") return;
  const box = element.getBoundingClientRect();
  if (style.backgroundColor !== "rgba(0, 0, 0, 0)") fill(ctx, style.backgroundColor, box.left, box.top, box.width, box.height);
  if (element instanceof HTMLCanvasElement) ctx.drawImage(element, box.left, box.top, box.width, box.height);
  for (const child of element.childNodes) {
    if (child instanceof Element) paintBox(ctx, child);
    else if (child instanceof Text) paintText(ctx, child, style);
  }
  paintEdges(ctx, style, box);
}

/** @param {CanvasRenderingContext2D} ctx @param {CSSStyleDeclaration} style @param {DOMRect} box */
function paintEdges(ctx, style, { left, top, width, height }) {
  const edge = (/** @type {"Top" | "Right" | "Bottom" | "Left"} */ side) => (style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]));
  const [above, right, below, before] = /** @type {const} */ (["Top", "Right", "Bottom", "Left"]).map(edge);
  fill(ctx, style.borderTopColor, left, top, width, above);
  fill(ctx, style.borderBottomColor, left, top + height - below, width, below);
  fill(ctx, style.borderLeftColor, left, top, before, height);
  fill(ctx, style.borderRightColor, left + width - right, top, right, height);
}

/** @param {CanvasRenderingContext2D} ctx @param {string} colour @param {number} x @param {number} y @param {number} width @param {number} height */
function fill(ctx, colour, x, y, width, height) {
  if (width <= 0 || height <= 0) return;
  ctx.fillStyle = colour;
  ctx.fillRect(x, y, width, height);
}

/** Write a text where the page has it, line by line. @param {CanvasRenderingContext2D} ctx @param {Text} node @param {CSSStyleDeclaration} style */
function paintText(ctx, node, style) {
  if (!node.data.trim()) return;
  ctx.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  ctx.fillStyle = style.color;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = ctx.measureText("国");
  for (const { words, left, top, height } of linesOf(node)) ctx.fillText(words, left, top + (height - up - down) / 2 + up);
}

/** @param {Text} node @returns {{words: string, left: number, top: number, height: number}[]} */
function linesOf(node) {
  const range = document.createRange();
  /** @type {{words: string, left: number, top: number, height: number}[]} */
  const lines = [];
  let at = 0;
  for (const letter of node.data) {
    range.setStart(node, at);
    range.setEnd(node, (at += letter.length));
    const { left, top, height, width } = range.getBoundingClientRect();
    const last = lines.at(-1);
    if (last && Math.abs(last.top - top) < height / 2) last.words += letter.replace(/\s/, " ");
    else if (width && letter.trim()) lines.push({ words: letter, left, top, height });
  }
  return lines;
}

/** Put the chunk that tells dots per metre behind a PNG's header. @param {Blob} blob @param {number} dpi */
async function withResolution(blob, dpi) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const chunk = new DataView(new ArrayBuffer(21));
  const perMetre = Math.round(dpi / METRES_PER_INCH);
  chunk.setUint32(0, 9);
  [..."pHYs"].forEach((letter, index) => chunk.setUint8(4 + index, letter.charCodeAt(0)));
  chunk.setUint32(8, perMetre);
  chunk.setUint32(12, perMetre);
  chunk.setUint8(16, 1); // the unit is the metre
  chunk.setUint32(17, checkSum(new Uint8Array(chunk.buffer, 4, 13)));
  const head = SIGNATURE_BYTES + HEADER_BYTES;
  return new Blob([bytes.slice(0, head), chunk.buffer, bytes.slice(head)], { type: "image/png" });
}

/** CRC-32 as PNG has it (ISO 3309). @param {Uint8Array} bytes */
function checkSum(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

