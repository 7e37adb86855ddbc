"""Forty texts that try to run as script when somebody puts them into a page without care (case A5)."""

HIT = "window.hit=1"
TEXTS = (
    f"<script>{HIT}</script>", f"<img src=x onerror={HIT}>", f"<svg onload={HIT}>", f"<svg/onload={HIT}>",
    f"\"><script>{HIT}</script>", f"'><img src=x onerror={HIT}>", f"</script><script>{HIT}</script>",
    f"</textarea><script>{HIT}</script>", f"</title><svg onload={HIT}>", f"<body onload={HIT}>",
    f"<iframe srcdoc='<script>parent.{HIT}</script>'>", f"<a href=javascript:{HIT}>x</a>",
    f"<details open ontoggle={HIT}>x</details>", f"<input autofocus onfocus={HIT}>", f"<video><source onerror={HIT}>",
    f"<math><mi xlink:href=javascript:{HIT}>x", f"<object data=javascript:{HIT}>", f"<embed src=javascript:{HIT}>",
    f"<form><button formaction=javascript:{HIT}>x", f"<marquee onstart={HIT}>x", f"`${{{HIT}}}`", f"${{{HIT}}}",
    f"{{{{{HIT}}}}}", f"{{% set x = {HIT} %}}", f"{{{{constructor.constructor('{HIT}')()}}}}", f"javascript:{HIT}",
    f"' onmouseover='{HIT}", f"\" onfocus=\"{HIT}\" autofocus=\"", f"\\\"-({HIT})-\\\"", f"'-({HIT})-'",
    f"</style><script>{HIT}</script>", f"<style>@import 'javascript:{HIT}';</style>", f"<link rel=stylesheet href=javascript:{HIT}>",
    f"<meta http-equiv=refresh content='0;url=javascript:{HIT}'>", f"<template><script>{HIT}</script></template>",
    f"<noscript><p title=\"</noscript><img src=x onerror={HIT}>\">", f"<!--><script>{HIT}</script>-->",
    f"<x onclick={HIT} style=position:fixed;inset:0>", f"\u2028{HIT}//", f"＜script＞{HIT}＜/script＞",
    f"=HYPERLINK(\"javascript:{HIT}\")",
)  # fmt: skip
