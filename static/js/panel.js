/** The panel: the answer about what was tapped, as the service words it. */

import { POSITION, isSame, positionOf } from "./address.js";
import { text } from "./config.js";
import { element, icon, one } from "./element.js";
import { Trouble, getHtml } from "./request.js";
import { Reveal } from "./reveal.js";
import { Sheet } from "./sheet.js";
import { drawSign } from "./swatch.js";

/** @typedef {import("./address.js").Selection} Selection */

export class Panel {
  /**
   * @param {{onClose: () => void, onAnswer: (answer: HTMLElement) => void, onRow: (row: HTMLElement) => void,
   *   onOpen: (selection: Selection) => void, onEdit: (selection: Selection) => void,
   *   onHistory: (selection: Selection) => void, onNotice: (words: string) => void}} events
   */
  constructor(events) {
    this.events = events;
    this.sheet = new Sheet(one("#panel"), events.onClose);
    this.body = one("#panel .sheet-body");
    this.pending = new AbortController();
    this.reveal = new Reveal(this.body);
    /** @type {Selection | null} */
    this.shown = null;
    this.body.addEventListener("click", (event) => this.#tap(event));
  }

  /**
   * Ask about a selection and show the answer.
   * @param {Selection} selection
   */
  async show(selection) {
    this.pending.abort();
    this.pending = new AbortController();
    if (!isSame(this.shown, selection)) this.#replace(0, waiting());
    this.shown = selection;
    this.sheet.open("half");
    await this.#load(selection, this.pending.signal);
  }

  close() {
    this.pending.abort();
    this.reveal.hide();
    this.shown = null;
    if (this.sheet.isOpen) this.sheet.close();
  }

  /** @param {Selection} selection @param {AbortSignal} signal */
  async #load(selection, signal) {
    try {
      const html = await getHtml(...addressOf(selection), signal);
      if (!signal.aborted) this.#answer(html);
    } catch (reason) {
      if (!signal.aborted) this.#replace(0, this.#failed(selection, /** @type {Error} */ (reason)));
    }
  }

  /** @param {string} html from our own service, escaped there */
  #answer(html) {
    this.#replace(this.body.scrollTop, ...new DOMParser().parseFromString(html, "text/html").body.children);
    for (const place of /** @type {NodeListOf<HTMLElement>} */ (this.body.querySelectorAll("[data-shows]"))) {
      drawSign(place, place.dataset.shows ?? "");
    }
    const answer = this.body.querySelector("article");
    if (answer) this.events.onAnswer(answer);
  }

  /** @param {number} scrollTop @param {Element[]} content */
  #replace(scrollTop, ...content) {
    this.reveal.hide();
    this.body.replaceChildren(...content);
    this.body.scrollTop = scrollTop;
  }

  /** @param {Selection} selection @param {Error} reason */
  #failed(selection, reason) {
    const words = [icon("alert"), element("p", {}, reason.message)];
    if (reason instanceof Trouble && !reason.isPassing) return element("div", { class: "panel-trouble", role: "alert" }, ...words);
    const again = element("button", { class: "button", type: "button" }, icon("refresh"), text("retry"));
    again.addEventListener("click", () => this.show(selection));
    return element("div", { class: "panel-trouble", role: "alert" }, ...words, again);
  }

  /** @param {Event} event */
  #tap(event) {
    const target = /** @type {Element} */ (event.target);
    const row = target.closest("[data-line]");
    const copied = target.closest("[data-copy]");
    const opened = target.closest("[data-open]");
    if (row instanceof HTMLElement) this.events.onRow(row);
    if (opened instanceof HTMLElement) this.events.onOpen(selectionOf(opened.dataset.open ?? ""));
    const edited = target.closest("[data-edit]");
    const past = target.closest("[data-history]");
    if (edited instanceof HTMLElement) this.events.onEdit(selectionOf(edited.dataset.edit ?? ""));
    if (past instanceof HTMLElement) this.events.onHistory(selectionOf(past.dataset.history ?? ""));
    if (copied instanceof HTMLElement) this.#copy(copied.dataset.copy ?? "");
  }

  /** @param {string} words */
  async #copy(words) {
    try {
      await navigator.clipboard.writeText(words);
      this.events.onNotice(text("copied", { words }));
    } catch {
      this.events.onNotice(words); // no secure context or no leave: shown, to be copied by hand
    }
  }
}

/** @param {Selection} selection @returns {[string, Record<string, string | number>]} */
function addressOf({ layer, code }) {
  if (layer !== POSITION) return [`/panel/${layer}/${encodeURIComponent(code)}`, {}];
  const at = positionOf(code);
  if (!at) throw Object.assign(new Trouble(text("noPosition")), { isPassing: false });
  return ["/panel/position", at];
}

/** @param {string} words layer/code @returns {Selection} */
function selectionOf(words) {
  const [layer, code] = words.split("/");
  return { layer, code };
}

function waiting() {
  return element("p", { class: "panel-waiting", role: "status" }, text("asking"));
}
