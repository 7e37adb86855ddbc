/** The map beside the columns of an import: the file's first features over the register, in the system that is chosen. */

import { config } from "./config.js";
import { element } from "./element.js";
import { ask } from "./request.js";
import { Store } from "./store.js";
import { GROUND, Tiles } from "./tiles.js";

const SHOWN = { color: "#d55e00", weight: 2, fillColor: "#d55e00", fillOpacity: 0.25 };
const POINT_PX = 6;
const DEEPEST = 20;
const WAIT_MS = 400;

const place = /** @type {HTMLElement} */ (document.getElementById("preview"));
const notice = /** @type {HTMLElement} */ (document.getElementById("preview-notice"));
const choice = /** @type {HTMLSelectElement | null} */ (document.getElementById("crs"));
const other = /** @type {HTMLInputElement | null} */ (document.querySelector("[name=crs-other]"));
const shares = document.getElementById("shares");

const map = L.map(place, { maxZoom: DEEPEST, attributionControl: false, zoomControl: true }).setView([35, 104], 4);
map.createPane("points").style.zIndex = "450";
const ground = new Tiles(map, "tilePane", new Store((reason) => (notice.textContent = reason.message)), GROUND, GROUND);
ground.show(new Set(config.layers.map((layer) => layer.name)));
/** @type {L.GeoJSON | null} */
let drawn = null;
let asked = 0;

choice?.addEventListener("change", draw);
other?.addEventListener("change", draw);
draw();
if (shares) compare(shares);

/** Draw the file's features as they lie in the chosen system. */
async function draw() {
  const crs = other?.value.trim() || choice?.value || "";
  drawn?.remove();
  drawn = null;
  if (choice && !crs) {
    notice.textContent = place.dataset.ask ?? "";
    return;
  }
  const turn = ++asked;
  try {
    const found = await (await ask(`${place.dataset.url}?crs=${encodeURIComponent(crs)}`)).json();
    if (turn !== asked) return;
    notice.textContent = found.features.length ? "" : (place.dataset.empty ?? "");
    if (!found.features.length) return;
    drawn = L.geoJSON(found, {
      style: () => SHOWN,
      pointToLayer: (/** @type {any} */ _, /** @type {L.LatLng} */ at) => L.circleMarker(at, { ...SHOWN, radius: POINT_PX }),
      onEachFeature: (/** @type {any} */ feature, /** @type {L.Layer} */ layer) => {
        const { row, name } = feature.properties;
        layer.bindTooltip(element("span", {}, `${place.dataset.row} ${row} ${name}`));
      },
    }).addTo(map);
    map.fitBounds(drawn.getBounds(), { padding: [16, 16], maxZoom: 18, animate: false });
  } catch (reason) {
    if (turn === asked) notice.textContent = /** @type {Error} */ (reason).message;
  }
}

/** Show which share of the positions lies where it should, system by system. @param {HTMLElement} shown */
async function compare(shown) {
  await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  try {
    const found = await (await ask(/** @type {string} */ (shown.dataset.url))).json();
    const known = found.items.filter((/** @type {any} */ item) => item.share !== null);
    if (!found.items.length) return;
    if (!known.length) {
      shown.append(element("p", { class: "meta" }, shown.dataset.none ?? ""));
      return;
    }
    const lines = known.map((/** @type {any} */ { system, share }) => {
      const bar = element("meter", { min: "0", max: "1", value: String(share), "aria-label": system });
      return element("li", {}, element("span", {}, system), bar, element("span", { class: "figure" }, percent(share)));
    });
    shown.append(element("p", { class: "meta" }, shown.dataset.title ?? ""), element("ul", {}, ...lines));
    if (found.proposal && choice && choice.value !== found.proposal) offer(shown, found.proposal);
  } catch (reason) {
    notice.textContent = /** @type {Error} */ (reason).message;
  }
}

/** @param {HTMLElement} shown @param {string} system */
function offer(shown, system) {
  const use = element("button", { class: "button", type: "button" }, shown.dataset.use ?? "");
  const line = element("p", { class: "better" }, element("strong", {}, `${system}: ${shown.dataset.better}`), use);
  use.addEventListener("click", () => {
    if (choice) choice.value = system;
    line.remove();
    draw();
  });
  shown.append(line);
}

/** @param {number} share */
function percent(share) {
  return `${Math.round(share * 100)} %`;
}
