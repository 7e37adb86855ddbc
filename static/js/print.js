/** The sheet of a map on paper: drawn at a true scale, put on record, then printed or saved as a picture. */

import { BASEMAP } from "./basemap.js";
import { config, text } from "./config.js";
import { element, one } from "./element.js";
import { Legend } from "./legend.js";
import { barOf, boundsOf, fitting, frameOf, scaleOf } from "./paper.js";
import { showMoment, shownMoment } from "./past.js";
import { dotsOf, pictureOf } from "./picture.js";
import { drawPlate } from "./plate.js";
import { answeredAt, getJson, postJson } from "./request.js";
import { Store } from "./store.js";
import { number, whenExactly } from "./words.js";
import { isInForce, isPending } from "./zones.js";

/** @typedef {import("./paper.js").Frame} Frame */
/** @typedef {{number: string, by: string, at: string, is_marked: boolean}} Stamp */

const PAPER_MM = /** @type {Record<string, [number, number]>} */ ({ a4: [210, 297], a3: [297, 420] });
const BAR_MM = 40;


/** @type {{paper: string, turn: string, scale: number | null, dpi: number, title: string, scales: number[], areas: string, theme: string, review_number: string, by: string}} */
const wish = /** @type {any} */ (config).print;
const asked = new URLSearchParams(location.search);
const sheet = one("#sheet");
const canvas = /** @type {HTMLCanvasElement} */ (one("#plate"));
const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-make]"));

/** What the sheet shows, as far as it had to be asked for. */
const content = {
  on: new Set(/** @type {string[]} */ ([])),
  selected: (asked.get("sel") ?? "").split("/")[1] ?? "",
  zones: /** @type {Map<any, any[]>} */ (new Map()),
  areas: /** @type {any} */ (null),
  mark: "",
};
const trouble = { said: "" };
const store = new Store((reason) => (trouble.said ||= reason.message));
let frame = /** @type {Frame | null} */ (null);

main();

async function main() {
  showMoment(asked.get("at") ?? "");
  content.on = new Set(layersOn());
  try {
    await fetchContent();
    frame = frameFor();
    await draw();
    say("");
    for (const button of buttons) button.disabled = false;
  } catch (reason) {
    say(trouble.said || /** @type {Error} */ (reason).message);
  }
  document.body.dataset.state = "drawn";
}

for (const button of buttons) button.addEventListener("click", () => make(/** @type {"print" | "png"} */ (button.dataset.make)));
addEventListener("afterprint", () => forgetStamp());

/** The names of the layers the address asks for and the reader may see; figures stand alone unless it names some. */
function layersOn() {
  const named = asked.get("on")?.split(",");
  const usual = wish.areas ? [] : [...config.layers.filter((layer) => layer.isOn).map((layer) => layer.name), ...(config.hasBasemap ? [BASEMAP] : [])];
  return (named ?? usual).filter((name) => (name === BASEMAP && config.hasBasemap) || config.layers.some((layer) => layer.name === name));
}

async function fetchContent() {
  if (wish.areas) content.areas = await getJson(wish.areas.slice(config.root.length));
  const showsDrafts = asked.get("drafts") === "1";
  for (const layer of config.layers.filter((known) => known.isLive && content.on.has(known.name))) {
    const found = await getJson(`/api/v1/layers/${layer.name}/features`, { limit: 1000 });
    content.zones.set(layer, found.features.filter((/** @type {any} */ zone) => isInForce(zone) || (showsDrafts && isPending(zone))));
  }
}

/** Where the sheet lies and at which scale: as the address says, else so that everything fits. @returns {Frame} */
function frameFor() {
  const { width, height } = canvas.getBoundingClientRect();
  const view = viewAsked();
  const box = boxOf(content.areas) ?? config.bounds;
  if (view) return frameOf(width, height, view, wish.scale ?? roundScale(scaleOf(view.zoom, view.lat)));
  if (!box) throw new Error(text("printNothing"));
  const { middle, scale } = fitting(width, height, box, wish.scales);
  return frameOf(width, height, middle, wish.scale ?? scale);
}

function viewAsked() {
  const [zoom, lat, lon] = (asked.get("map") ?? "").split("/").map(Number);
  return Number.isFinite(zoom) && Number.isFinite(lat) && Number.isFinite(lon) ? { zoom, lat, lon } : null;
}

/** The next smaller of the usual scales. @param {number} scale */
function roundScale(scale) {
  return wish.scales.find((usual) => usual >= scale * 0.95) ?? wish.scales[wish.scales.length - 1];
}

/** @param {any} areas @returns {[number, number, number, number] | null} */
function boxOf(areas) {
  const spots = /** @type {number[][]} */ ((areas?.features ?? []).flatMap((/** @type {any} */ area) => area.geometry.coordinates.flat(Infinity)).reduce(
    (/** @type {number[][]} */ pairs, /** @type {number} */ value, /** @type {number} */ index) => (index % 2 ? pairs[pairs.length - 1].push(value) : pairs.push([value]), pairs), []));
  if (!spots.length) return null;
  const [lons, lats] = [spots.map(([lon]) => lon), spots.map(([, lat]) => lat)];
  return [least(lons), least(lats), -least(lons.map((lon) => -lon)), -least(lats.map((lat) => -lat))];
}

/** @param {number[]} values */
function least(values) {
  return values.reduce((found, value) => Math.min(found, value), Infinity);
}

async function draw() {
  const at = /** @type {Frame} */ (frame);
  trouble.said = "";
  const seen = await drawPlate(canvas, at, wish.dpi, content, store);
  if (trouble.said) throw new Error(trouble.said); // a map with holes is not printed
  if (!wish.title) one("#sheet-title").textContent = content.areas?.title || text("printTitle");
  new Legend(one("#legend")).show(seen, content.areas, content.zones);
  writeScale(at);
  drawNorth();
  const moment = content.areas?.as_of ?? shownMoment();
  one("#sheet-moment").textContent = text("printAsOf", { when: whenExactly(moment ? new Date(moment) : answeredAt) });
}

/** @param {Frame} at */
function writeScale({ scale, lat }) {
  const { metres, mm } = barOf(scale, BAR_MM);
  const words = metres >= 1000 ? text("km", { km: number(metres / 1000) }) : text("m", { m: metres });
  const bar = one("#bar");
  bar.style.width = `${mm}mm`;
  one(".bar-words").style.width = `${mm + 4}mm`; // its last word stands about the bar's end
  bar.dataset.metres = String(metres);
  one("#bar-end").textContent = words;
  one("#ratio").textContent = `1 : ${number(scale)}`;
  one("#ratio-note").textContent = text("printTrueAt", { lat: `${Math.abs(lat).toFixed(2)}°` });
  const shown = /** @type {HTMLOptionElement | null} */ (document.querySelector("#scale-fit"));
  if (shown && !wish.scale) shown.textContent = text("printFit", { n: number(scale) });
}

function drawNorth() {
  const north = /** @type {HTMLCanvasElement} */ (one("#north"));
  const { width, height } = north.getBoundingClientRect();
  const sharp = wish.dpi / 96;
  [north.width, north.height] = [Math.round(width * sharp), Math.round(height * sharp)];
  const ctx = /** @type {CanvasRenderingContext2D} */ (north.getContext("2d"));
  ctx.setTransform(north.width / width, 0, 0, north.height / height, 0, 0);
  ctx.beginPath();
  [[0.5, 0], [0.85, 1], [0.5, 0.76], [0.15, 1]].forEach(([x, y], index) => (index ? ctx.lineTo(x * width, y * height) : ctx.moveTo(x * width, y * height)));
  ctx.fillStyle = "#1b2126";
  ctx.fill();
}

/**
 * Put the sheet on record, stamp it, and print it or save it.
 * @param {"print" | "png"} kind
 */
async function make(kind) {
  for (const button of buttons) button.disabled = true;
  say(text("asking"));
  try {
    const told = await postJson("/api/v1/prints", recorded(kind));
    await stamp(told);
    if (kind === "print") print();
    else await save();
    say(text(kind === "print" ? "printSent" : "printSaved", { number: told.number }));
  } catch (reason) {
    forgetStamp();
    say(/** @type {Error} */ (reason).message);
  }
  for (const button of buttons) button.disabled = false;
}

/** @param {"print" | "png"} kind */
function recorded(kind) {
  const at = /** @type {Frame} */ (frame);
  return {
    kind, layers: [...content.on].filter((name) => name !== BASEMAP), bbox: boundsOf(at).map((side) => side.toFixed(6)).join(","), scale: at.scale,
    paper: wish.paper, turn: wish.turn, dpi: wish.dpi, title: one("#sheet-title").textContent ?? "",
    selection: asked.get("sel") ?? "", theme: wish.theme, ...(shownMoment() ? { as_of: shownMoment() } : {}),
  };
}

/** @param {Stamp} told */
async function stamp({ number: name, by, at, is_marked: isMarked }) {
  const when = whenExactly(new Date(at));
  one("#sheet-by").textContent = text("printBy", { by, when, number: name });
  sheet.dataset.number = name;
  const mark = isMarked ? `${by} ${when} ${name}` : "";
  if (mark === content.mark) return;
  content.mark = mark;
  await draw();
}

/** A sheet that went out is a draft again: another one is another record. */
function forgetStamp() {
  delete sheet.dataset.number;
  one("#sheet-by").textContent = text("printDraft");
}

async function save() {
  const [short, long] = PAPER_MM[wish.paper];
  const [width, height] = wish.turn === "landscape" ? [long, short] : [short, long];
  const size = { width: dotsOf(width, wish.dpi), height: dotsOf(height, wish.dpi) };
  const blob = await pictureOf(sheet, size, wish.dpi);
  const link = element("a", { href: URL.createObjectURL(blob), download: `gridmap-${sheet.dataset.number}.png` });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** @param {string} words */
function say(words) {
  one("#print-note").textContent = words;
}
