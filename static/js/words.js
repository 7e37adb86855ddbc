/** How figures, distances and times are written; the same rules as gridmap/web/i18n.py. */

import { config, text } from "./config.js";

const ZONE = "Asia/Shanghai";
const MINUTE_MS = 60_000;

/** @param {number} value @param {number} [digits] */
export function number(value, digits = 0) {
  return value.toLocaleString(config.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A count where there is little room. @param {number} value */
export function compact(value) {
  return value.toLocaleString(config.language, { notation: "compact", maximumFractionDigits: 1 });
}

/**
 * A distance: metres rounded to 5 below 1 km, kilometres with one decimal above.
 * @param {number} metres
 */
export function distance(metres) {
  const rounded = 5 * Math.round(metres / 5);
  if (rounded >= 1000) return text("km", { km: number(metres / 1000, 1) });
  return rounded ? text("m", { m: rounded }) : text("under5m");
}

/** @param {Date} moment */
export function clock(moment) {
  return moment.toLocaleTimeString("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit" });
}

/**
 * The date and, unless it is today, the clock of a moment.
 * @param {Date} moment
 */
export function dayAndClock(moment) {
  const today = dayOf(new Date());
  return dayOf(moment) === today ? clock(moment) : `${dayOf(moment)} ${clock(moment)}`;
}

/** A moment in full, as papers have it: 2026-11-24 15:40. @param {Date} moment */
export function whenExactly(moment) {
  return `${moment.toLocaleDateString("sv-SE", { timeZone: ZONE })} ${clock(moment)}`;
}

/** @param {Date} moment */
export function minutesSince(moment) {
  return Math.floor((Date.now() - moment.getTime()) / MINUTE_MS);
}

/** @param {Date} moment */
function dayOf(moment) {
  const isThisYear = moment.getFullYear() === new Date().getFullYear();
  const form = /** @type {const} */ ({ timeZone: ZONE, month: "short", day: "numeric" });
  return moment.toLocaleDateString(config.language, isThisYear ? form : { ...form, year: "numeric" });
}
