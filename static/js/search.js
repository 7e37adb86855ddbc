/**
 * One box for everything with a name or a code, and for persons; results by layer, each with its distance from the map's
 * middle. A whole phone or identity number is looked up as it is typed; names of persons only when asked for, because
 * each such search is put on record.
 */

import { config, text } from "./config.js";
import { element, one } from "./element.js";
import { postJson } from "./request.js";
import { distance } from "./words.js";

/** @typedef {{layer: string, code: string, name: string, context: string, lon: number, lat: number, distance_m: number}} Found */

/** @typedef {{layer: string, code: string, name: string, phone: string | null, context: string, lon: number | null, lat: number | null}} Person */

const PAUSE_MS = 150; // in typing
const LEAST_NAME = 2;
// A whole mobile or identity number, as people write them; codes of places are digits too, but of other lengths.
const WHOLE_NUMBER = /^(\+?86)?1\d{10}$|^[1-9]\d{16}[\dX]$/i;

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
    const asked = this.#asked();
    try {
      const isNumber = config.findsPersons && WHOLE_NUMBER.test(asked.q.replace(/[\s-]/g, ""));
      const [places, persons] = await Promise.all([
        postJson("/api/v1/search", asked, signal),
        isNumber ? postJson("/api/v1/persons/search", asked, signal) : null,
      ]);
      const rows = [...(persons?.items.length ? this.#persons(persons) : []), ...this.#groups(places.items)];
      this.#show(rows.length ? rows : [this.#nothing()], !isNumber);
    } catch (reason) {
      if (!signal.aborted) this.#show([element("li", { class: "search-none", role: "alert" }, /** @type {Error} */ (reason).message)]);
    }
  }

  /** What is asked, from where: in a body, because people type persons here. */
  #asked() {
    const { lng, lat } = this.middle();
    return { q: this.box.value.trim(), lon: Number(lng.toFixed(6)), lat: Number(lat.toFixed(6)) };
  }

  async #askPersons() {
    this.pending.abort();
    this.pending = new AbortController();
    const { signal } = this.pending;
    try {
      const found = await postJson("/api/v1/persons/search", this.#asked(), signal);
      this.#show(found.items.length ? this.#persons(found) : [this.#nothing("noPersons"), ...bounded(found)]);
    } catch (reason) {
      if (!signal.aborted) this.#show([element("li", { class: "search-none", role: "alert" }, /** @type {Error} */ (reason).message)]);
    }
  }

  /** @param {string} [why] */
  #nothing(why = "nothingFound") {
    return element("li", { class: "search-none" }, text(why, { q: this.box.value.trim() }));
  }

  /** @param {{items: Person[], complete: boolean}} found @returns {HTMLElement[]} */
  #persons(found) {
    const title = element("li", { class: "search-group", role: "presentation" }, text("persons"));
    return [title, ...found.items.map((person) => this.#person(person)), ...bounded(found)];
  }

  /** @param {Person} person */
  #person(person) {
    const layer = config.layers.find(({ name }) => name === person.layer)?.title ?? person.layer;
    const about = [person.phone, layer, person.context].filter(Boolean).join(" · ");
    const name = element("span", { class: "search-name" }, person.name, element("small", {}, about));
    return this.#selectable(name, `person-${person.layer}-${person.code}`, () => this.#choose(/** @type {Found} */ (/** @type {unknown} */ (person))));
  }

  /** @returns {HTMLElement} */
  #offer() {
    const q = this.box.value.trim();
    return this.#selectable(element("span", { class: "search-name" }, text("findPersons", { q })), "find-persons", () => this.#askPersons());
  }

  /** @param {Found[]} items @returns {HTMLElement[]} */
  #groups(items) {
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
    return this.#selectable(name, `found-${item.layer}-${item.code}`, () => this.#choose(item), away);
  }

  /**
   * @param {HTMLElement} name
   * @param {string} id
   * @param {() => void} run
   * @param {HTMLElement[]} more
   */
  #selectable(name, id, run, ...more) {
    const option = element("li", { class: "search-option", role: "option", id }, name, ...more);
    option.setAttribute("aria-selected", "false");
    option.addEventListener("click", run);
    return option;
  }

  /** @param {Found} item */
  #choose(item) {
    this.#expand(false);
    this.box.blur();
    this.onChoose(item);
  }

  /** @param {HTMLElement[]} rows @param {boolean} [offersPersons] */
  #show(rows, offersPersons = false) {
    const q = this.box.value.trim();
    const isName = offersPersons && config.findsPersons && q.length >= LEAST_NAME && !/\d/.test(q);
    this.list.replaceChildren(...rows, ...(isName ? [this.#offer()] : []));
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

/** What is said where a bound was met. @param {{complete: boolean}} found */
function bounded(found) {
  return found.complete ? [] : [element("li", { class: "search-none" }, text("personsBounded"))];
}
