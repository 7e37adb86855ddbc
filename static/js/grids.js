/** Grids that were built, on the map: their counts, and moving buildings from one grid to the one beside. */

import { config, text } from "./config.js";
import { element, one } from "./element.js";
import { contains, holds } from "./inside.js";
import { ask, getJson } from "./request.js";
import { Store } from "./store.js";
import { GROUND, Tiles } from "./tiles.js";
import { number } from "./words.js";

/** @typedef {{number: number, households: number, buildings: number, quotient: number, in_band: boolean, lon: number, lat: number}} Grid */
/** @typedef {{atom: number, name: string, households: number | null, beside: number[]}} Atom */
/** @typedef {{part: number[], moves: [number, number][], accepted: string | null,
 *   measures: {grids: Grid[], in_band: number, mean_quotient: number, street_share: number | null}}} Result */

const told = /** @type {any} */ (config);
const COLOURS = ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#0072b2", "#d55e00", "#999999"];
const INK = "#1b2126";
const CHOSEN = { color: "#0b5c6b", weight: 4, fillOpacity: 0.7 };
const HANDLE_PX = 44;

/** @type {Result} */
let result = told.result;
/** @type {Map<number, {atom: Atom, layer: any, feature: any}>} */
const atoms = new Map();
let chosen = -1;
let isBusy = false;
/** @type {any} */
let handle = null;
/** @type {L.Map} */
let map;
/** @type {any} */
let edges = null;
/** @type {L.Marker[]} */
let signs = [];

/**
 * Start the page on the map that Folium made.
 * @param {L.Map} made
 */
export async function start(made) {
  map = made;
  map.attributionControl.remove();
  L.control.zoom({ zoomInTitle: text("closerIn"), zoomOutTitle: text("furtherOut") }).addTo(map);
  map.createPane("signs").style.zIndex = "640";
  const ground = new Tiles(map, "tilePane", new Store((reason) => say(reason.message, true)), GROUND, GROUND);
  try {
    const found = await getJson(`${told.grids}/features`);
    const drawn = L.geoJSON(found, { onEachFeature: (feature, layer) => take(feature, layer) }).addTo(map);
    map.fitBounds(drawn.getBounds(), { animate: false, padding: [16, 16] });
    ground.show(new Set(config.layers.map((layer) => layer.name)));
  } catch (reason) {
    return say(/** @type {Error} */ (reason).message, true);
  }
  listBuildings();
  document.getElementById("undo")?.addEventListener("click", undo);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !(event.target instanceof HTMLInputElement)) undo();
    if (event.key === "Escape") choose(-1);
  });
  await show();
}

/** @param {any} feature @param {any} layer */
function take(feature, layer) {
  const atom = /** @type {Atom} */ (feature.properties);
  atoms.set(atom.atom, { atom, layer, feature });
  layer.on("click", () => tapped(atom.atom));
  layer.bindTooltip(() => element("span", {}, described(atom)), { sticky: true });
}

/** @param {Atom} atom */
function called(atom) {
  return atom.name || text("gridGround");
}

/** @param {Atom} atom */
function described(atom) {
  const held = atom.households === null ? text("gridHidden") : atom.households ? text("gridHouseholds", { n: number(atom.households) }) : text("gridNoHomes");
  return `${called(atom)} · ${held} · ${text("gridIn", { n: result.part[atom.atom] + 1 })}`;
}

/** A tap chooses a building, or says which grid the chosen one should be in. @param {number} number_ */
function tapped(number_) {
  if (chosen >= 0 && result.part[number_] !== result.part[chosen]) move(chosen, result.part[number_] + 1);
  else choose(number_ === chosen ? -1 : number_);
}

/** @param {number} atom */
function choose(atom) {
  if (result.accepted) return;
  chosen = atom;
  paint();
  const list = /** @type {HTMLSelectElement} */ (one("#atom"));
  list.value = atom < 0 ? "" : String(atom);
  offer();
  place();
}

/** Show a handle on the chosen building that can be dragged to another grid. */
function place() {
  handle?.remove();
  handle = null;
  if (chosen < 0) return;
  const { atom, layer, feature } = /** @type {any} */ (atoms.get(chosen));
  const spot = layer.getBounds().getCenter();
  const at = holds(feature.geometry, spot.lng, spot.lat) ? spot : layer.getLatLngs().flat(3)[0];
  const icon = L.divIcon({ className: "grid-handle", html: "✥", iconSize: [HANDLE_PX, HANDLE_PX] });
  const label = text("gridDrag", { name: called(atom) });
  handle = L.marker(at, { icon, draggable: true, autoPan: true, title: label, alt: label, zIndexOffset: 1000 }).addTo(map);
  handle.on("dragend", () => {
    const { lng, lat } = handle.getLatLng();
    const under = contains([...atoms.values()], lng, lat);
    const to = under ? result.part[under.atom.atom] : result.part[atom.atom];
    if (to === result.part[atom.atom]) place();
    else move(atom.atom, to + 1);
  });
}

/** Offer the grids beside the chosen building, with what each would hold. */
function offer() {
  const targets = one("#targets");
  targets.replaceChildren();
  if (chosen < 0) return;
  const { atom } = /** @type {any} */ (atoms.get(chosen));
  const beside = [...new Set(atom.beside.map((/** @type {number} */ other) => result.part[other]))].filter((grid) => grid !== result.part[chosen]);
  say(described(atom));
  if (!beside.length) say(text("gridNoneBeside"));
  for (const grid of beside.sort((a, b) => a - b)) {
    const before = result.measures.grids[grid].households;
    const after = atom.households === null ? "…" : number(before + atom.households);
    const button = element("button", { class: "button", type: "button" }, text("gridMoveTo", { n: grid + 1, before: number(before), after }));
    button.addEventListener("click", () => move(atom.atom, grid + 1));
    targets.append(button);
  }
}

/** Why a building cannot join a grid, or nothing. @param {number} atom @param {number} to from 0 */
function whyNot(atom, to) {
  const home = result.part[atom];
  const beside = /** @type {any} */ (atoms.get(atom)).atom.beside;
  if (!beside.some((/** @type {number} */ other) => result.part[other] === to)) return text("gridNotBeside", { n: to + 1 });
  const rest = new Set(result.part.flatMap((grid, other) => (grid === home && other !== atom ? [other] : [])));
  const [first] = rest;
  const reached = first === undefined ? [] : [first];
  rest.delete(first);
  for (const at of reached) {
    for (const other of /** @type {any} */ (atoms.get(at)).atom.beside) if (rest.delete(other)) reached.push(other);
  }
  return rest.size || !reached.length ? text("gridApart", { n: home + 1 }) : "";
}

/** @param {number} atom @param {number} to counted from 1 */
async function move(atom, to) {
  const reason = whyNot(atom, to - 1);
  if (reason) {
    place();
    return say(reason, true);
  }
  await change("moves", { atom, to }, text("gridMoved", { name: called(/** @type {any} */ (atoms.get(atom)).atom), n: to }));
}

async function undo() {
  if (result.moves.length && !result.accepted) await change("undo", {}, text("gridUndone"));
}

/** Ask the service for a change and show what came of it. @param {string} verb @param {object} body @param {string} done */
async function change(verb, body, done) {
  if (isBusy) return;
  isBusy = true;
  try {
    const headers = { "Content-Type": "application/json", "X-CSRF-Token": config.csrf };
    const how = { method: "POST", headers, ...(verb === "undo" ? {} : { body: JSON.stringify(body) }) };
    const answer = await ask(`${told.grids}/${verb}`, {}, undefined, how, [409, 422]);
    const found = await answer.json();
    if (!answer.ok) {
      say(found.detail, true);
    } else {
      result = found.result;
      choose(-1);
      await show();
      say(done);
    }
  } catch (reason) {
    say(/** @type {Error} */ (reason).message, true);
  }
  isBusy = false;
  place();
}

/** Show counts, measures and borders of the plan as it is. */
async function show() {
  const { grids, in_band, mean_quotient, street_share } = result.measures;
  one("#in-band").textContent = `${number(grids.filter((grid) => grid.in_band).length)} / ${number(grids.length)} · ${number(100 * in_band)} %`;
  one("#quotient").textContent = number(mean_quotient, 2);
  one("#streets").textContent = street_share === null ? "–" : `${number(100 * street_share)} %`;
  one("#grids tbody").replaceChildren(...grids.map(row));
  const button = /** @type {HTMLButtonElement | null} */ (document.getElementById("undo"));
  if (button) button.disabled = !result.moves.length;
  for (const sign of signs) sign.remove();
  signs = grids.map(signOf);
  paint();
  edges?.remove();
  const style = { color: INK, weight: 3, fill: false, interactive: false };
  edges = L.geoJSON(await getJson(`${told.grids}/areas`), { style: () => style, interactive: false }).addTo(map);
}

/** @param {Grid} grid */
function row(grid) {
  const cells = [number(grid.households), number(grid.buildings), number(grid.quotient, 2)];
  const made = element("tr", grid.in_band ? {} : { class: "is-off" });
  made.append(
    element("th", { scope: "row" }, String(grid.number)),
    ...cells.map((words) => element("td", { class: "number" }, words)),
    element("td", {}, text(grid.in_band ? "gridWithin" : "gridOutside")),
  );
  return made;
}

/** @param {Grid} grid */
function signOf(grid) {
  const words = element("span", { class: "grid-sign" }, element("b", {}, String(grid.number)), number(grid.households));
  const icon = L.divIcon({ className: `grid-sign${grid.in_band ? "" : " is-off"}`, html: words, iconSize: [80, 40] });
  return L.marker([grid.lat, grid.lon], { icon, interactive: false, keyboard: false, pane: "signs" }).addTo(map);
}

function paint() {
  for (const [at, { layer }] of atoms) {
    const fillColor = COLOURS[result.part[at] % COLOURS.length];
    layer.setStyle({ color: "#ffffff", weight: 1, fillColor, fillOpacity: 0.4, ...(at === chosen ? CHOSEN : {}) });
    if (at === chosen) layer.bringToFront();
  }
}

/** Fill the list of buildings, for whoever uses no pointer. */
function listBuildings() {
  const list = document.getElementById("atom");
  if (!list) return;
  const named = [...atoms.values()].map(({ atom }) => atom).filter((atom) => atom.name);
  named.sort((a, b) => a.name.localeCompare(b.name, config.language, { numeric: true }));
  for (const atom of named) list.append(element("option", { value: String(atom.atom) }, atom.name));
  list.addEventListener("change", (event) => {
    const value = /** @type {HTMLSelectElement} */ (event.target).value;
    choose(value === "" ? -1 : Number(value));
  });
}

/** @param {string} words @param {boolean} [isRefused] */
function say(words, isRefused = false) {
  const shown = one("#notice");
  shown.textContent = words;
  shown.classList.toggle("is-refused", isRefused);
}
