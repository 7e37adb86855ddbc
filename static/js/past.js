/** Looking back: which moment the page shows, the bar that chooses it and the banner that says so. */

import { text } from "./config.js";
import { element, icon, one } from "./element.js";
import { dayAndClock } from "./words.js";

const DAYS = 90; // how far back the slider reaches; the field beside it goes further
const DAY_MS = 86_400_000;
const REST_MS = 250;
const SHANGHAI = "+08:00";
const SHANGHAI_MS = 8 * 3_600_000;
/** What can be asked about a moment; forms, histories and persons are of now. */
const DATED = /^\/(tiles\/(?!basemap\/)|panel\/|api\/v1\/(layers\/counts|layers\/[a-z_]+\/features(\/[^/]+)?$|search|places|nearest|covering|buildings))/;

/** The moment that is shown, ISO 8601 with its zone; empty for now. */
let moment = "";

/** The moment that is shown, or an empty text for now. */
export function shownMoment() {
  return moment;
}

/**
 * Return what has to be asked beside a read of an address.
 * @param {string} path
 * @returns {Record<string, string>}
 */
export function dated(path) {
  return moment && DATED.test(path) ? { as_of: moment } : {};
}

/**
 * Show a moment where there is no bar to choose it; one that cannot be, or is still to come, shows now.
 * @param {string} wanted
 */
export function showMoment(wanted) {
  const at = new Date(wanted);
  moment = wanted && !Number.isNaN(at.getTime()) && at <= new Date() ? wanted : "";
  return at;
}

export class Past {
  /** @param {{onChange: () => void}} events */
  constructor({ onChange }) {
    this.onChange = onChange;
    this.timer = 0;
    this.bar = one("#past");
    this.slider = element("input", { type: "range", min: String(-DAYS), max: "0", step: "1", "aria-label": text("dayShown") });
    this.field = element("input", { type: "datetime-local", "aria-label": text("momentShown") });
    this.words = element("strong", { role: "status" });
    const back = element("button", { type: "button", class: "button" }, text("backToNow"));
    back.addEventListener("click", () => this.show("", true));
    this.slider.addEventListener("input", () => this.#later(this.#slid()));
    this.field.addEventListener("change", () => this.#later(this.#typed()));
    const choose = element("div", { class: "past-choose" }, this.slider, this.field);
    this.bar.replaceChildren(element("p", { class: "past-words" }, icon("clock"), this.words), choose, back);
  }

  /** Open the bar at yesterday, or go back to now. */
  toggle() {
    this.show(moment ? "" : local(new Date(Date.now() - DAY_MS)) + SHANGHAI, true);
  }

  /**
   * Show a moment; an empty text shows now.
   * @param {string} wanted
   * @param {boolean} [tells]
   */
  show(wanted, tells = false) {
    const at = showMoment(wanted);
    this.bar.hidden = !moment;
    document.body.toggleAttribute("data-past", Boolean(moment));
    if (moment) {
      this.words.textContent = text("asItWas", { when: dayAndClock(at) });
      this.field.max = local(new Date());
      this.field.value = local(at);
      this.slider.value = String(-Math.round((Date.now() - at.getTime()) / DAY_MS));
    }
    if (tells) this.onChange();
  }

  /** @param {string} wanted */
  #later(wanted) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(wanted, true), REST_MS);
  }

  #slid() {
    const days = Number(this.slider.value);
    return days ? local(new Date(Date.now() + days * DAY_MS)) + SHANGHAI : "";
  }

  #typed() {
    return this.field.value ? this.field.value + SHANGHAI : "";
  }
}

/** A moment as the field of a form writes it, by the clock of Shanghai. @param {Date} at */
function local(at) {
  return new Date(at.getTime() + SHANGHAI_MS).toISOString().slice(0, 16);
}
