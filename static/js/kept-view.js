/** Sign-in pages: the view of a link stays behind the #, where the service cannot see it; it is taken along to the map. */

const form = document.querySelector("form[data-map]");
if (form instanceof HTMLFormElement && location.hash.length > 1) {
  const wanted = /** @type {HTMLInputElement} */ (form.querySelector("[name=next]") ?? document.createElement("input"));
  [wanted.type, wanted.name] = ["hidden", "next"];
  wanted.value = `${(wanted.value || form.dataset.map) ?? ""}${location.hash}`;
  form.append(wanted);
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a[data-next]"))) {
    const address = new URL(link.href);
    address.searchParams.set("next", wanted.value);
    link.href = address.href;
  }
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".languages a"))) link.hash = location.hash;
}
export {};
