// The numbers of the list: asked for after its rows, given up when the filter changes, and put beside the options.
// And the time strip: dragging over its bars chooses a span. Without this the list works, and shows no numbers.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const written = (count) => count.toLocaleString("en-US");

// Asking

let asked = null; // the address of the numbers that are shown or on their way

function ask() {
  const address = $("#ask")?.getAttribute("hx-get") ?? "";
  if (address === asked) return;
  asked = address;
  if (!address) return forget();
  htmx.process($("#ask"));
  htmx.trigger("#ask", "ask");
}

function forget() {
  empty("#count.old, #strip");
}

function empty(places) {
  for (const place of all(`${places}, #filters :is(.n, .ranges)`)) place.replaceChildren();
  for (const share of all("#filters .share")) share.style.removeProperty("--share");
  settled();
}

function settled() {
  for (const part of all(".old")) part.classList.remove("old");
  for (const links of all("#strip, .ranges")) links.inert = false;
  for (const list of all("#filters .commonest")) list.classList.add("told");
}

// Paging leaves the numbers as they are; whatever else loads rows makes them those of another filter.
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (!["page", "results"].includes(detail.target.id) || detail.elt.closest(".pager")) return;
  htmx.trigger("#strip", "htmx:abort");
  asked = null;
  for (const part of all("#count, #strip, #filters")) part.classList.add("old");
  // Their links lead on from the filter before.
  for (const links of all("#strip, .ranges")) links.inert = true;
});
for (const failure of ["htmx:sendError", "htmx:responseError"]) {
  // Where rows failed, those of the filter before stay, and want their numbers back.
  document.addEventListener(failure, ({ detail }) => (detail.target.id === "strip" ? forget() : ask()));
}
document.addEventListener("htmx:load", ask);

// New rows appeared by themselves: the numbers follow, not with each of them.
let recount = null;
document.addEventListener("rows", () => {
  recount ??= setTimeout(() => {
    recount = null;
    if (drag) return;
    asked = null;
    ask();
  }, 2000);
});

// Showing

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "strip") return;
  if ($("#strip > [role=status]")) return empty("#count.old"); // why there are none
  const counts = $("#counts");
  if (!counts) return; // htmx says this for each new element
  const lists = new Map([...counts.children].map((list) => [list.dataset.facet, list]));
  for (const facet of all("#filters [data-facet]")) show(facet, lists.get(facet.dataset.facet));
  counts.remove();
  settled();
});

/** What `list` says of a facet, or that it has no matches. */
function show(facet, list) {
  const prefix = facet.dataset.facet.replace(/^\S+ /, "");
  const counts = new Map(all("data", list ?? new DocumentFragment()).map((tally) => [prefix + tally.value, +tally.textContent]));
  const ranges = facet.querySelector(".ranges");
  if (ranges) {
    showRanges(ranges, list);
  } else {
    const commonest = facet.querySelector(".commonest");
    // What is pointed at stays where it is.
    if (commonest && !commonest.matches(":hover, :focus-within")) choose(commonest, prefix, counts);
    if (!commonest) for (const value of missing(facet, counts)) place(facet, value, prefix);
    const unknown = list && "partial" in list.dataset ? null : 0;
    for (const option of all("li", facet)) tell(option, counts.get(valueOf(option)) ?? unknown);
  }
  suggest(facet, prefix, counts);
  const most = Math.max(...all(".n", facet).map((number) => +number.dataset.count), 1);
  for (const { previousElementSibling: share, dataset } of all(".n", facet)) {
    share?.style.setProperty("--share", `${(100 * (dataset.count ?? 0)) / most}%`);
  }
}

const valueOf = (option) => option.querySelector("input").value;

/** Beside an option; null is a number that is not known. */
function tell(option, count) {
  const number = option.querySelector(".n");
  if (!number) return;
  number.textContent = count === null ? "" : written(count);
  number.dataset.count = count ?? 0;
  option.classList.toggle("none", count === 0);
}

function missing(facet, counts) {
  const listed = new Set(all("li", facet).map(valueOf));
  return [...counts.keys()].filter((value) => !listed.has(value));
}

/** A new option for a value that has come up since the page was made: behind the fold, if there is one. */
function place(facet, value, prefix) {
  const option = all("li", facet).at(-1);
  if (!option) return;
  const added = option.cloneNode(true);
  rename(added, value, prefix);
  option.after(added);
  const summary = facet.querySelector("summary");
  if (summary) summary.textContent = `+ ${added.parentElement.children.length} more`;
}

/** The options of a list that is too short for all values: those that were chosen, and the commonest others. */
function choose(list, prefix, counts) {
  const options = all("li", list);
  const isKept = (option) => option.querySelector("input").checked || option.classList.contains("out");
  const kept = new Set(options.filter(isKept).map(valueOf));
  const values = [...counts.keys()].filter((value) => !kept.has(value));
  for (const option of options.filter((option) => !isKept(option))) {
    const value = values.shift();
    option.classList.toggle("spare", value === undefined);
    rename(option, value ?? prefix, prefix);
  }
}

function rename(option, value, prefix) {
  const [input, span, exclude] = ["input", "label span", ".not"].map((part) => option.querySelector(part));
  const text = value.slice(prefix.length);
  option.classList.remove("out");
  input.value = value;
  input.checked = input.defaultChecked = false;
  span.textContent = span.title = text;
  if (!exclude) return;
  exclude.value = value;
  exclude.setAttribute("aria-label", `Exclude ${prefix.slice(0, -1)} ${text}`);
}

function showRanges(ranges, list) {
  ranges.replaceChildren(...all("li", list ?? new DocumentFragment()));
  for (const option of ranges.children) {
    const number = option.querySelector(".n");
    tell(option, +number.textContent);
  }
  htmx.process(ranges);
}

/** What is offered while typing: what there is, commonest first. */
function suggest(facet, prefix, counts) {
  const offered = facet.querySelector("datalist");
  if (!offered || facet.contains(document.activeElement)) return;
  offered.replaceChildren(...[...counts].map(([value, count]) => new Option(written(count), value.slice(prefix.length))));
}

// After paging, the link that was clicked is gone.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target.id === "results" && document.activeElement === document.body) $("#main").focus({ preventScroll: true });
});

// Dragging over the time strip

let drag = null;

document.addEventListener("pointerdown", (event) => {
  const bars = event.target.closest(".bars");
  drag = bars && event.button === 0 ? { bars, from: event.clientX, has: [] } : null;
});
document.addEventListener("pointermove", ({ clientX }) => {
  // A hand is never quite still.
  if (!drag || (!drag.has.length && Math.abs(clientX - drag.from) < 5)) return;
  const [left, right] = [drag.from, clientX].sort((a, b) => a - b);
  drag.has = [...drag.bars.children].filter((bar) => {
    const place = bar.getBoundingClientRect();
    const isIn = place.right > left && place.left < right;
    bar.classList.toggle("chosen", isIn);
    return isIn;
  });
});
document.addEventListener("pointerup", () => {
  if (!drag?.has.length) return letGo();
  const { bars, has } = drag;
  const links = has.filter((bar) => bar.href);
  drag = null;
  if (links.length) openSpan(links[0], links.at(-1));
  else letGo();
  ignoreClick(bars);
});
document.addEventListener("pointercancel", letGo);
document.addEventListener("keydown", (event) => event.key === "Escape" && letGo());
document.addEventListener("dragstart", (event) => event.target.closest(".bars") && event.preventDefault());

/** A browser makes a click of what was a drag. */
function ignoreClick(bars) {
  const ignored = new AbortController();
  const ignore = (event) => (event.preventDefault(), event.stopPropagation());
  bars.addEventListener("click", ignore, { capture: true, signal: ignored.signal });
  setTimeout(() => ignored.abort());
}

function letGo() {
  for (const bar of all(".bars .chosen")) bar.classList.remove("chosen");
  drag = null;
}

/** The list from the beginning of one bar to the end of another. */
function openSpan(first, last) {
  const address = new URL(first.href);
  address.searchParams.set("until", new URL(last.href).searchParams.get("until"));
  const link = first.cloneNode();
  link.href = address;
  link.hidden = true;
  first.after(link);
  htmx.process(link);
  link.click();
}
