/** The page of a household: persons can be shown in the clear here too, for a reason and a minute. */

import { Reveal } from "./reveal.js";

new Reveal(document.body);
