/** The status line: how old the data on the screen are, and the scale. */

import { text } from "./config.js";
import { element, one } from "./element.js";
import { clock, minutesSince } from "./words.js";

const AGEING_MIN = 10;
const OLD_MIN = 60;
const TICK_MS = 20_000;

export class Status {
  /**
   * @param {L.Map} map
   * @param {() => void} onRefresh
   */
  constructor(map, onRefresh) {
    this.at = new Date();
    this.stamp = one("#data-time");
    this.stamp.addEventListener("click", onRefresh);
    setInterval(() => this.#tick(), TICK_MS);
    const line = one(".status"); // takes two lines where much is to be credited; the buttons stand above it
    new ResizeObserver(() => document.body.style.setProperty("--status", `${line.offsetHeight}px`)).observe(line);
    const scale = L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map).getContainer();
    if (scale) one("#scale").append(scale);
  }

  /**
   * Note when the data on the screen were true.
   * @param {Date} moment
   */
  loaded(moment) {
    this.at = moment;
    this.#tick();
  }

  #tick() {
    const minutes = minutesSince(this.at);
    const age = minutes >= OLD_MIN ? "old" : minutes >= AGEING_MIN ? "ageing" : "fresh";
    this.stamp.dataset.age = age;
    const words = [text("dataOf", { time: clock(this.at) })];
    if (age !== "fresh") words.push(text(minutes >= OLD_MIN ? "hoursOld" : "minutesOld", { n: minutes >= OLD_MIN ? Math.floor(minutes / 60) : minutes }));
    this.stamp.querySelector("span")?.replaceWith(element("span", {}, words.join(" · ")));
  }
}
