/** Sends changes to the service; what it refuses comes back with every reason, not as a failure. */

import { config, text } from "./config.js";
import { ask, getJson } from "./request.js";

/** @typedef {{where: string, code: string, detail: string, detail_zh: string}} Fault */
/**
 * What became of a change. `kind` is stored, wrong (with `faults`), late (with `version` and `stored`) or refused.
 * @typedef {{kind: "stored", code: string, version: number, notes: string[]} |
 *   {kind: "wrong", faults: Fault[]} | {kind: "late", version: number, stored: any, words: string} |
 *   {kind: "refused", words: string}} Outcome
 */

const ANSWERED = [403, 404, 409, 412, 422, 428];

/** @param {string} layer @param {string} [code] */
export function pathOf(layer, code) {
  return `/api/v1/layers/${layer}/features${code ? `/${encodeURIComponent(code)}` : ""}`;
}

/** @param {string} layer @param {string | null} code @returns {Promise<any>} */
export function formOf(layer, code) {
  return getJson(`/api/v1/layers/${layer}/form`, { ...(code ? { code } : {}), lang: config.language });
}

/**
 * Make a thing (no code) or change one based on a version.
 * @param {{layer: string, code: string | null, version: number | null}} thing
 * @param {Record<string, unknown>} properties
 * @param {object | undefined} geometry
 * @returns {Promise<Outcome>}
 */
export function save({ layer, code, version }, properties, geometry) {
  const body = { type: "Feature", properties, ...(geometry ? { geometry } : {}) };
  return code ? send("PATCH", pathOf(layer, code), version, body) : send("POST", pathOf(layer), null, body);
}

/** @param {string} layer @param {string} code @param {number} version */
export function retire(layer, code, version) {
  return send("DELETE", pathOf(layer, code), version);
}

/** @param {string} layer @param {string} code @param {number} version the present one @param {number} to */
export function restore(layer, code, version, to) {
  return send("POST", `${pathOf(layer, code)}/restore`, version, { version: to });
}

/**
 * @param {string} method
 * @param {string} path
 * @param {number | null} version
 * @param {object} [body]
 * @returns {Promise<Outcome>}
 */
async function send(method, path, version, body) {
  /** @type {Record<string, string>} */
  const headers = { "X-CSRF-Token": config.csrf };
  if (version !== null) headers["If-Match"] = `"v${version}"`;
  if (body) headers["Content-Type"] = "application/json";
  const response = await ask(path, {}, undefined, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) }, ANSWERED);
  return outcomeOf(response.status, await response.json());
}

/** @param {number} status @param {any} answer @returns {Outcome} */
function outcomeOf(status, answer) {
  if (status < 300) {
    const notes = (answer.notes ?? []).map((/** @type {any} */ note) => (config.language === "zh" ? note.zh : note.en));
    return { kind: "stored", code: answer.id ?? answer.code, version: answer.version, notes };
  }
  if (status === 412) return { kind: "late", version: answer.version, stored: answer.stored, words: inOwnLanguage(answer.detail) };
  if (status === 422 && answer.errors) return { kind: "wrong", faults: answer.errors };
  return { kind: "refused", words: status === 404 ? text("gone") : inOwnLanguage(answer.detail) };
}

/** A sentence the service says in English and then in Chinese, in the reader's language. @param {string} words */
export function inOwnLanguage(words) {
  const from = words.search(/[\u3400-\u9fff]/);
  if (from <= 0) return words;
  return (config.language === "zh" ? words.slice(from) : words.slice(0, from)).trim();
}
