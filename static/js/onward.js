/** A long task that the service does in parts: the page asks for the next one by itself. Without scripts a tap does. */

const form = document.getElementById("onward");
if (form instanceof HTMLFormElement) form.requestSubmit();
export {};
