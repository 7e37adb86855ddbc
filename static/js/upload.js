/** Choosing the files of an import: dropped or picked, several at once for the loose parts of a Shapefile. */

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("upload"));
const drop = document.getElementById("drop");
const input = /** @type {HTMLInputElement | null} */ (drop?.querySelector("input[type=file]") ?? null);
if (form && drop && input) start(form, drop, input);

/** @param {HTMLFormElement} form @param {HTMLElement} drop @param {HTMLInputElement} input */
function start(form, drop, input) {
  const chosen = /** @type {HTMLOutputElement} */ (document.getElementById("chosen"));
  const notice = /** @type {HTMLElement} */ (document.getElementById("upload-notice"));
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    chosen.value = files.map((file) => `${file.name} (${size(file.size)})`).join(" · ");
    const isLarge = files.reduce((sum, file) => sum + file.size, 0) > Number(form.dataset.most);
    input.setCustomValidity(isLarge ? (form.dataset.large ?? "") : "");
    notice.textContent = isLarge ? (form.dataset.large ?? "") : "";
  });
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, () => drop.classList.add("over"));
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  form.addEventListener("submit", () => {
    notice.textContent = form.dataset.busy ?? "";
    const button = form.querySelector("button[type=submit]");
    setTimeout(() => button?.setAttribute("disabled", ""));
  });
}

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;
}
export {};
