/** The map page: puts its parts together and keeps selection, layers and address in step. */

import * as address from "./address.js";
import { Under, underNames, usualUnder } from "./basemap.js";
import { Breadcrumb } from "./breadcrumb.js";
import { config, text } from "./config.js";
import { addControls } from "./controls.js";
import { Editor } from "./editor.js";
import { LayersSheet } from "./layers.js";
import { Lines, PANE as LINES } from "./lines.js";
import { notice } from "./notice.js";
import { Panel } from "./panel.js";
import { Past, shownMoment } from "./past.js";
import { Picker } from "./pick.js";
import { answeredAt } from "./request.js";
import { Search } from "./search.js";
import { Share } from "./share.js";
import { Status } from "./status.js";
import { Store } from "./store.js";
import { GROUND, POINTS, Tiles } from "./tiles.js";
import { ZoneSheet } from "./zone-sheet.js";
import { ZoneSteps } from "./zone-steps.js";
import { Zones, PANE as ZONES } from "./zones.js";

/** @typedef {import("./address.js").Selection} Selection */
/** @typedef {[number, number, number, number]} Box west, south, east, north */

const TOP = "points";
const PANE_HEIGHTS = { [ZONES]: 410, [LINES]: 420, [TOP]: 450 }; // Leaflet's tiles lie at 200, its labels at 650
const CLOSE_ZOOM = 17; // from which a single building is easily seen
const FURTHEST_ZOOM = 4;
const TOP_BAR_PX = 72;
const MARGIN_PX = 72; // the buttons at the right edge

/**
 * Start the page on the map that Folium made.
 * @param {L.Map} map
 */
export function start(map) {
  new App(map).open();
}

class App {
  /** @param {L.Map} map */
  constructor(map) {
    const onTrouble = (/** @type {Error} */ reason) => this.#report(reason);
    this.map = map;
    layDown(map);
    this.on = new Set(layersOf(address.read().layers));
    /** @type {Selection | null} */
    this.selection = null;
    this.isBareLink = false;
    this.store = new Store(onTrouble);
    this.under = new Under(map, this.store);
    this.ground = new Tiles(map, "tilePane", this.store, GROUND, []);
    this.points = new Tiles(map, TOP, this.store, POINTS, [...GROUND, ...POINTS]);
    this.zones = new Zones(map, onTrouble);
    this.lines = new Lines(map);
    this.picker = new Picker(map, this.ground, this.points);
    this.panel = new Panel({
      onClose: () => this.select(null),
      onAnswer: (answer) => this.#answer(answer),
      onRow: (row) => this.lines.emphasise(row, (bounds) => this.#bringIntoView(bounds)),
      onOpen: (selection) => this.select(selection),
      onEdit: ({ layer, code }) => this.editor.edit(layer, code),
      onHistory: (selection) => this.editor.showHistory(selection),
      onNotice: notice,
    });
    this.legend = new LayersSheet(map, this.on, {
      onChange: () => this.#switchLayers(),
      onDrafts: (shows) => this.#showDrafts(shows),
      onPick: (selection) => this.select(selection),
    });
    this.status = new Status(map, () => this.refresh());
    this.zone = new ZoneSheet(map, this.picker, {
      onOpen: () => this.select(null),
      onSaved: (code) => this.#showDraft(code),
    });
    new ZoneSteps(this.panel.body, async (code) => {
      await this.#loadLive();
      this.panel.show({ layer: "closure_zone", code });
    });
    this.editor = new Editor(map, { onStored: (selection) => this.#stored(selection) });
    this.past = new Past({ onChange: () => this.#showMoment() });
    this.share = new Share({ linkOf: () => address.written(this.#state()), onNotice: notice });
    const mayMake = config.layers.some((layer) => layer.mayEdit);
    addControls(map, {
      onLayers: () => this.legend.toggle(),
      onPast: () => this.past.toggle(),
      onShare: () => this.share.toggle(),
      onNew: mayMake ? () => this.editor.choose() : null,
      onNotice: notice,
    });
    const middle = () => this.#middle();
    new Breadcrumb(map, middle, (place) => this.#fly({ layer: place.level, code: place.code }, /** @type {Box} */ (place.bbox)));
    new Search(middle, (found) => {
      if (found.lon === null) this.select(found); // a unit without a seat lies nowhere
      else this.#fly(found, [found.lon, found.lat, found.lon, found.lat]);
    });
  }

  /** Show what the address says, and follow it from now on. */
  open() {
    this.#follow();
    this.#loadLive();
    if (!this.isBareLink) this.#remember(false);
    this.map.on("moveend", () => this.#remember(false));
    this.map.on("click", (event) => this.editor.drawing.isOn || this.#tap(event.latlng));
    this.map.on("keypress", ({ originalEvent }) => {
      const isOfMap = originalEvent.target === this.map.getContainer(); // its buttons lie in it too
      if (originalEvent.key === "Enter" && isOfMap && !this.editor.drawing.isOn) this.#tap(this.map.getCenter());
    });
    addEventListener("popstate", () => {
      this.#follow();
      this.zones.update(this.on);
    });
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.select(null);
    });
    for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".languages a"))) {
      link.addEventListener("click", () => (link.hash = location.hash));
    }
  }

  /** Show what a change made of the map, and the thing it was about. @param {Selection | null} selection */
  async #stored(selection) {
    await this.refresh();
    if (address.isSame(selection, this.selection) && selection) this.panel.show(selection);
    else this.select(selection);
  }

  /** Show everything as it was at the moment that was chosen, or as it is now. */
  #showMoment() {
    if (shownMoment() && this.editor.isOpen) this.editor.close();
    this.refresh();
    this.lines.start(this.selection);
    if (this.selection) this.panel.show(this.selection);
    this.#remember(false);
  }

  /** Load everything that is drawn once more. */
  async refresh() {
    this.store.forget();
    this.under.update(this.on);
    this.ground.show(this.on);
    this.points.show(this.on);
    await this.#loadLive();
  }

  async #loadLive() {
    await this.zones.show(this.on);
    this.status.loaded(answeredAt);
  }

  /**
   * Select something, or nothing, and remember it as a step to come back to.
   * @param {Selection | null} selection
   */
  select(selection) {
    const isNew = !address.isSame(selection, this.selection);
    this.#apply(selection);
    if (isNew) this.#remember(true);
  }

  /** @param {Selection | null} selection */
  #apply(selection) {
    const isNew = !address.isSame(selection, this.selection);
    this.selection = selection && { layer: selection.layer, code: selection.code };
    this.ground.select(selection?.code ?? "");
    this.points.select(selection?.code ?? "");
    if (isNew) this.lines.start(selection);
    if (selection) this.panel.show(selection);
    else this.panel.close();
  }

  /** @param {L.LatLng} at */
  #tap(at) {
    if (this.zone.isOpen) return void this.zone.tap(at);
    const meant = this.picker.at(at);
    if (meant) this.select(meant);
    else this.map.setView(at, this.map.getZoom() + 2);
  }

  /** @param {boolean} shows */
  #showDrafts(shows) {
    this.zones.setDrafts(shows);
    this.legend.update(shows);
    this.#remember(false);
  }

  /** @param {string} code */
  async #showDraft(code) {
    this.#showDrafts(true);
    await this.#loadLive();
    this.select({ layer: "closure_zone", code });
  }

  /** @param {HTMLElement} answer */
  #answer(answer) {
    this.lines.draw(answer);
    const origin = this.lines.origin;
    if (!origin) return;
    const isFar = this.map.getZoom() < CLOSE_ZOOM - 2 && !this.map.getBounds().contains(origin);
    if (isFar || this.isBareLink) this.map.setView(origin, CLOSE_ZOOM, { animate: false });
    this.isBareLink = false;
    this.#bringIntoView(L.latLngBounds([origin]));
  }

  /** @param {Selection} selection @param {Box} box */
  #fly(selection, [west, south, east, north]) {
    const isPoint = west === east && south === north;
    if (isPoint) this.map.setView([south, west], Math.max(this.map.getZoom(), CLOSE_ZOOM));
    else this.map.fitBounds([[south, west], [north, east]]);
    this.select(selection);
  }

  /** Move the map no further than needed to see all of some bounds beside the open sheet. @param {L.LatLngBounds} bounds */
  #bringIntoView(bounds) {
    const { right, bottom } = this.panel.sheet.covered;
    const padding = { paddingTopLeft: [MARGIN_PX, TOP_BAR_PX], paddingBottomRight: [right + MARGIN_PX, bottom + MARGIN_PX] };
    const { x, y } = this.map.getSize();
    const seen = L.bounds([MARGIN_PX, TOP_BAR_PX], [x - right - MARGIN_PX, y - bottom - MARGIN_PX]);
    const wanted = [bounds.getNorthWest(), bounds.getSouthEast()].map((corner) => this.map.latLngToContainerPoint(corner));
    if (seen.contains(L.bounds(wanted))) return;
    const options = /** @type {L.FitBoundsOptions} */ ({ ...padding, maxZoom: this.map.getZoom() });
    if (bounds.getNorthWest().equals(bounds.getSouthEast())) this.map.panInside(bounds.getCenter(), /** @type {any} */ (padding));
    else this.map.fitBounds(bounds, options);
  }

  /** The middle of what is seen of the map beside and above the open sheets. @returns {L.LatLng} */
  #middle() {
    const covered = [this.panel.sheet.covered, this.legend.sheet.covered];
    const [right, bottom] = [Math.max(...covered.map((sides) => sides.right)), Math.max(...covered.map((sides) => sides.bottom))];
    const { x, y } = this.map.getSize();
    return this.map.containerPointToLatLng([(x - right) / 2, (y - bottom) / 2]);
  }

  #switchLayers() {
    this.under.update(this.on);
    this.ground.update(this.on);
    this.points.update(this.on);
    this.zones.update(this.on);
    this.#remember(false);
  }

  /** @param {boolean} isNew */
  #remember(isNew) {
    address.write(this.#state(), isNew);
    if (this.share.sheet.isOpen) this.share.update();
  }

  /** What is seen now, as an address says it. @returns {import("./address.js").State} */
  #state() {
    const { lat, lng: lon } = this.map.getCenter();
    const isUsual = this.on.size === usualLayers().length && usualLayers().every((name) => this.on.has(name));
    const view = { zoom: this.map.getZoom(), lat, lon };
    return { view, selection: this.selection, layers: isUsual ? null : [...this.on], moment: shownMoment(), drafts: this.zones.showsDrafts };
  }

  #follow() {
    const { view, selection, layers, moment, drafts } = address.read();
    if (moment !== shownMoment()) {
      this.past.show(moment);
      this.store.forget();
      this.zones.fetched.clear();
      this.ground.shown = this.points.shown = "?"; // drawn anew below
      this.panel.shown = null;
    }
    this.isBareLink = selection !== null && view === null; // names a thing, not what to see of it
    if (view) this.map.setView([view.lat, view.lon], view.zoom, { animate: false });
    this.on.clear();
    for (const name of layersOf(layers)) this.on.add(name);
    this.zones.showsDrafts = drafts;
    this.legend.update(drafts);
    this.under.update(this.on);
    this.ground.update(this.on);
    this.points.update(this.on);
    this.#apply(selection);
  }

  /** @param {Error} reason */
  #report(reason) {
    notice(reason.message, { label: text("retry"), run: () => this.refresh() });
  }
}

/** The layers that are on unless a person says otherwise. */
function usualLayers() {
  return [...config.layers.filter((layer) => layer.isOn).map((layer) => layer.name), ...usualUnder()];
}

/** The layers an address asks for, as far as the reader may see them. @param {string[] | null} asked */
function layersOf(asked) {
  return asked?.filter((name) => underNames().includes(name) || config.layers.some((layer) => layer.name === name)) ?? usualLayers();
}

/** Set up the map: its panes from below to above, its limits, its first view. @param {L.Map} map */
function layDown(map) {
  for (const [name, height] of Object.entries(PANE_HEIGHTS)) {
    map.createPane(name).style.zIndex = String(height);
  }
  map.attributionControl.remove(); // the status line says where the data come from
  map.setMinZoom(FURTHEST_ZOOM);
  if (!config.bounds) return;
  const [west, south, east, north] = config.bounds;
  map.fitBounds([[south, west], [north, east]], { animate: false });
}
