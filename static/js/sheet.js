/** A sheet beside the map: a column at the right in landscape, rising from below with three heights in portrait. */

import { one } from "./element.js";
import { text } from "./config.js";

/** @typedef {"peek" | "half" | "full"} Height */

const HEIGHTS = /** @type {const} */ (["peek", "half", "full"]);
const TAP_PX = 6;
/** Landscape has a column instead; the same question as in static/css/map.css. */
const portrait = matchMedia("(max-width: 900px), (max-aspect-ratio: 1/1)");

export class Sheet {
  /**
   * @param {HTMLElement} root
   * @param {() => void} onClose called when a person closes it
   */
  constructor(root, onClose) {
    this.root = root;
    this.handle = /** @type {HTMLButtonElement} */ (one(".sheet-handle", root));
    this.opener = /** @type {Element | null} */ (null);
    this.rise = 0; // how far the last drag went, in pixels
    one(".sheet-close", root).addEventListener("click", onClose);
    root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      onClose();
    });
    this.handle.addEventListener("pointerdown", (event) => this.#drag(event));
    this.handle.addEventListener("click", () => this.rise < TAP_PX && this.#turn());
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** How much of the map's right and lower side an open sheet covers, in pixels. */
  get covered() {
    if (!this.isOpen) return { right: 0, bottom: 0 };
    const { width, height } = this.root.getBoundingClientRect();
    return portrait.matches ? { right: 0, bottom: height } : { right: width, bottom: 0 };
  }

  /** @param {Height} height used in portrait, if the sheet was closed */
  open(height) {
    if (!this.isOpen) {
      this.opener = document.activeElement;
      this.root.hidden = false;
      this.#rise(height);
    }
    this.root.focus({ preventScroll: true });
  }

  close() {
    this.root.hidden = true;
    this.#tellBody();
    if (this.opener instanceof HTMLElement) this.opener.focus({ preventScroll: true });
  }

  /** @param {Height} height */
  #rise(height) {
    this.root.dataset.height = height;
    this.root.style.removeProperty("height");
    this.handle.setAttribute("aria-label", text(height === "full" ? "lower" : "raise"));
    this.#tellBody();
  }

  /** Let the page's style know what is covered, so that scale, buttons and stamps stay in sight. */
  #tellBody() {
    const open = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".sheet:not([hidden])"))];
    document.body.dataset.sheet = open.at(-1)?.dataset.height ?? "none";
  }

  #turn() {
    const next = { peek: "half", half: "full", full: "peek" };
    this.#rise(/** @type {Height} */ (next[/** @type {Height} */ (this.root.dataset.height)]));
  }

  /** @param {PointerEvent} start */
  #drag(start) {
    const from = this.root.getBoundingClientRect().height;
    let rise = 0;
    this.rise = 0;
    if (!portrait.matches) return;
    this.handle.setPointerCapture(start.pointerId);
    this.root.classList.add("is-dragged");
    const move = (/** @type {PointerEvent} */ event) => {
      rise = start.clientY - event.clientY;
      this.root.style.height = `${Math.max(96, from + rise)}px`;
    };
    const end = () => {
      this.handle.removeEventListener("pointermove", move);
      this.root.classList.remove("is-dragged");
      this.rise = Math.abs(rise);
      if (this.rise >= TAP_PX) this.#rise(this.#nearest(from + rise));
    };
    this.handle.addEventListener("pointermove", move);
    this.handle.addEventListener("lostpointercapture", end, { once: true });
  }

  /** @param {number} pixels @returns {Height} */
  #nearest(pixels) {
    const whole = this.root.parentElement?.clientHeight ?? innerHeight;
    const stops = { peek: 112, half: whole / 2, full: whole };
    return HEIGHTS.reduce((best, next) => (Math.abs(stops[next] - pixels) < Math.abs(stops[best] - pixels) ? next : best));
  }
}
