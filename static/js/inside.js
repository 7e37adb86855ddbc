/** Whether a position lies in an area. */

/**
 * @template {{feature: any}} Item
 * @param {Item[]} items
 * @param {number} lon
 * @param {number} lat
 * @returns {Item | undefined} the one whose area holds a position
 */
export function contains(items, lon, lat) {
  return items.find(({ feature }) => holds(feature.geometry, lon, lat));
}

/**
 * Whether a GeoJSON polygon or multipolygon holds a position; rings cross it evenly outside (also in holes).
 * @param {any} geometry
 * @param {number} lon
 * @param {number} lat
 */
export function holds(geometry, lon, lat) {
  const rings = geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
  let isInside = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [[x1, y1], [x2, y2]] = [ring[i], ring[j]];
      if (y1 > lat !== y2 > lat && lon < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1) isInside = !isInside;
    }
  }
  return isInside;
}
