/** The buttons on the map: layers, where am I, closer, further, full screen. */

import { config, text } from "./config.js";
import { element, icon } from "./element.js";

const CORNER = "bottomright";

/**
 * @param {L.Map} map
 * @param {{onLayers: () => void, onNotice: (words: string) => void}} events
 */
export function addControls(map, { onLayers, onNotice }) {
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
  new LayersButton(onLayers).addTo(map);
}

class LayersButton extends L.Control {
  /** @param {() => void} onLayers */
  constructor(onLayers) {
    super({ position: CORNER });
    this.onLayers = onLayers;
  }

  /** @override */
  onAdd() {
    const words = text("layers");
    const button = element("button", { type: "button", class: "map-button", title: words, "aria-controls": "layers" }, icon("layers"), words);
    button.addEventListener("click", this.onLayers);
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
