/** The tiles that were fetched, shared by the canvases that draw them; failures are told once and not drawn. */

import { ask } from "./request.js";

const KEPT = 96;

export class Store {
  /** @param {(reason: Error) => void} onTrouble */
  constructor(onTrouble) {
    this.onTrouble = onTrouble;
    /** @type {Map<string, Promise<ArrayBuffer>>} */
    this.fetched = new Map();
  }

  /** Ask the service again for everything; what did not change costs it next to nothing (304). */
  forget() {
    this.fetched.clear();
  }

  /**
   * Return what protomaps asks for tiles, in the place of a tile archive.
   * @param {string[]} names of layers
   */
  source(names) {
    return { getZxy: (/** @type {number[]} */ ...zxy) => this.#tile(`/tiles/${names.join()}/${zxy.slice(0, 3).join("/")}.mvt`) };
  }

  /** @param {string} path @returns {Promise<{data: ArrayBuffer} | undefined>} */
  async #tile(path) {
    try {
      const data = await this.#fetch(path);
      return data.byteLength ? { data } : undefined;
    } catch (reason) {
      this.onTrouble(/** @type {Error} */ (reason));
      throw Object.assign(new Error("no tile"), { name: "AbortError" }); // protomaps keeps quiet about these
    }
  }

  /** @param {string} path */
  #fetch(path) {
    const known = this.fetched.get(path);
    if (known) return known;
    const data = ask(path).then((response) => response.arrayBuffer());
    this.fetched.set(path, data);
    data.catch(() => this.fetched.delete(path));
    if (this.fetched.size > KEPT) this.fetched.delete(/** @type {string} */ (this.fetched.keys().next().value));
    return data;
  }
}
