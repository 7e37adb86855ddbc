/** Lines from what was asked about to what the answer names, on the map as in the panel. */

import { POSITION, positionOf } from "./address.js";
import { element } from "./element.js";
import { drawSign } from "./swatch.js";

/** @typedef {{row: HTMLElement, at: L.LatLng, line: L.Polyline, mark: L.Marker}} Target */

export const PANE = "lines";
/** @type {Record<string, L.PolylineOptions>} */
const STYLES = {
  supply_point: { color: "#b34700" },
  volunteer: { color: "#00568a", dashArray: "2 7" },
  household: { color: "#c8102e", dashArray: "8 6" },
  building: { color: "#4a5560" },
};

export class Lines {
  /** @param {L.Map} map */
  constructor(map) {
    this.map = map;
    this.group = L.layerGroup().addTo(map);
    /** @type {Target[]} */
    this.targets = [];
    /** Where the lines start. @type {L.LatLng | null} */
    this.origin = null;
  }

  /**
   * Forget the lines of the former selection; mark a bare position.
   * @param {import("./address.js").Selection | null} selection
   */
  start(selection) {
    this.group.clearLayers();
    this.targets = [];
    this.origin = null;
    const at = selection?.layer === POSITION ? positionOf(selection.code) : null;
    if (!at) return;
    const icon = L.divIcon({ className: "pin", iconSize: [20, 20] });
    L.marker([at.lat, at.lon], { icon, interactive: false, keyboard: false }).addTo(this.group);
  }

  /**
   * Draw a line to every row of an answer that has a place; rows that are folded away get theirs when they are tapped.
   * @param {HTMLElement} answer carries data-lon and data-lat of where the lines start
   */
  draw(answer) {
    for (const target of this.targets.splice(0)) erase(target);
    this.origin = placeOf(answer);
    const rows = /** @type {HTMLElement[]} */ ([...answer.querySelectorAll("[data-line]")]);
    for (const row of rows) if (!row.closest("details")) this.#add(row);
  }

  /**
   * Emphasise the line of a row and bring both its ends into view.
   * @param {HTMLElement} row
   * @param {(bounds: L.LatLngBounds) => void} bringIntoView
   */
  emphasise(row, bringIntoView) {
    for (const target of this.targets.filter((known) => known.row.closest("details"))) {
      dress(target, false);
      erase(target);
      this.targets.splice(this.targets.indexOf(target), 1);
    }
    if (row.closest("details")) this.#add(row);
    for (const target of this.targets) dress(target, target.row === row);
    const chosen = this.targets.find((target) => target.row === row);
    if (chosen) bringIntoView(chosen.line.getBounds());
  }

  /** @param {HTMLElement} row */
  #add(row) {
    const at = placeOf(row);
    if (at && this.origin) this.targets.push(this.#target(row, this.origin, at));
  }

  /** @param {HTMLElement} row @param {L.LatLng} origin @param {L.LatLng} at @returns {Target} */
  #target(row, origin, at) {
    const options = { ...STYLES[row.dataset.line ?? ""], pane: PANE, interactive: false };
    const line = L.polyline(wayOf(row) ?? [origin, at], options).addTo(this.group);
    const icon = L.divIcon({ html: endOf(row), className: "line-end", iconSize: [0, 0] });
    const mark = L.marker(at, { icon, interactive: false, keyboard: false }).addTo(this.group);
    const target = { row, at, line, mark };
    dress(target, false);
    return target;
  }
}

/** The sign of what a row names, ringed, with the row's number; it is seen whether its layer is drawn or not. @param {HTMLElement} row */
function endOf(row) {
  const { sign, number } = row.dataset;
  const end = element("span", { class: `end ${row.dataset.line}` });
  if (sign) drawSign(end, sign);
  if (number) end.append(element("b", {}, number));
  return end;
}

/** @param {Target} target */
function erase({ line, mark }) {
  line.remove();
  mark.remove();
}

/** @param {Target} target @param {boolean} isChosen */
function dress(target, isChosen) {
  target.line.setStyle({ weight: isChosen ? 6 : 2.5, opacity: isChosen ? 1 : 0.75 });
  if (isChosen) target.line.bringToFront();
  target.row.setAttribute("aria-pressed", String(isChosen));
  target.mark.unbindTooltip();
  const { label } = target.row.dataset;
  if (!isChosen || !label) return;
  const words = element("span", {}, label);
  target.mark.bindTooltip(words, { permanent: true, direction: "top", offset: [0, -14], className: "line-label" });
}

/** The way on foot a row carries, if it does: lon and lat of each bend. @param {HTMLElement} row */
function wayOf(row) {
  const { way } = row.dataset;
  if (!way) return null;
  return /** @type {[number, number][]} */ (JSON.parse(way)).map(([lon, lat]) => L.latLng(lat, lon));
}

/** @param {HTMLElement} holder */
function placeOf(holder) {
  const { lon, lat } = holder.dataset;
  return lon && lat ? L.latLng(Number(lat), Number(lon)) : null;
}
