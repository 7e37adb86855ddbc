/** Whom a zone touches, in words and figures: the service's answer as a list. */

import { config, text } from "./config.js";
import { element, icon } from "./element.js";
import { number } from "./words.js";

/** @param {any} impact @returns {HTMLElement} */
export function impactOf(impact) {
  return element(
    "div", { class: "zone-impact" },
    figures(impact), priority(impact.priority), points(impact.supply_points), people(impact.volunteers),
    cover(impact.days_of_cover), overlaps(impact.overlaps), scope(impact.scope_text),
  );
}

/** @param {any} impact */
function figures({ buildings, households, people, suppressed }) {
  const shown = [["zoneBuildings", buildings], ["zoneHouseholds", households], ["zonePeople", people]];
  const cells = shown.map(([key, value]) => element("span", {}, element("strong", {}, told(value)), ` ${text(String(key))}`));
  return element("p", { class: "figures" }, ...cells, ...(suppressed ? [note("zoneSuppressed")] : []));
}

/** @param {Record<string, number> | null} groups */
function priority(groups) {
  if (!groups || !Object.keys(groups).length) return "";
  const chips = Object.entries(groups).map(([tag, count]) => element("li", {}, `${text(`priority_${tag}`)} ${number(count)}`));
  return part("zonePriority", element("ul", { class: "chips" }, ...chips));
}

/** @param {any} found */
function points({ inside, cut_off: cutOff }) {
  if (!inside) return "";
  const lines = cutOff.map((/** @type {any} */ point) => {
    const key = point.is_inside ? "zoneCutInside" : "zoneCutOutside";
    return element("li", { class: "zone-cut" }, icon("alert"), text(key, { name: point.name, n: told(point.households) }));
  });
  return part("zonePoints", element("p", {}, text("zonePointsInside", { n: number(inside.length) })), element("ul", { class: "zone-list" }, ...lines));
}

/** @param {any} found */
function people({ inside, outside, centre_households: centres }) {
  if (inside === null) return "";
  const words = text("zoneVolunteersAre", { inside: number(inside), outside: told(outside), centres: told(centres) });
  return part("zoneVolunteers", element("p", {}, words));
}

/** @param {any[]} covers */
function cover(covers) {
  const lines = covers.map((one) => {
    const need = one.per_day === null ? "–" : `${number(one.per_day)} ${config.language === "en" ? one.unit_en : one.unit}`;
    const days = one.days === null ? text(`cover_${one.reason}`) : text("zoneDays", { n: number(one.days, 1) });
    const isShort = one.days !== null && one.days < 3;
    return element("li", { class: isShort ? "is-short" : "" }, element("span", {}, name(one)), element("span", { class: "meta" }, need), element("b", {}, days));
  });
  return part("zoneNeeds", element("ul", { class: "zone-cover" }, ...lines));
}

/** @param {any} one */
function name({ code }) {
  return text(`norm_${code}`);
}

/** @param {any[]} zones */
function overlaps(zones) {
  if (!zones.length) return "";
  const lines = zones.map((zone) =>
    element("li", {}, text(`zoneWins_${zone.wins}`, { name: zone.name, n: told(zone.households) })),
  );
  return part("zoneOverlaps", element("ul", { class: "zone-list" }, ...lines));
}

/** @param {string} words */
function scope(words) {
  return words ? part("zoneScope", element("p", {}, words)) : "";
}

/** @param {string} key @param {(HTMLElement | string)[]} content */
function part(key, ...content) {
  return element("section", {}, element("h3", {}, text(key)), ...content);
}

/** @param {string} key */
function note(key) {
  return element("span", { class: "meta" }, text(key));
}

/** @param {unknown} value */
function told(value) {
  return typeof value === "number" ? number(value) : text("zoneUnknown");
}
