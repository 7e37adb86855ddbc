/** One box for everything with a name or a code; results by layer, each with its distance from the map's middle. */

import { config, text } from "./config.js";
import { element, one } from "./element.js";
import { getJson } from "./request.js";
import { distance } from "./words.js";

/** @typedef {{layer: string, code: string, name: string, context: string, lon: number, lat: number, distance_m: number}} Found */

const PAUSE_MS = 250; // in typing

export class Search {
  /**
   * @param {() => L.LatLng} middle of what is seen of the map
   * @param {(found: Found) => void} onChoose
   */
  constructor(middle, onChoose) {
    this.middle = middle;
    this.onChoose = onChoose;
    this.box = /** @type {HTMLInputElement} */ (one("#search-box"));
    this.list = one("#search-results");
    this.pending = new AbortController();
    this.timer = 0;
    this.chosen = -1;
    this.box.addEventListener("input", () => this.#later());
    this.box.addEventListener("keydown", (event) => this.#key(event));
    this.box.addEventListener("focus", () => this.#expand(this.list.childElementCount > 0));
    document.addEventListener("pointerdown", (event) => {
      if (!one(".search").contains(/** @type {Node} */ (event.target))) this.#expand(false);
    });
  }

  #later() {
    clearTimeout(this.timer);
    this.pending.abort();
    if (this.box.value.trim()) this.timer = setTimeout(() => this.#ask(), PAUSE_MS);
    else this.#show([]);
  }

  async #ask() {
    this.pending = new AbortController();
    const { signal } = this.pending;
    const { lng: lon, lat } = this.middle();
    try {
      const answer = await getJson("/api/v1/search", { q: this.box.value.trim(), lon: lon.toFixed(6), lat: lat.toFixed(6) }, signal);
      this.#show(this.#groups(answer.items));
    } catch (reason) {
      if (!signal.aborted) this.#show([element("li", { class: "search-none", role: "alert" }, /** @type {Error} */ (reason).message)]);
    }
  }

  /** @param {Found[]} items @returns {HTMLElement[]} */
  #groups(items) {
    if (!items.length) return [element("li", { class: "search-none" }, text("nothingFound", { q: this.box.value.trim() }))];
    const names = [...new Set(items.map((item) => item.layer))]; // the service tells the best first
    return names.flatMap((name) => {
      const title = config.layers.find((layer) => layer.name === name)?.title ?? name;
      const found = items.filter((item) => item.layer === name);
      return [element("li", { class: "search-group", role: "presentation" }, title), ...found.map((item) => this.#option(item))];
    });
  }

  /** @param {Found} item */
  #option(item) {
    const name = element("span", { class: "search-name" }, item.name, element("small", {}, item.context));
    const away = element("span", { class: "search-away" }, distance(item.distance_m));
    const option = element("li", { class: "search-option", role: "option", id: `found-${item.layer}-${item.code}` }, name, away);
    option.setAttribute("aria-selected", "false");
    option.addEventListener("click", () => this.#choose(item));
    return option;
  }

  /** @param {Found} item */
  #choose(item) {
    this.#expand(false);
    this.box.blur();
    this.onChoose(item);
  }

  /** @param {HTMLElement[]} rows */
  #show(rows) {
    this.list.replaceChildren(...rows);
    this.chosen = -1;
    this.#expand(rows.length > 0);
  }

  /** @param {boolean} isOpen */
  #expand(isOpen) {
    this.list.hidden = !isOpen;
    this.box.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) this.box.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const options = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll("[role=option]")]);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault(); // the panel stays
      this.#expand(false);
    }
    if (event.key === "Enter") options[Math.max(this.chosen, 0)]?.click();
    if (!step || !options.length) return;
    event.preventDefault();
    this.#expand(true);
    this.chosen = (this.chosen + step + options.length) % options.length;
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === this.chosen)));
    options[this.chosen].scrollIntoView({ block: "nearest" });
    this.box.setAttribute("aria-activedescendant", options[this.chosen].id);
  }
}
