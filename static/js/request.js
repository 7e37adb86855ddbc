/** Asks the service, and says in words what went wrong. */

import { config, text } from "./config.js";
import { dated } from "./past.js";

const HTTP_DATE_LENGTH = 29; // some servers say it twice

const FINAL = [403, 404, 422]; // asking again gets the same answer

/** A failure that can be shown to a person as it is. */
export class Trouble extends Error {
  /** Whether asking again may help. */
  isPassing = true;
}

/** When the service last answered, by its own clock. */
export let answeredAt = new Date(config.now);

/**
 * Return the JSON at an address of the service.
 * @param {string} path
 * @param {Record<string, string | number>} [parameters]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function getJson(path, parameters = {}, signal) {
  return (await ask(path, parameters, signal)).json();
}

/**
 * Return the HTML at an address of the service.
 * @param {string} path
 * @param {Record<string, string | number>} [parameters]
 * @param {AbortSignal} [signal]
 */
export async function getHtml(path, parameters = {}, signal) {
  return (await ask(path, { ...parameters, lang: config.language }, signal)).text();
}

/**
 * Send JSON to an address of the service and return its JSON; for changes, and for what no log of addresses may hold.
 * @param {string} path
 * @param {Record<string, unknown>} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function postJson(path, body, signal) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": config.csrf };
  return (await ask(path, {}, signal, { method: "POST", headers, body: JSON.stringify({ ...body, ...dated(path) }) })).json();
}

/**
 * Return the response of an address, or throw Trouble with a sentence for people.
 * @param {string} path
 * @param {Record<string, string | number>} parameters
 * @param {AbortSignal} [signal]
 * @param {RequestInit} [how]
 * @param {number[]} [expected] statuses that are answers, not troubles
 */
export async function ask(path, parameters = {}, signal, how = {}, expected = []) {
  const address = new URL(`${config.root}${path}`, location.origin);
  for (const [name, value] of Object.entries({ ...parameters, ...(how.method ? {} : dated(path)) })) address.searchParams.set(name, String(value));
  const response = await fetch(address, { ...how, signal }).catch(refuseUnlessAborted);
  noteTime(response);
  if (response.ok || expected.includes(response.status)) return response;
  await response.text().catch(() => ""); // an answer that is left lying keeps its connection
  const isThen = response.status === 404 && !how.method && "as_of" in dated(path);
  const trouble = new Trouble(text(isThen ? "notThen" : sentenceFor(response.status)));
  throw Object.assign(trouble, { isPassing: !FINAL.includes(response.status) });
}

/** @param {Response} response */
function noteTime(response) {
  const told = Date.parse(response.headers.get("date")?.slice(0, HTTP_DATE_LENGTH) ?? "");
  if (!Number.isNaN(told)) answeredAt = new Date(told);
}

/** @param {Error} reason @returns {never} */
function refuseUnlessAborted(reason) {
  if (reason.name === "AbortError") throw reason;
  throw new Trouble(text("unreachable"));
}

/** @param {number} status */
function sentenceFor(status) {
  if (status === 404) return "gone";
  if (status === 403) return "forbidden";
  if (status === 422) return "unusable";
  return status === 503 ? "busy" : "fault";
}
