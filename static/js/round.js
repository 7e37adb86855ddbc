/** The round: a tap on "visited" is saved without leaving the place in the list, and can be taken back. */

/** @typedef {{id: string}} Visit */

const head = document.getElementById("round-top");

if (head) document.addEventListener("submit", (event) => onSubmit(event, head));

/**
 * Save a visit or take it back in place of the form; where that fails, say so and leave the form as it was.
 * @param {SubmitEvent} event
 * @param {HTMLElement} around what tells the page's figures and words
 */
async function onSubmit(event, around) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const stop = form.closest(".stop");
  if (!(stop instanceof HTMLElement)) return;
  event.preventDefault();
  const buttons = stop.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  try {
    if (form.dataset.visit) await takeBack(form, stop, around);
    else await record(form, stop, around);
  } catch {
    say(stop, around.dataset.trouble ?? "", true);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

/** @param {HTMLFormElement} form @param {HTMLElement} stop @param {HTMLElement} around */
async function record(form, stop, around) {
  const code = encodeURIComponent(stop.dataset.code ?? "");
  const answer = await send(form, "POST", `api/v1/households/${code}/visits`, {});
  const wasDone = stop.classList.contains("done");
  stop.classList.add("done");
  say(stop, around.dataset.undone ?? "", false);
  if (!wasDone) count(around, 1);
  stop.querySelector("[data-visit]")?.remove();
  const undo = /** @type {HTMLFormElement} */ (form.cloneNode(false));
  undo.removeAttribute("data-record");
  undo.dataset.visit = /** @type {Visit} */ (await answer.json()).id;
  undo.dataset.counted = wasDone ? "0" : "1";
  undo.append(...[...form.querySelectorAll("input")].map((field) => field.cloneNode()));
  const button = document.createElement("button");
  button.className = "button";
  button.type = "submit";
  button.textContent = around.dataset.takeBack ?? "";
  undo.append(button);
  form.before(undo);
}

/** @param {HTMLFormElement} form @param {HTMLElement} stop @param {HTMLElement} around */
async function takeBack(form, stop, around) {
  await send(form, "DELETE", `api/v1/visits/${form.dataset.visit}`);
  if (form.dataset.counted === undefined) {
    location.reload(); // the visit before this one is known to the service only
    return;
  }
  if (form.dataset.counted === "1") {
    stop.classList.remove("done");
    count(around, -1);
  }
  say(stop, "", false);
  form.remove();
}

/**
 * Return the answer of the service to a change, or throw.
 * @param {HTMLFormElement} form
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function send(form, method, path, body) {
  const proof = /** @type {HTMLInputElement} */ (form.elements.namedItem("csrf")).value;
  const root = new URL("..", form.action); // forms go to <root>/round/…
  const response = await fetch(new URL(path, root), {
    method,
    headers: { "X-CSRF-Token": proof, ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(String(response.status));
  return response;
}

/** @param {HTMLElement} around @param {number} step */
function count(around, step) {
  const done = Number(around.dataset.done) + step;
  around.dataset.done = String(done);
  const bar = document.getElementById("round-progress");
  if (bar instanceof HTMLProgressElement) bar.value = done;
  const figures = document.getElementById("round-figures");
  if (figures) {
    const words = around.dataset.figures ?? "";
    figures.textContent = words.replace("{done}", String(done)).replace("{total}", around.dataset.total ?? "");
  }
}

/** @param {HTMLElement} stop @param {string} words @param {boolean} isTrouble */
function say(stop, words, isTrouble) {
  const last = stop.querySelector(".last");
  if (!last) return;
  if (words) last.textContent = words;
  last.classList.toggle("bad", isTrouble);
}
