// Sort, filter and unfold the table of models. `element` is the component; its content may be drawn later than this runs.
const pairs = () => [...element.querySelectorAll("tr[data-weight]")].map((row) => [row, row.nextElementSibling]);
const opener = (row) => row.querySelector("button[aria-expanded]");

function show(row, card, open) {
  opener(row).setAttribute("aria-expanded", String(open));
  card.hidden = !open;
}

const tell = (weight) =>
  window.kinsight?.tell(`tab=models${weight ? `&model=${encodeURIComponent(weight)}` : ""}#0#`);

function toggle(row, open = opener(row).getAttribute("aria-expanded") !== "true") {
  for (const [other, card] of pairs()) show(other, card, open && other === row);
  row.scrollIntoView({ block: "nearest" });
  tell(open && row.dataset.weight);
}

function filter() {
  const wanted = [...element.querySelectorAll("[data-filter]")].filter((choice) => choice.value);
  let left = 0;
  for (const [row, card] of pairs()) {
    row.hidden = wanted.some((choice) => row.dataset[choice.dataset.filter] !== choice.value);
    if (row.hidden) show(row, card, false);
    else left += 1;
  }
  element.querySelector(".ks-count").textContent = `${left} of ${pairs().length} models`;
}

// What was not measured comes last, either way; figures are compared within their data set.
function compare(key, sign) {
  return ([a], [b]) => {
    if (key === "figure" && a.dataset.set !== b.dataset.set) return a.dataset.order - b.dataset.order;
    const [x, y] = [a.dataset[key], b.dataset[key]];
    if (x === y) return a.dataset.order - b.dataset.order;
    if (x === "" || y === "") return x === "" ? 1 : -1;
    const numbers = !isNaN(x) && !isNaN(y);
    return sign * (numbers ? x - y : x.localeCompare(y));
  };
}

function sort(key, direction) {
  const body = element.querySelector(".ks-models tbody");
  for (const pair of pairs().sort(compare(key, direction === "descending" ? -1 : 1))) body.append(...pair);
  for (const head of element.querySelectorAll("[data-sort]"))
    head.parentElement.setAttribute("aria-sort", head.dataset.sort === key ? direction : "none");
  element.querySelector("[data-order]").value = key;
}

function turned(head) {
  const now = head.parentElement.getAttribute("aria-sort");
  if (now === "none") return head.dataset.sort === "figure" ? "descending" : "ascending";
  return now === "ascending" ? "descending" : "ascending";
}

// The card that the address names; rows may be drawn later than this runs.
function arrive(tries = 20) {
  const asked = new URLSearchParams(location.search);
  if (asked.get("tab") !== "models") return;
  if (tries && !pairs().length) return void setTimeout(arrive, 100, tries - 1);
  for (const [row, card] of pairs()) show(row, card, row.dataset.weight === asked.get("model"));
  tell(pairs().some(([row]) => row.dataset.weight === asked.get("model")) && asked.get("model"));
}
arrive();
addEventListener("popstate", () => arrive());

element.addEventListener("click", (event) => {
  const head = event.target.closest("[data-sort]");
  if (head) return sort(head.dataset.sort, turned(head));
  const named = event.target.closest("[data-open]");
  const found = named && pairs().find(([row]) => row.dataset.weight === named.dataset.open);
  if (found) {
    for (const choice of element.querySelectorAll("[data-filter]")) choice.value = "";
    filter();
    toggle(found[0], true);
    return opener(found[0]).focus();
  }
  const row = event.target.closest("tr[data-weight]");
  const marking = !event.target.closest("button") && String(getSelection()); // text is being selected, not a row pressed
  if (row && !marking) toggle(row);
});

element.addEventListener("change", (event) => {
  if (event.target.matches("[data-filter]")) filter();
  if (event.target.matches("[data-order]"))
    sort(event.target.value, event.target.value === "figure" ? "descending" : "ascending");
});
