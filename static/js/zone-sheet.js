/** The sheet beside a drawing: tools, kind, the impact at every change, and saving as a draft. */

import { config, text } from "./config.js";
import { Drawing } from "./zone-drawing.js";
import { element, icon, one } from "./element.js";
import { Trouble, postJson } from "./request.js";
import { Sheet } from "./sheet.js";
import { impactOf } from "./zone-impact.js";

/** @typedef {import("./zone-drawing.js").Tool} Tool */

const WAIT_MS = 250; // after the last change, before the service is asked
const TOOLS = /** @type {const} */ (["polygon", "circle", "building"]);
const CORNER = "bottomright";

export class ZoneSheet {
  /**
   * @param {L.Map} map
   * @param {import("./pick.js").Picker} picker
   * @param {{onSaved: (code: string) => void, onOpen: () => void}} events
   */
  constructor(map, picker, events) {
    this.map = map;
    this.events = events;
    this.sheet = new Sheet(one("#zone"), () => this.close());
    this.body = one("#zone .sheet-body");
    this.drawing = new Drawing(map, picker, () => this.#changed());
    this.timer = 0;
    this.pending = new AbortController();
    if (config.draftsZones) new ZoneButton(() => this.open()).addTo(map);
  }

  /** Whether taps on the map belong to the drawing. */
  get isOpen() {
    return this.sheet.isOpen;
  }

  open() {
    this.events.onOpen();
    this.drawing.clear();
    this.drawing.shapes.addTo(this.map);
    this.map.doubleClickZoom.disable(); // two quick corners are not a wish to go closer
    this.#build();
    this.sheet.open("half");
  }

  close() {
    this.pending.abort();
    clearTimeout(this.timer);
    this.drawing.shapes.remove();
    this.map.doubleClickZoom.enable();
    if (this.sheet.isOpen) this.sheet.close();
  }

  /** @param {L.LatLng} at */
  tap(at) {
    return this.drawing.tap(at).catch((/** @type {Error} */ reason) => this.#say(reason.message));
  }

  #build() {
    const layer = config.layers.find(({ name }) => name === "closure_zone");
    const kinds = (layer?.signs ?? []).map(({ value, title }) => element("option", { value }, title));
    this.type = element("select", { name: "type" }, ...kinds);
    this.type.addEventListener("change", () => {
      this.drawing.type = this.type?.value ?? "lockdown";
      this.drawing.draw();
      this.#changed();
    });
    this.name = element("input", { name: "name", required: "", maxlength: "100", autocomplete: "off" });
    this.snap = element("select", { name: "snap" }, ...["building", "estate"].map((to) => element("option", { value: to }, text(`zoneSnap_${to}`))));
    this.trouble = element("p", { class: "zone-trouble", role: "alert" });
    this.result = element("div", { class: "zone-result", "aria-live": "polite" });
    this.save = element("button", { class: "button primary", type: "submit", disabled: "" }, text("zoneSave"));
    const form = element(
      "form", { class: "zone-form" }, this.#tools(), this.#radius(), element("p", { class: "meta" }, text("zoneHow")),
      field("zoneKind", this.type), this.result, field("zoneSnap", this.snap), field("zoneName", this.name), this.trouble,
      element("div", { class: "zone-buttons" }, this.save, this.#undo()),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#store();
    });
    this.body.replaceChildren(element("h2", {}, text("zoneDraw")), form);
  }

  #tools() {
    const buttons = TOOLS.map((tool) => {
      const made = element("button", { class: "button", type: "button", "aria-pressed": String(tool === this.drawing.tool) }, text(`zoneTool_${tool}`));
      made.addEventListener("click", () => {
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === made));
        this.drawing.use(tool);
        one(".zone-radius", this.body).hidden = tool !== "circle";
      });
      return made;
    });
    return element("div", { class: "zone-tools", role: "group", "aria-label": text("zoneTools") }, ...buttons);
  }

  #radius() {
    const range = element("input", { type: "range", min: "20", max: "1000", step: "10", value: String(this.drawing.radiusM) });
    const told = element("output", {}, text("m", { m: this.drawing.radiusM }));
    range.addEventListener("input", () => {
      this.drawing.radiusM = Number(range.value);
      told.textContent = text("m", { m: range.value });
      this.drawing.draw();
      this.#changed();
    });
    const label = element("label", { class: "zone-radius" }, text("zoneRadius"), range, told);
    label.hidden = this.drawing.tool !== "circle";
    return label;
  }

  #undo() {
    const made = element("button", { class: "button", type: "button" }, text("zoneUndo"));
    made.addEventListener("click", () => this.drawing.undo());
    return made;
  }

  #changed() {
    clearTimeout(this.timer);
    this.pending.abort();
    this.#say("");
    const scope = this.drawing.scope;
    this.save?.toggleAttribute("disabled", !scope);
    if (!scope) return this.result?.replaceChildren();
    this.timer = setTimeout(() => this.#ask(scope), WAIT_MS);
  }

  /** @param {import("./zone-drawing.js").Scope} scope */
  async #ask(scope) {
    this.pending = new AbortController();
    const { signal } = this.pending;
    try {
      const impact = await postJson("/api/v1/closure_zones/impact", { ...scope, type: this.type?.value }, signal);
      if (!signal.aborted) this.result?.replaceChildren(impactOf(impact));
    } catch (reason) {
      if (!signal.aborted) this.#say(wordsOf(/** @type {Error} */ (reason)));
    }
  }

  async #store() {
    const scope = this.drawing.scope;
    if (!scope || !this.save) return;
    this.save.disabled = true;
    try {
      const snap = this.drawing.tool === "building" ? {} : { snap: this.snap?.value };
      const body = { ...scope, ...snap, type: this.type?.value, name: this.name?.value.trim() };
      const saved = await postJson("/api/v1/closure_zones", body);
      this.close();
      this.events.onSaved(saved.code);
    } catch (reason) {
      this.#say(wordsOf(/** @type {Error} */ (reason)));
    } finally {
      this.save.disabled = false;
    }
  }

  /** @param {string} words */
  #say(words) {
    if (this.trouble) this.trouble.textContent = words;
  }
}

/** A drawing that crosses itself is refused as a value; say that of the drawing. @param {Error} reason */
function wordsOf(reason) {
  const isDrawing = reason instanceof Trouble && reason.message === text("unusable");
  return isDrawing ? text("zoneInvalid") : reason.message;
}

/** @param {string} key @param {HTMLElement} control */
function field(key, control) {
  return element("label", { class: "zone-field" }, text(key), control);
}

class ZoneButton extends L.Control {
  /** @param {() => void} onOpen */
  constructor(onOpen) {
    super({ position: CORNER });
    this.onOpen = onOpen;
  }

  /** @override */
  onAdd() {
    const words = text("zoneButton");
    const button = element("button", { type: "button", class: "map-button", title: text("zoneDraw"), "aria-controls": "zone" }, icon("zone"), words);
    button.addEventListener("click", this.onOpen);
    const bar = element("div", { class: "leaflet-bar" }, button);
    L.DomEvent.disableClickPropagation(bar);
    return bar;
  }
}
