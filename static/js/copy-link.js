/** The link of a page of figures: in the address bar, where it names what is shown, and to copy. */

import { config, text } from "./config.js";

/** Let the address bar name what the page shows, and the button copy it. */
export function keepLink() {
  const link = /** @type {{link?: string}} */ (/** @type {unknown} */ (config)).link;
  if (!link) return;
  history.replaceState(null, "", link);
  document.querySelector("[data-copy-link]")?.addEventListener("click", async () => {
    const told = document.querySelector("#notice");
    try {
      await navigator.clipboard.writeText(location.href);
      if (told) told.textContent = text("shareCopied");
    } catch {
      if (told) told.textContent = location.href; // no secure context or no leave: shown, to be copied by hand
    }
  });
}
