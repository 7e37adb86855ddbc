/** The sheet to pass a view on: its link to copy, and the way to paper. */

import { config, text } from "./config.js";
import { element, icon, one } from "./element.js";
import { Sheet } from "./sheet.js";

export class Share {
  /** @param {{linkOf: () => string, onNotice: (words: string) => void}} events `linkOf` says what the view's address holds behind its # */
  constructor({ linkOf, onNotice }) {
    this.linkOf = linkOf;
    this.onNotice = onNotice;
    this.sheet = new Sheet(one("#share"), () => this.sheet.close());
    this.field = element("input", { readonly: "", id: "share-link", "aria-label": text("shareLink") });
    this.paper = element("a", { class: "button", id: "share-print" }, icon("print"), text("sharePrint"));
    const copy = element("button", { type: "button", class: "button primary", id: "share-copy" }, icon("copy"), text("shareCopy"));
    copy.addEventListener("click", () => this.#copy());
    this.field.addEventListener("focus", () => this.field.select());
    one("#share .sheet-body").append(
      element("section", {}, this.field, copy, element("p", { class: "meta" }, text("shareRights"))),
      element("section", {}, this.paper, element("p", { class: "meta" }, text("shareRecord"))),
    );
  }

  toggle() {
    if (this.sheet.isOpen) return this.sheet.close();
    this.update();
    return this.sheet.open("half");
  }

  /** Name the view that is seen now. */
  update() {
    const view = this.linkOf();
    this.field.value = `${location.origin}${location.pathname}#${view}`;
    this.paper.href = `${config.root}/print?${view}`;
  }

  async #copy() {
    this.update();
    try {
      await navigator.clipboard.writeText(this.field.value);
      this.onNotice(text("shareCopied"));
    } catch {
      this.field.focus(); // no secure context or no leave: selected, to be copied by hand
      this.onNotice(text("shareByHand"));
    }
  }
}
