/** The fields of a form, from what the service says of them: one input each, its message beside it. */

import { config, text } from "./config.js";
import { element } from "./element.js";

/** @typedef {{value: string, title: string}} Choice */
/**
 * @typedef {{column: string, title: string, kind: string, required: boolean, fixed: boolean, personal: boolean, value: any,
 *   place: string, names: Record<string, string>, minimum: number | null, maximum: number | null, choices: Choice[],
 *   options: {code: string, name: string}[] | null}} FieldSpec
 */
/** An input with how its value is read and written. @typedef {{root: HTMLElement, read: () => any, write: (value: any) => void}} Input */

/** One field of a form with its label, its input and its message. */
export class FormField {
  /**
   * @param {FieldSpec} spec
   * @param {() => void} onChange
   */
  constructor(spec, onChange) {
    this.spec = spec;
    this.input = inputOf(spec);
    this.message = element("p", { class: "field-message", id: `field-${spec.column}-message`, role: "alert", hidden: "" });
    const isGroup = this.input.root.tagName === "DIV";
    const name = element(isGroup ? "span" : "label", { class: "field-name", id: `field-${spec.column}-name` }, spec.title, spec.required ? " *" : "");
    if (isGroup) {
      this.input.root.setAttribute("role", "group");
      this.input.root.setAttribute("aria-labelledby", name.id);
    } else {
      this.input.root.id = `field-${spec.column}`;
      name.setAttribute("for", this.input.root.id);
    }
    this.root = element("div", { class: "field", "data-field": spec.column }, name, this.input.root, this.message);
    if (!spec.personal) this.input.write(spec.value);
    this.first = JSON.stringify(this.input.read());
    this.root.addEventListener("input", () => {
      this.say("");
      onChange();
    });
  }

  /** Whether it says something else than what is stored. */
  get isChanged() {
    return JSON.stringify(this.input.read()) !== this.first;
  }

  get value() {
    return this.input.read();
  }

  /** @param {any} value */
  set value(value) {
    this.input.write(value);
  }

  /** Show what is wrong with it; an empty text for nothing. @param {string} words */
  say(words) {
    this.message.textContent = words;
    this.message.hidden = !words;
    const input = this.root.querySelector("input, select, textarea");
    if (words) input?.setAttribute("aria-describedby", this.message.id);
    input?.setAttribute("aria-invalid", String(Boolean(words)));
  }
}

/** @param {FieldSpec} spec @returns {Input} */
function inputOf(spec) {
  if (spec.kind === "priority") return counted(spec);
  if (spec.kind === "words" && spec.place && spec.options) return ticked(spec);
  if (spec.kind === "boolean") return chosen(spec, yesOrNo(spec));
  if (spec.choices.length) return chosen(spec, spec.choices);
  if (spec.place && spec.options && spec.kind !== "words") return chosen(spec, spec.options.map((one) => ({ value: one.code, title: named(one) })));
  return written(spec);
}

/** @param {{code: string, name: string}} option */
function named({ code, name }) {
  return name && name !== code ? `${name} · ${code}` : code;
}

/** @param {FieldSpec} spec @returns {Choice[]} */
function yesOrNo(spec) {
  const titles = spec.choices.length ? spec.choices : [{ value: "true", title: text("yes") }, { value: "false", title: text("no") }];
  return titles;
}

/** @param {FieldSpec} spec @param {Choice[]} choices @returns {Input} */
function chosen(spec, choices) {
  const root = element("select", {}, element("option", { value: "" }, emptyOf(spec)), ...choices.map(({ value, title }) => element("option", { value }, title)));
  root.disabled = spec.fixed;
  const isBoolean = spec.kind === "boolean";
  return {
    root,
    read: () => (root.value === "" ? null : isBoolean ? root.value === "true" : root.value),
    write: (value) => {
      root.value = value === null || value === undefined ? "" : String(value);
    },
  };
}

/** What an empty choice says: places are found by position where nobody says otherwise. @param {FieldSpec} spec */
function emptyOf(spec) {
  return ["community", "neighbourhood", "building"].includes(spec.place) ? text("foundByPosition") : "—";
}

/** @param {FieldSpec} spec @returns {Input} */
function written(spec) {
  const isLong = spec.kind === "words";
  const root = isLong ? element("textarea", { rows: "2" }) : element("input", { type: spec.kind === "date" ? "date" : "text", autocomplete: "off" });
  if (spec.kind === "integer") root.setAttribute("inputmode", "numeric");
  if (spec.personal && spec.value) root.setAttribute("placeholder", text("keptAs", { value: spec.value }));
  if (spec.column === "code" && !spec.required) root.setAttribute("placeholder", text("givenByItself"));
  if (isLong) root.setAttribute("placeholder", text("partedBySemicolons"));
  root.disabled = spec.fixed;
  return {
    root,
    read: () => {
      const words = root.value.trim();
      if (!words) return null;
      if (isLong) return words.split(/[;；，、,\n]+/).map((word) => word.trim()).filter(Boolean);
      return words;
    },
    write: (value) => {
      root.value = Array.isArray(value) ? value.join("; ") : String(value ?? "");
    },
  };
}

/** Places of which several can be ticked. @param {FieldSpec} spec @returns {Input} */
function ticked(spec) {
  const boxes = (spec.options ?? []).map((one) => {
    const box = element("input", { type: "checkbox", value: one.code });
    return { box, row: element("label", { class: "tick" }, box, named(one)) };
  });
  const root = element("div", { class: "ticks", tabindex: "0" }, ...boxes.map(({ row }) => row));
  return {
    root,
    read: () => {
      const found = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
      return found.length ? found : null;
    },
    write: (value) => {
      for (const { box } of boxes) box.checked = (value ?? []).includes(box.value);
    },
  };
}

/** How many people of each group. @param {FieldSpec} spec @returns {Input} */
function counted(spec) {
  const inputs = spec.choices.map(({ value, title }) => {
    const input = element("input", { type: "number", min: "0", max: "500", inputmode: "numeric" });
    return { tag: value, input, row: element("label", { class: "count" }, element("span", {}, title), input) };
  });
  return {
    root: element("div", { class: "counts" }, ...inputs.map(({ row }) => row)),
    read: () => {
      const found = inputs.filter(({ input }) => Number(input.value) > 0).map(({ tag, input }) => `${tag}:${Number(input.value)}`);
      return found.length ? found : null;
    },
    write: (value) => {
      const numbers = new Map((value ?? []).map((/** @type {string} */ entry) => /** @type {[string, string]} */ (entry.split(":"))));
      for (const { tag, input } of inputs) input.value = String(numbers.get(tag) ?? "");
    },
  };
}

/**
 * How a value reads beside another one.
 * @param {FieldSpec} spec
 * @param {any} value
 */
export function said(spec, value) {
  if (value === null || value === undefined || value === "") return "—";
  if (Array.isArray(value)) return value.map((word) => titled(spec, word)).join(config.language === "zh" ? "、" : ", ");
  if (typeof value === "boolean") return yesOrNo(spec).find((one) => one.value === String(value))?.title ?? String(value);
  return titled(spec, String(value));
}

/** @param {FieldSpec} spec @param {string} word */
function titled(spec, word) {
  const [tag, count] = spec.kind === "priority" ? word.split(":") : [word, ""];
  const title = spec.choices.find((one) => one.value === tag)?.title ?? spec.options?.find((one) => one.code === tag)?.name ?? tag;
  return count ? `${title} ${count}` : title;
}
