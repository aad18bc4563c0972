/* The browser's history and what the page shows, kept in step. An entry of the history holds the address that the
   server told of the place which was shown; nothing else is stored, and nothing outside this window. */
window.kinsight = (() => {
  const KEYS = ["tab", "model", "method", "layer", "threshold", "example"], FIRST = "kinship";
  const LOST = "Photos are not kept over a reload: please give them again.";
  const told = {}, inner = {}, mine = new Set(); // places that told of own photos since the page was loaded
  const waiting = new Map(); // place -> turn of the move that it has yet to answer
  let shown = FIRST, at = null, fresh = false, going = null, wish = {}, turn = 0, sure = false;
  let arrive = () => {}, say = () => {};

  const ours = (search) => {
    const all = new URLSearchParams(search), kept = new URLSearchParams();
    KEYS.forEach((key) => all.has(key) && kept.set(key, all.get(key)));
    return kept.toString();
  };
  const tabOf = (address) => new URLSearchParams(address).get("tab") || FIRST;
  const write = (address, push, own) => {
    const rest = new URLSearchParams(location.search);
    KEYS.forEach((key) => rest.delete(key));
    const query = "?" + [address, rest.toString()].filter(Boolean).join("&");
    try { // a browser may refuse when there were too many
      history[push ? "pushState" : "replaceState"]({ kinsight: address, own }, "", query);
    } catch (error) { /* the page goes on without */ }
    at = address;
  };
  const apart = (address) => { // a threshold that is moved is no step of the history
    const all = new URLSearchParams(address);
    all.delete("threshold");
    return all.toString();
  };
  const exampleOf = (address) => new URLSearchParams(address).get("example") || "";
  const isKnown = (address) => told[tabOf(address)]?.address === address && !waiting.has(tabOf(address));
  const move = (address, again = false) => { // again: the server told this address before, and will do so again
    sure = again;
    const known = isKnown(address);
    turn += 1;
    fresh = !known;
    if (!known) waiting.set(tabOf(address), turn);
    wish = { address, known, turn };
    arrive();
  };

  /* The server says what a place shows, as "ADDRESS#TURN#own". `fresh`: the entry of the history is not settled yet. */
  const tell = (value) => {
    const [address, answered, own] = String(value || "").split("#"), place = tabOf(address);
    if (!address) return;
    if (fresh && waiting.has(place)) {
      if (Number(answered) && Number(answered) !== waiting.get(place)) return; // another move was made meanwhile
      if (sure && exampleOf(address) !== exampleOf(wish.address)) return; // of what was there before the move
    }
    const asked = waiting.delete(place) || Number(answered) === turn;
    told[place] = { address, own };
    if (own) mine.add(place);
    if (place !== shown || (fresh && !asked && tabOf(at) !== place)) return;
    if (at === null) { // opened without an address: it stays so until something is done
      history.replaceState({ kinsight: address, own }, "", location.href);
      at = address;
    } else if (address !== at) write(address, !fresh && apart(address) !== apart(at), own);
    fresh = false;
  };

  /* A tab is shown. It is a step of the history after a press on it (going: "") and with a photo (going: the place). */
  const tab = (outer, place, first) => {
    if (place) inner[outer] = place;
    shown = place || inner[outer] || first;
    if (going === null || (going && going !== shown)) return;
    const sent = Boolean(going), known = sent ? undefined : told[shown];
    going = null;
    if (at !== null && tabOf(at) === shown) return;
    write(known ? known.address : "tab=" + shown, true, known?.own);
    fresh = !known;
    if (fresh && !sent && shown === FIRST) move(at); // the page was opened elsewhere: its first view gave way
  };
  const send = (place) => { going = place; };

  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch (error) { // not over TLS, or not allowed
      const area = document.body.appendChild(document.createElement("textarea"));
      area.value = text;
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) throw error;
    }
  };
  const copy = async () => {
    const known = told[shown];
    const address = location.origin + location.pathname + "?" + (known ? known.address : "tab=" + shown);
    try {
      await copied(address);
      say(known?.own ? "Copied; your photos are not part of it." : "Copied.");
    } catch (error) { say(address); }
  };

  const start = (element, trigger) => {
    const status = element.querySelector("[role=status]");
    say = (text, seconds = 6) => {
      status.textContent = text;
      clearTimeout(say.timer);
      say.timer = setTimeout(() => { status.textContent = ""; }, 1000 * seconds);
    };
    arrive = () => trigger("click");
    element.querySelector("button").addEventListener("click", copy);
    const given = ours(location.search);
    if (given) { at = given; move(given); }
    if (history.state?.own && performance.getEntriesByType("navigation")[0]?.type === "reload") say(LOST, 30);
  };

  addEventListener("popstate", (event) => {
    const target = event.state?.kinsight ?? (ours(location.search) || "tab=" + FIRST);
    going = null;
    if (target === at && tabOf(target) === shown) return;
    at = target;
    move(target, Boolean(event.state?.kinsight) && (!event.state.own || mine.has(tabOf(target))));
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[role=tab]:not([aria-selected=true]), .overflow-dropdown button")) going = "";
  }, true);
  return { tell, tab, send, start, wish: () => JSON.stringify(wish) };
})();
