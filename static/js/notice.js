/** Short messages at the foot of the map, with one thing to do about them. */

import { element, one } from "./element.js";

const SHOWN_MS = 6000;
let timer = 0;

/**
 * Show a message; one with an action stays until it is used or another comes.
 * @param {string} words
 * @param {{label: string, run: () => void}} [action]
 */
export function notice(words, action) {
  const place = one("#notice");
  clearTimeout(timer);
  place.replaceChildren(element("span", {}, words));
  if (action) place.append(button(action));
  else timer = setTimeout(() => place.replaceChildren(), SHOWN_MS);
}

/** @param {{label: string, run: () => void}} action */
function button({ label, run }) {
  const made = element("button", { class: "button", type: "button" }, label);
  made.addEventListener("click", () => {
    one("#notice").replaceChildren();
    run();
  });
  return made;
}
