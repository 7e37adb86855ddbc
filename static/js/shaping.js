/** Merging, parting and reshaping grids and buildings: the tools below their form, and what becomes of them. */

import { formOf, inOwnLanguage, pathOf } from "./change.js";
import { config, text } from "./config.js";
import { element } from "./element.js";
import { notice } from "./notice.js";
import { ask, getJson } from "./request.js";

/** @typedef {{code: string, new: string | null, versions: Record<string, number>, notes: {en: string, zh: string}[]}} Redrawn */
/**
 * What the tools need of the form they stand in.
 * @typedef {{layer: string, code: string, version: number, drawing: import("./drawing.js").Drawing,
 *   say: (words: string) => void, done: (words: string, undo: (() => void) | null) => void}} Place
 */

const ANSWERED = [403, 404, 409, 412, 422, 428];
const SHAPED = ["neighbourhood", "building"];
const AROUND = 0.0004; // degrees beside a thing where others are offered
const OFFERED = 30;

/** Whether a layer's things can be merged and parted. @param {string} layer */
export function isShaped(layer) {
  return SHAPED.includes(layer);
}

/** Return the tools for one thing. @param {Place} place */
export function shapingTools(place) {
  const room = element("div", { class: "field", hidden: "" });
  const make = (/** @type {string} */ name, /** @type {() => Promise<void>} */ run) => {
    const button = element("button", { class: "button", type: "button", "data-shape": name }, text(name));
    button.addEventListener("click", () => {
      room.hidden = true;
      run().catch((reason) => place.say(/** @type {Error} */ (reason).message));
    });
    return button;
  };
  const tools = [make("mergeThings", () => offer(place, room)), make("splitThing", () => part(place, room))];
  if (place.layer === "neighbourhood") tools.unshift(make("reshapeGrid", () => reshape(place)));
  return element("div", { class: "edit-apart shaping" }, ...tools, room);
}

/** Offer the things around, to be taken in. @param {Place} place @param {HTMLElement} room */
async function offer(place, room) {
  const { geometry } = await getJson(pathOf(place.layer, place.code));
  const bounds = L.geoJSON(geometry).getBounds();
  const sides = [bounds.getWest() - AROUND, bounds.getSouth() - AROUND, bounds.getEast() + AROUND, bounds.getNorth() + AROUND];
  const bbox = sides.map((side) => side.toFixed(6)).join(",");
  const { features } = await getJson(pathOf(place.layer), { bbox, limit: OFFERED });
  const digits = 12; // a community's
  const others = features.filter((/** @type {any} */ one) => one.id !== place.code && one.id.slice(0, digits) === place.code.slice(0, digits));
  const rows = others.map((/** @type {any} */ one) => {
    const box = element("input", { type: "checkbox", value: one.id });
    return element("label", { class: "tick" }, box, element("span", {}, one.properties.name ?? "", " ", element("span", { class: "meta" }, one.id)));
  });
  const go = element("button", { class: "button primary", type: "button", "data-shape": "mergeNow" }, text("mergeNow"));
  go.addEventListener("click", async () => {
    const chosen = [...room.querySelectorAll("input:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
    if (!chosen.length) return place.say(text("chooseOthers"));
    const forms = await Promise.all(chosen.map((code) => formOf(place.layer, code)));
    const versions = Object.fromEntries(forms.map((form, i) => [chosen[i], form.version]));
    return send(place, "merge", { others: chosen, versions: { ...versions, [place.code]: place.version } });
  });
  show(room, ...(rows.length ? [element("p", { class: "meta" }, text("mergeHint")), element("div", { class: "ticks" }, ...rows), go] : [element("p", {}, text("nothingAround"))]));
}

/** @param {HTMLElement} room @param {HTMLElement[]} content */
function show(room, ...content) {
  room.replaceChildren(...content);
  room.hidden = false;
  room.scrollIntoView({ block: "nearest" });
}

/** Part a thing along a drawn line; of a building, ask which units go. @param {Place} place @param {HTMLElement} room */
async function part(place, room) {
  const { geometry } = await getJson(pathOf(place.layer, place.code));
  place.drawing.reveal(geometry); // the line goes from border to border
  const line = await drawn(place, "line", null);
  if (!line) return;
  const versions = { [place.code]: place.version };
  if (place.layer !== "building") {
    await send(place, "split", { line, versions });
    return;
  }
  const units = element("input", { type: "text", id: "split-units", inputmode: "numeric", placeholder: "2, 3" });
  const go = element("button", { class: "button primary", type: "button", "data-shape": "splitNow" }, text("splitThing"));
  go.addEventListener("click", () => send(place, "split", { line, versions, units: /** @type {HTMLInputElement} */ (units).value.match(/\d{1,2}/g) ?? [] }));
  show(room, element("label", { class: "field-name", for: "split-units" }, text("unitsToNew")), units, go);
}

/** Draw a grid anew; its neighbours move along once a person has seen which ones. @param {Place} place */
async function reshape(place) {
  const { geometry: known } = await getJson(pathOf(place.layer, place.code));
  const geometry = await drawn(place, "polygon", known);
  if (geometry) await send(place, "reshape", { geometry, versions: { [place.code]: place.version } });
}

/** @param {Place} place @param {"line" | "polygon"} kind @param {any} known */
async function drawn(place, kind, known) {
  document.body.dataset.drawing = "true";
  const found = await place.drawing.start(kind, known, place.layer, kind === "line" ? null : place.code, kind === "line" ? text("tapAcross") : undefined);
  delete document.body.dataset.drawing;
  return found;
}

/** @param {Place} place @param {string} step @param {any} body */
async function send(place, step, body) {
  const response = await post(`${pathOf(place.layer, place.code)}/${step}`, body);
  const answer = await response.json();
  if (response.status === 428 && answer.needed) {
    const along = (await Promise.all(Object.keys(answer.needed).map((code) => nameOf(place.layer, code)))).join(config.language === "zh" ? "、" : ", ");
    const again = () => void send(place, step, { ...body, versions: { ...body.versions, ...answer.needed } });
    notice(text("movesAlong", { codes: along }), { label: text("moveThem"), run: again });
  } else if (response.ok) {
    const words = answer.notes.map((/** @type {any} */ note) => (config.language === "zh" ? note.zh : note.en));
    place.done([text("saved"), ...words].join(" "), () => void undo(place, answer));
  } else {
    place.say(inOwnLanguage(answer.detail));
  }
}

/** @param {string} layer @param {string} code */
async function nameOf(layer, code) {
  const { properties } = await getJson(pathOf(layer, code));
  return properties.name ?? code;
}

/** @param {Place} place @param {Redrawn} done */
async function undo(place, done) {
  const response = await post(`${pathOf(place.layer, place.code)}/undo`, { versions: { [done.code]: done.versions[done.code] } });
  const answer = await response.json();
  if (response.ok) place.done(text("undone"), null);
  else notice(inOwnLanguage(answer.detail));
}

/** @param {string} path @param {object} body */
function post(path, body) {
  const headers = { "X-CSRF-Token": config.csrf, "Content-Type": "application/json" };
  return ask(path, {}, undefined, { method: "POST", headers, body: JSON.stringify(body) }, ANSWERED);
}
