/** Where the middle of the map lies in the hierarchy; a part flies there and shows its figures. */

import { config } from "./config.js";
import { element, one } from "./element.js";
import { getJson } from "./request.js";

/** @typedef {{level: string, code: string, name: string, bbox: [number, number, number, number] | null}} Place */

const REST_MS = 350; // the map has stopped for this long
const SEEN_FROM_ZOOM = 12; // further out the middle of the map says little

export class Breadcrumb {
  /**
   * @param {L.Map} map
   * @param {() => L.LatLng} middle of what is seen of the map
   * @param {(place: Place) => void} onChoose
   */
  constructor(map, middle, onChoose) {
    this.map = map;
    this.middle = middle;
    this.onChoose = onChoose;
    this.list = one("#breadcrumb");
    this.pending = new AbortController();
    this.timer = 0;
    map.on("moveend", () => this.#later());
    this.#later();
  }

  #later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask(), REST_MS);
  }

  async #ask() {
    this.pending.abort();
    this.pending = new AbortController();
    if (this.map.getZoom() < SEEN_FROM_ZOOM) return this.#show([]);
    const { lng: lon, lat } = this.middle();
    try {
      const answer = await getJson("/api/v1/places/at", { lon: lon.toFixed(6), lat: lat.toFixed(6) }, this.pending.signal);
      return this.#show(answer.items);
    } catch {
      return undefined; // what it said stays until the service answers again; tiles report the trouble
    }
  }

  /** @param {Place[]} places */
  #show(places) {
    this.list.replaceChildren(...places.map((place) => element("li", {}, this.#part(place))));
    this.list.hidden = !places.length;
    this.list.scrollLeft = this.list.scrollWidth;
  }

  /** @param {Place} place */
  #part(place) {
    const isThere = place.bbox && config.layers.some((layer) => layer.name === place.level);
    if (!isThere) return element("span", {}, place.name);
    const button = element("button", { type: "button" }, place.name);
    button.addEventListener("click", () => this.onChoose(place));
    return button;
  }
}
