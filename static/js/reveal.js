/** Shows one person in the clear: asks why, shows the values for a minute, and masks them again. */

import { text } from "./config.js";
import { element, icon } from "./element.js";
import { postJson } from "./request.js";

/** @typedef {{column: string, title: string, value: string}} Field */

const LEAST_REASON = "4";
const MOST_REASON = "200";

export class Reveal {
  /** @param {HTMLElement} within where answers about things appear and go */
  constructor(within) {
    this.within = within;
    /** @type {(() => void) | null} what masks the values again that are open */
    this.mask = null;
    within.addEventListener("click", (event) => this.#tap(event));
    document.addEventListener("visibilitychange", () => document.hidden && this.hide());
  }

  /** Mask what is open. */
  hide() {
    this.mask?.();
    this.mask = null;
  }

  /** @param {Event} event */
  #tap(event) {
    const button = /** @type {Element} */ (event.target).closest("[data-reveal]");
    const person = button?.closest("[data-person]");
    if (person instanceof HTMLElement) this.#ask(person);
  }

  /** Ask for the reason in place of the button. @param {HTMLElement} person */
  #ask(person) {
    const asked = /** @type {HTMLElement} */ (person.querySelector(".reveal"));
    const reason = element("textarea", { name: "reason", required: "", minlength: LEAST_REASON, maxlength: MOST_REASON, rows: "2" });
    const task = element("input", { name: "task", maxlength: MOST_REASON, autocomplete: "off" });
    const cancel = element("button", { class: "button", type: "button" }, text("cancel"));
    const show = element("button", { class: "button primary", type: "submit" }, icon("eye"), text("showMinute"));
    const trouble = element("p", { class: "reveal-trouble", role: "alert" });
    const form = element(
      "form", { class: "reveal-form" },
      element("label", {}, text("revealReason"), reason), element("label", {}, text("revealTask"), task),
      element("p", { class: "meta" }, text("revealKept")), trouble,
      element("div", { class: "reveal-buttons" }, show, cancel),
    );
    const back = () => {
      form.remove();
      asked.hidden = false;
    };
    cancel.addEventListener("click", back);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      trouble.textContent = "";
      show.disabled = true;
      try {
        const answer = await postJson(addressOf(person), { reason: reason.value.trim(), task: task.value.trim() });
        back();
        this.#show(person, answer.fields, answer.hide_after_s);
      } catch (failure) {
        trouble.textContent = /** @type {Error} */ (failure).message;
      } finally {
        show.disabled = false;
      }
    });
    asked.hidden = true;
    person.append(form);
    reason.focus();
  }

  /**
   * Show values in place of their masks until the time is over, the person hides them, or the page is left.
   * @param {HTMLElement} person
   * @param {Field[]} fields
   * @param {number} seconds
   */
  #show(person, fields, seconds) {
    this.hide();
    const asked = /** @type {HTMLElement} */ (person.querySelector(".reveal"));
    const masked = fields.map(({ column, value }) => put(person, column, value));
    const left = element("span", { class: "meta" });
    const hide = element("button", { class: "button", type: "button" }, text("hideNow"));
    const until = element("div", { class: "reveal-until", role: "status" }, left, hide);
    const end = Date.now() + seconds * 1000;
    const tick = () => {
      const remaining = Math.ceil((end - Date.now()) / 1000);
      left.textContent = text("hiddenIn", { n: Math.max(remaining, 0) });
      if (remaining <= 0 || !person.isConnected) this.hide();
    };
    const timer = setInterval(tick, 1000);
    this.mask = () => {
      clearInterval(timer);
      for (const back of masked) back();
      until.remove();
      asked.hidden = false;
      person.classList.remove("open");
    };
    hide.addEventListener("click", () => this.hide());
    asked.hidden = true;
    person.classList.add("open");
    person.append(until);
    tick();
  }
}

/**
 * Put a value in place of its mask and return what puts the mask back.
 * @param {HTMLElement} person
 * @param {string} column
 * @param {string} value
 */
function put(person, column, value) {
  const place = person.querySelector(`[data-personal="${column}"]`);
  const mask = place?.textContent ?? "";
  if (place) place.textContent = value;
  return () => {
    if (place) place.textContent = mask;
  };
}

/** @param {HTMLElement} person */
function addressOf(person) {
  const [layer, ...code] = (person.dataset.person ?? "").split("/");
  return `/api/v1/persons/${layer}/${encodeURIComponent(code.join("/"))}/reveal`;
}
