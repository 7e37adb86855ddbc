/** What a finger means: the marker it touches, else the building under it, else the bare position. */

import { POSITION } from "./address.js";

/** @typedef {import("./address.js").Selection} Selection */
/** @typedef {import("./tiles.js").Tiles} Tiles */
/** @typedef {import("./tiles.js").Hit} Hit */

const AREA = "building"; // the areas that answer a tap; larger ones are places on the way to it
const MARKER_PX = [8, 16]; // within the drawn marker: the nearest first
const DOT_PX = [4, 8, 12];
const FINGER_PX = 24; // half of a 48 px target
const NEARBY_PX = 12; // a thin building is hit from this near

export class Picker {
  /** @param {L.Map} map @param {Tiles} ground @param {Tiles} points */
  constructor(map, ground, points) {
    this.map = map;
    this.ground = ground;
    this.points = points;
  }

  /**
   * What a tap at a position means; null for a cluster, which opens by going closer.
   * @param {L.LatLng} at
   * @returns {Selection | null}
   */
  at(at) {
    const hit =
      this.#point(at, MARKER_PX, isMarker) ?? this.#point(at, DOT_PX, isDot) ?? this.#area(at) ??
      this.#point(at, [FINGER_PX], isMarker) ?? this.#areaNearby(at);
    if (!hit) return { layer: POSITION, code: `${at.lng.toFixed(6)},${at.lat.toFixed(6)}` };
    return hit.properties.point_count ? null : { layer: hit.layer.name, code: String(hit.properties.code) };
  }

  /** The code of the building under a tap, whatever marker lies on it. @param {L.LatLng} at @returns {string | null} */
  building(at) {
    const hit = this.#area(at) ?? this.#areaNearby(at);
    return hit ? String(hit.properties.code) : null;
  }

  /** @param {L.LatLng} at @param {number[]} brushes @param {(hit: Hit) => boolean} isWanted @returns {Hit | undefined} */
  #point(at, brushes, isWanted) {
    const order = this.points.painted;
    for (const brush of brushes) {
      const hits = this.points.at(at, brush).filter(isWanted);
      if (hits.length) return hits.reduce((top, hit) => (order.indexOf(hit.layer) > order.indexOf(top.layer) ? hit : top));
    }
    return undefined;
  }

  /** @param {L.LatLng} at @returns {Hit | undefined} */
  #area(at) {
    return this.ground.at(at).find((hit) => hit.layer.name === AREA);
  }

  /** @param {L.LatLng} at @returns {Hit | undefined} */
  #areaNearby(at) {
    const middle = this.map.latLngToContainerPoint(at);
    for (const [x, y] of [[0, -1], [1, 0], [0, 1], [-1, 0]]) {
      const beside = this.map.containerPointToLatLng(middle.add([x * NEARBY_PX, y * NEARBY_PX]));
      const hit = this.#area(beside);
      if (hit) return hit;
    }
    return undefined;
  }
}

/** @param {Hit} hit */
function isMarker({ layer, properties }) {
  return Boolean(properties.point_count) || layer.signs.some((sign) => sign.icon);
}

/** @param {Hit} hit */
function isDot(hit) {
  return !isMarker(hit);
}
