/** The steps of a zone's life in its panel: asks the service for one, with the order it needs. */

import { text } from "./config.js";
import { one } from "./element.js";
import { postJson } from "./request.js";

export class ZoneSteps {
  /** @param {HTMLElement} within where panels appear @param {(code: string) => void} onDone */
  constructor(within, onDone) {
    this.onDone = onDone;
    within.addEventListener("click", (event) => {
      const button = /** @type {Element} */ (event.target).closest("[data-zone-step]");
      if (button instanceof HTMLButtonElement) this.#take(button);
    });
  }

  /** @param {HTMLButtonElement} button */
  async #take(button) {
    const place = /** @type {HTMLElement} */ (button.closest("[data-zone]"));
    const trouble = one(".zone-trouble", place);
    const { zone: code = "", version } = place.dataset;
    trouble.textContent = "";
    /** @type {Record<string, unknown>} */
    const body = { version: Number(version) };
    if (button.dataset.ordered !== undefined) {
      const form = /** @type {HTMLFormElement} */ (one("form", place));
      one("details", place).setAttribute("open", "");
      if (!form.reportValidity()) return;
      body.order = orderOf(new FormData(form));
    }
    button.disabled = true;
    try {
      await postJson(`/api/v1/closure_zones/${encodeURIComponent(code)}/${button.dataset.zoneStep}`, body);
      this.onDone(code);
    } catch (reason) {
      trouble.textContent = /** @type {Error} */ (reason).message;
      button.disabled = false;
    }
  }
}

/** @param {FormData} form */
function orderOf(form) {
  const now = new Date().toISOString();
  const words = (/** @type {string} */ name) => String(form.get(name) ?? "").trim() || null;
  const end = words("ends_at");
  return {
    ...{ doc_no: words("doc_no"), issuer: words("issuer"), issuer_level: words("issuer_level"), legal_basis: words("legal_basis") },
    ...{ issued_at: now, effective_at: now, ends_at: end && `${end}:00+08:00`, reason: words("reason") ?? text("zoneUnknown") },
    is_oral: form.get("is_oral") !== null,
  };
}
