"""Checks of a page in a browser: console messages, width, labels, headings, contrast, and all that axe knows.

In: an open page. Out: nothing, or an assertion error with every fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axe_playwright_python.async_playwright import Axe

if TYPE_CHECKING:
    from playwright.async_api import ConsoleMessage, Page

EXPECTED_COMPLAINT: Final = "Failed to load resource: the server responded with a status of"
"""Chromium's message for an expected error response, such as a form with errors."""

PAGE_FAULTS: Final = """
() => {
  const faults = [];
  const doc = document.documentElement;
  if (doc.scrollWidth > doc.clientWidth) {
    const wide = [...document.querySelectorAll("main *, header *")].filter(
      e => e.getBoundingClientRect().right > doc.clientWidth + 1 && !e.closest(".hidden, .skip"));
    faults.push(`wider than the window: ${wide.slice(0, 3).map(e => e.outerHTML.slice(0, 90)).join(" | ")}`);
  }
  if (!["nl", "en"].includes(doc.lang)) faults.push(`lang ${doc.lang}`);
  if (document.title.length < 10) faults.push(`title ${document.title}`);
  if (document.querySelectorAll("main").length !== 1) faults.push("no single main");
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map(e => Number(e.tagName[1]));
  if (levels.filter(n => n === 1).length !== 1) faults.push(`h1: ${levels}`);
  levels.forEach((n, i) => { if (i && n > levels[i - 1] + 1) faults.push(`a heading is skipped: ${levels}`); });
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  ids.filter((id, i) => ids.indexOf(id) !== i).forEach(id => faults.push(`id twice: ${id}`));
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (![...e.labels].some(l => l.textContent.trim())) faults.push(`no label: ${e.outerHTML}`);
  for (const e of document.querySelectorAll("a, button, summary, legend, h1, h2, h3"))
    if (!e.textContent.trim()) faults.push(`no words: ${e.outerHTML}`);
  for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]"))
    for (const id of (e.getAttribute("aria-describedby") || e.getAttribute("aria-labelledby")).trim().split(/\\s+/))
      if (!document.getElementById(id)) faults.push(`refers to nothing: ${e.outerHTML}`);
  for (const e of document.querySelectorAll("[aria-invalid=true]"))
    if (!e.getAttribute("aria-describedby")) faults.push(`wrong, and no word why: ${e.outerHTML}`);
  for (const e of document.querySelectorAll(".notice a[href^='#']"))
    if (!document.getElementById(e.getAttribute("href").slice(1))) faults.push(`leads nowhere: ${e.outerHTML}`);
  for (const e of document.querySelectorAll("fieldset"))
    if (!e.querySelector("legend")) faults.push(`no legend: ${e.outerHTML.slice(0, 90)}`);
  for (const e of document.querySelectorAll("[style], script:not([src]), style"))
    faults.push(`inline: ${e.outerHTML.slice(0, 90)}`);
  return faults;
}
"""
CONTRAST_FAULTS: Final = """
() => {
  const numbers = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const faults = [];
  for (const e of document.querySelectorAll("body *")) {
    if (!e.checkVisibility() || e.closest(".hidden, .skip")) continue;
    const style = getComputedStyle(e);
    if ([...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) {
      const found = ratio(numbers(style.color), behind(e));
      if (found < 4.5) faults.push(`${found.toFixed(2)}: ${e.outerHTML.slice(0, 90)}`);
    }
    if (e.matches("input:not([type=hidden], [type=radio], [type=checkbox]), select")) {
      const found = ratio(numbers(style.borderTopColor), behind(e.parentElement));
      if (found < 3) faults.push(`border ${found.toFixed(2)}: ${e.outerHTML.slice(0, 90)}`);
    }
  }
  return faults;
}
"""


AXE: Final = Axe()


class PageChecker:
    """Collects a page's console messages and checks the page."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.complaints: list[str] = []
        page.on("console", self._on_message)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED_COMPLAINT):
            self.complaints.append(message.text)

    async def check(self) -> None:
        """Check the page in the light and the dark scheme."""
        assert self.complaints == [], f"{self._page.url}: {self.complaints}"
        faults = await self._page.evaluate(PAGE_FAULTS)
        for scheme in ("dark", "light"):
            await self._page.emulate_media(color_scheme=scheme)
            faults += [f"{scheme} {fault}" for fault in await self._page.evaluate(CONTRAST_FAULTS)]
            found = await AXE.run(self._page, options={"resultTypes": ["violations"]})
            faults += [
                f"{scheme} axe {each['id']}: {[node['html'][:90] for node in each['nodes'][:3]]}"
                for each in found.response["violations"]
            ]
        assert faults == [], f"{self._page.url}: {faults}"
