/** The form beside the map: making, changing and retiring a thing, and what to do when somebody else was faster. */

import * as drafts from "./draft.js";
import { formOf, inOwnLanguage, pathOf, retire, restore, save } from "./change.js";
import { config, text } from "./config.js";
import { Drawing } from "./drawing.js";
import { element, icon, one } from "./element.js";
import { FormField, said } from "./fields.js";
import { History } from "./history.js";
import { notice } from "./notice.js";
import { getJson } from "./request.js";
import { isShaped, shapingTools } from "./shaping.js";
import { Sheet } from "./sheet.js";

/** @typedef {import("./address.js").Selection} Selection */

export class Editor {
  /**
   * @param {L.Map} map
   * @param {{onStored: (selection: Selection | null) => void}} events
   */
  constructor(map, events) {
    this.map = map;
    this.events = events;
    this.sheet = new Sheet(one("#edit"), () => this.close());
    this.title = one("#edit .sheet-top h2");
    this.body = one("#edit .sheet-body");
    this.drawing = new Drawing(map, () => this.sheet.covered);
    this.history = new History(map, { onRestored: (selection, notes) => this.#done(selection, [text("restored"), ...notes].join(" ")) });
    /** @type {{layer: string, code: string | null, version: number | null}} */
    this.thing = { layer: "", code: null, version: null };
    /** @type {FormField[]} */
    this.fields = [];
    /** @type {any} */
    this.form = null;
    /** @type {any} */
    this.geometry = null;
    addEventListener("beforeunload", () => this.#keep());
  }

  get isOpen() {
    return this.sheet.isOpen;
  }

  /** Close; what was filled in stays for the next time. */
  close() {
    const isUnsaved = this.#keep();
    this.drawing.stop();
    this.history.clear();
    this.sheet.close();
    this.form = null;
    if (isUnsaved) notice(text("draftKept"), { label: text("goOn"), run: () => this.edit(this.thing.layer, this.thing.code) });
  }

  /** Ask which kind of thing is to be made. */
  choose() {
    this.#open(text("newThing"));
    const rows = config.layers.filter((layer) => layer.mayEdit).map((layer) => {
      const row = element("button", { class: "choice-row", type: "button", "data-new": layer.name }, layer.title);
      row.addEventListener("click", () => this.edit(layer.name, null));
      return element("li", {}, row);
    });
    this.body.replaceChildren(element("ul", { class: "choice-list" }, ...rows));
  }

  /** @param {Selection} selection */
  showHistory(selection) {
    this.#open(text("history"));
    this.history.show(this.body, selection);
  }

  /**
   * Open the form of a thing, or of a new one.
   * @param {string} layer
   * @param {string | null} code
   */
  async edit(layer, code) {
    const title = config.layers.find(({ name }) => name === layer)?.title ?? layer;
    this.#open(code ? text("editThing", { layer: title }) : text("newOf", { layer: title }));
    this.body.replaceChildren(element("p", { class: "panel-waiting", role: "status" }, text("asking")));
    try {
      this.form = await formOf(layer, code);
    } catch (reason) {
      this.body.replaceChildren(element("p", { class: "panel-trouble", role: "alert" }, /** @type {Error} */ (reason).message));
      return;
    }
    this.thing = { layer, code, version: this.form.version };
    this.geometry = null;
    this.#build();
    const draft = drafts.read(layer, code);
    if (draft) this.#takeUp(draft);
    else if (!code && this.form.geometry) this.#draw();
  }

  /** @param {string} title */
  #open(title) {
    this.drawing.stop();
    this.history.clear();
    this.title.textContent = title;
    this.sheet.open("full");
  }

  #build() {
    const { code } = this.thing;
    this.fields = this.form.fields.filter((/** @type {any} */ spec) => !(code && spec.column === "code")).map((/** @type {any} */ spec) => new FormField(spec, () => this.#keep()));
    this.trouble = element("p", { class: "form-trouble", role: "alert", hidden: "" });
    this.place = element("div", { class: "field", "data-field": "geometry" });
    const kept = element("div", { class: "draft-note", hidden: "" });
    const store = element("button", { class: "button primary", type: "submit" }, text("save"));
    const form = element("form", { class: "edit-form", novalidate: "" }, kept, this.trouble, this.place, ...this.fields.map((field) => field.root), element("div", { class: "edit-foot" }, store));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    /** @type {HTMLElement[]} */
    const parts = [form];
    if (code && isShaped(this.thing.layer)) parts.push(this.#shaping(code));
    if (code) parts.push(this.#retirement());
    this.body.replaceChildren(...parts);
    this.body.scrollTop = 0;
    this.#showPlace();
  }

  /** @param {string} code */
  #shaping(code) {
    const { layer, version } = this.thing;
    const say = (/** @type {string} */ words) => this.#say(words);
    const done = (/** @type {string} */ words, /** @type {(() => void) | null} */ undo) => this.#done({ layer, code }, words, undo);
    return shapingTools({ layer, code, version: Number(version), drawing: this.drawing, say, done });
  }

  #retirement() {
    const button = element("button", { class: "button danger", type: "button" }, icon("close"), text("retire"));
    button.addEventListener("click", () => this.#retire());
    return element("div", { class: "edit-apart" }, button);
  }

  /** Say where the thing is and how to move it. */
  #showPlace() {
    const place = /** @type {HTMLElement} */ (this.place);
    const isGrid = this.thing.layer === "neighbourhood" && this.thing.code !== null; // it moves with its neighbours only
    place.hidden = !this.form.geometry || isGrid;
    if (place.hidden) return;
    const words = this.geometry ? text("placeDrawn") : this.thing.code ? text("placeKept") : text("placeNeeded");
    const button = element("button", { class: "button", type: "button", "data-draw": "" }, icon("map"), text(this.thing.code || this.geometry ? "movePlace" : "drawPlace"));
    button.addEventListener("click", () => this.#draw());
    this.placeMessage = element("p", { class: "field-message", role: "alert", hidden: "" });
    place.replaceChildren(element("span", { class: "field-name" }, text("placeOnMap")), element("p", { class: "meta" }, words), button, this.placeMessage);
  }

  async #draw() {
    const { layer, code } = this.thing;
    const known = this.geometry ?? (code ? (await getJson(pathOf(layer, code))).geometry : null);
    document.body.dataset.drawing = "true";
    const drawn = await this.drawing.start(this.form.geometry, known, layer, code);
    delete document.body.dataset.drawing;
    if (!drawn || !this.form) return;
    this.geometry = drawn;
    this.#keep();
    this.#showPlace();
  }

  #changed() {
    return this.fields.filter((field) => field.isChanged && !field.spec.fixed);
  }

  /** Keep what is not saved yet, and return whether there is something. */
  #keep() {
    if (!this.form) return false;
    const values = Object.fromEntries(this.#changed().map((field) => [field.spec.column, field.value]));
    drafts.keep(this.thing.layer, this.thing.code, { version: this.thing.version, values, geometry: this.geometry });
    return Object.keys(values).length > 0 || Boolean(this.geometry);
  }

  /** Go on with what was filled in before. @param {drafts.Draft} draft */
  #takeUp(draft) {
    for (const field of this.fields) {
      if (field.spec.column in draft.values) field.value = draft.values[field.spec.column];
    }
    this.geometry = draft.geometry;
    if (this.geometry) this.drawing.outline(this.geometry);
    const discard = element("button", { class: "button", type: "button" }, text("discard"));
    discard.addEventListener("click", () => {
      drafts.forget(this.thing.layer, this.thing.code);
      this.form = null;
      this.edit(this.thing.layer, this.thing.code);
    });
    const note = one(".draft-note", this.body);
    note.replaceChildren(text("draftTakenUp"), discard);
    note.hidden = false;
    if (draft.version !== null && draft.version !== this.thing.version) this.#late({ version: Number(this.thing.version), words: text("changedMeanwhile"), stored: null });
    this.#showPlace();
  }

  async #save() {
    this.#say("");
    for (const field of this.fields) field.say("");
    const properties = Object.fromEntries(this.#changed().map((field) => [field.spec.column, field.value]));
    if (this.thing.code && !Object.keys(properties).length && !this.geometry) return this.#say(text("nothingChanged"));
    if (this.form.needs_geometry && !this.thing.code && !this.geometry) return this.#fault("geometry", text("placeNeeded"));
    this.#keep();
    try {
      const outcome = await save(this.thing, properties, this.geometry ?? undefined);
      if (outcome.kind === "stored") this.#stored(outcome);
      if (outcome.kind === "wrong") this.#wrong(outcome.faults);
      if (outcome.kind === "late") this.#late(outcome);
      if (outcome.kind === "refused") this.#say(outcome.words);
    } catch (reason) {
      this.#say(/** @type {Error} */ (reason).message);
    }
    return undefined;
  }

  /** @param {{code: string, version: number, notes: string[]}} outcome */
  #stored({ code, version, notes }) {
    const { layer, code: before } = this.thing;
    drafts.forget(layer, before);
    const undo = before && version > 1 ? () => this.#undo(layer, code, version) : null;
    this.#done({ layer, code }, [text("saved"), ...notes].join(" "), undo);
  }

  /** @param {string} layer @param {string} code @param {number} version */
  async #undo(layer, code, version) {
    const outcome = await restore(layer, code, version, version - 1);
    if (outcome.kind === "stored") this.#done({ layer, code }, text("undone"));
    else notice("words" in outcome ? outcome.words : text("fault"));
  }

  async #retire() {
    const { layer, code, version } = this.thing;
    const outcome = await retire(layer, /** @type {string} */ (code), /** @type {number} */ (version));
    if (outcome.kind === "late") return this.#late(outcome);
    if (outcome.kind !== "stored") return this.#say("words" in outcome ? outcome.words : text("fault"));
    drafts.forget(layer, code);
    return this.#done(null, text("retired"), () => this.#undo(layer, outcome.code, outcome.version));
  }

  /** @param {Selection | null} selection @param {string} words @param {(() => void) | null} [undo] */
  #done(selection, words, undo) {
    this.form = null;
    this.drawing.stop();
    this.history.clear();
    this.sheet.close();
    this.events.onStored(selection);
    notice(words, undo ? { label: text("undo"), run: undo } : undefined);
  }

  /** @param {import("./change.js").Fault[]} faults */
  #wrong(faults) {
    for (const fault of faults) this.#fault(fault.where, config.language === "zh" ? fault.detail_zh : fault.detail);
    /** @type {HTMLElement | null} */ (this.body.querySelector(".field-message:not([hidden])"))?.scrollIntoView({ block: "center" });
  }

  /** @param {string} where @param {string} words */
  #fault(where, words) {
    const field = this.fields.find(({ spec }) => spec.column === where);
    if (field) field.say(words);
    else if (where.startsWith("geometry") && this.placeMessage) Object.assign(this.placeMessage, { textContent: words, hidden: false });
    else this.#say(words);
  }

  /** @param {string} words */
  #say(words) {
    Object.assign(/** @type {HTMLElement} */ (this.trouble), { textContent: inOwnLanguage(words), hidden: !words });
    if (words) this.body.scrollTop = 0;
  }

  /** Show both sides where somebody else was faster; a person decides. @param {{version: number, stored: any, words: string}} late */
  #late({ version, stored, words }) {
    const mine = this.#changed();
    const theirs = (/** @type {FormField} */ field) => (stored ? stored.properties[field.spec.column] : field.spec.value);
    const rows = mine.map((field) => element("tr", {}, element("th", { scope: "row" }, field.spec.title), element("td", {}, said(field.spec, theirs(field))), element("td", {}, said(field.spec, field.value))));
    if (this.geometry) rows.push(element("tr", {}, element("th", { scope: "row" }, text("placeOnMap")), element("td", {}, text("storedPlace")), element("td", {}, text("drawnPlace"))));
    if (this.geometry && stored?.geometry) this.drawing.compare(stored.geometry, this.geometry);
    const head = element("tr", {}, element("th", {}, ""), element("th", { scope: "col" }, text("theirs")), element("th", { scope: "col" }, text("mine")));
    const keepMine = element("button", { class: "button primary", type: "button", "data-keep": "mine" }, text("saveMine"));
    const takeTheirs = element("button", { class: "button", type: "button", "data-keep": "theirs" }, text("takeTheirs"));
    const box = element("section", { class: "conflict", role: "alert" }, element("p", {}, words), element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)), keepMine, takeTheirs);
    keepMine.addEventListener("click", () => {
      this.thing.version = version;
      box.remove();
      this.#save();
    });
    takeTheirs.addEventListener("click", () => {
      drafts.forget(this.thing.layer, this.thing.code);
      this.form = null;
      this.edit(this.thing.layer, this.thing.code);
    });
    this.body.querySelector(".conflict")?.remove();
    this.body.prepend(box);
    this.body.scrollTop = 0;
  }
}
