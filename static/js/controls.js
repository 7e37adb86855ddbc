/** The buttons on the map: layers, where am I, closer, further, full screen. */

import { config, text } from "./config.js";
import { element, icon } from "./element.js";

const CORNER = "bottomright";

/**
 * @param {L.Map} map
 * @param {{onLayers: () => void, onPast: () => void, onShare: () => void, onNew: (() => void) | null, onNotice: (words: string) => void}} events
 */
export function addControls(map, { onLayers, onPast, onShare, onNew, onNotice }) {
  // a corner at the bottom piles up: the last added lies on top
  L.control.fullscreen({
    position: CORNER, title: text("fullscreen"), titleCancel: text("leaveFullscreen"),
    content: iconHtml("fullscreen") + iconHtml("fullscreen-exit"), fullscreenElement: document.documentElement,
  }).addTo(map);
  L.control.zoom({
    position: CORNER, zoomInTitle: text("closerIn"), zoomOutTitle: text("furtherOut"),
    zoomInText: iconHtml("plus"), zoomOutText: iconHtml("minus"),
  }).addTo(map);
  L.control.locate(locateOptions(onNotice)).addTo(map);
  new MapButton("layers", "layers", onLayers, "layers").addTo(map);
  new MapButton("share", "share", onShare, "share").addTo(map);
  new MapButton("past", "clock", onPast).addTo(map);
  if (onNew) new MapButton("newThing", "pencil", onNew, "edit").addTo(map);
}

class MapButton extends L.Control {
  /** @param {string} name of its text @param {string} sign @param {() => void} onTap @param {string} [opens] id of what it opens */
  constructor(name, sign, onTap, opens) {
    super({ position: CORNER });
    this.name = name;
    this.sign = sign;
    this.onTap = onTap;
    this.opens = opens;
  }

  /** @override */
  onAdd() {
    const words = text(this.name);
    const aria = this.opens ? { "aria-controls": this.opens } : {};
    const button = element("button", { type: "button", class: "map-button", title: words, "data-button": this.name, .../** @type {Record<string, string>} */ (aria) }, icon(this.sign), words);
    button.addEventListener("click", this.onTap);
    const bar = element("div", { class: "leaflet-bar" }, button);
    L.DomEvent.disableClickPropagation(bar);
    return bar;
  }
}

/** @param {(words: string) => void} onNotice */
function locateOptions(onNotice) {
  return {
    position: CORNER,
    showPopup: false,
    icon: "locate-ready",
    iconLoading: "locate-asking",
    setView: "once",
    locateOptions: { maxZoom: 17, enableHighAccuracy: true },
    strings: { title: text("locate") },
    createButtonCallback: (/** @type {HTMLElement} */ container) => {
      const shown = element("span", { class: "locate-ready" }, icon("locate"));
      const link = element("a", { href: "#", role: "button", title: text("locate"), "aria-label": text("locate") }, shown);
      container.append(link);
      return { link, icon: shown };
    },
    onLocationError: () => onNotice(text("noLocation")),
    onLocationOutsideMapBounds: () => onNotice(text("noLocation")),
  };
}

/** @param {string} name */
function iconHtml(name) {
  return `<svg class="icon ${name}" aria-hidden="true"><use href="${config.icons}#${name}"></use></svg>`;
}
