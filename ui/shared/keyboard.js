// What the page adds to Gradio's controls for the keyboard: one Tab stop for a row of like buttons, with arrow keys
// inside it; a stop for a table that scrolls sideways, and where it goes on; a link past tabs and photos.
(() => {
  const ROW = "[role=tablist], [data-row]", ITEM = "[role=tab], [data-row] button";
  const seen = element => element.getClientRects().length > 0;
  const items = row => [...row.querySelectorAll(ITEM)].filter(item => seen(item) && item.closest(ROW) === row);

  const stopAt = (all, one) => all.forEach(item => { item.tabIndex = item === one ? 0 : -1; });

  function tidyRow(row) {
    if (row.contains(document.activeElement)) return;
    const all = items(row), stops = all.filter(item => item.tabIndex === 0);
    const chosen = all.find(item => item.matches("[aria-selected=true], [aria-pressed=true]"));
    stopAt(all, chosen || (stops.length === 1 ? stops[0] : all[0]));
  }

  function tidyScroller(table) {
    const more = table.scrollWidth - table.clientWidth, at = table.scrollLeft;
    table.dataset.more = more > 1 ? (at > 1 ? "l" : "") + (at < more - 1 ? "r" : "") : "";
    if (more > 1) Object.entries({tabindex: 0, role: "region", "aria-label": named(table)}).forEach(
      ([name, value]) => table.setAttribute(name, value));
    else ["tabindex", "role", "aria-label"].forEach(name => table.removeAttribute(name));
  }

  const named = table => {
    const inner = table.querySelector("table"), caption = table.querySelector("caption");
    return `Wide table: ${inner?.getAttribute("aria-label") || caption?.textContent || "scrolls sideways"}`;
  };

  let waiting = null;
  const later = () => { waiting ??= setTimeout(tidy, 150); };
  function tidy() {
    waiting = null;
    document.querySelectorAll(ROW).forEach(tidyRow);
    [...document.querySelectorAll(".ks-scroll")].filter(seen).forEach(tidyScroller);
  }

  document.addEventListener("keydown", event => {
    const item = event.target.closest?.(ITEM), row = item?.closest(ROW);
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = items(row), at = all.indexOf(item), last = all.length - 1;
    const to = {ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[(to + all.length) % all.length];
    stopAt(all, next);
    next.focus();
  });

  document.addEventListener("click", event => {
    if (!event.target.closest?.(".ks-skip")) return;
    event.preventDefault(); // the address stays as it is
    const there = ["[id$=answer]", "[role=tabpanel]"].flatMap(s => [...document.querySelectorAll(s)]).find(seen);
    if (!there) return;
    there.tabIndex = -1;
    there.focus();
  });

  document.addEventListener("scroll", event => {
    if (event.target.classList?.contains("ks-scroll")) tidyScroller(event.target);
  }, {capture: true, passive: true});
  window.addEventListener("resize", later);
  new MutationObserver(later).observe(document, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["aria-selected", "aria-pressed", "style", "class"],
  });
})();
