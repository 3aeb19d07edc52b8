// What pages do beyond their markup: colours, menus, keys, and the filter form. Pages work without it.

const $ = (selector) => document.querySelector(selector);
const isTyping = (element) => element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

// Colours

function showTheme() {
  const chosen = document.documentElement.dataset.theme ?? "";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", button.dataset.themeChoice === chosen);
    button.parentElement.hidden = false;
  }
}

function chooseTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  try {
    if (theme) localStorage.setItem("theme", theme);
    else localStorage.removeItem("theme");
  } catch {
    // Storage is refused: the choice holds for this page.
  }
  showTheme();
}

// Copying: the text, or a promise of it

async function copy(button, text) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(await text);
    button.textContent = "copied";
  } catch {
    button.textContent = "not allowed";
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-copy]");
  if (button) copy(button, button.dataset.copy);
});

// Transcripts

/** What scrolls must be reachable by keyboard. */
function reach() {
  for (const block of document.querySelectorAll(".code, .prose pre, .prose table, .failure pre, .given blockquote, .thought")) {
    if (block.scrollWidth > block.clientWidth || block.scrollHeight > block.clientHeight) block.tabIndex = 0;
  }
}

for (const when of ["fresh", "toggle"]) document.addEventListener(when, reach, true);
reach();

// Looking again and again

/** Calls `look` every two seconds while the page can be seen, and less often while that fails, until it gives false. */
function keepLooking(look) {
  const least = 2000;
  let wait = least;
  let timer = null;
  let isDone = false;
  const later = () => (timer = setTimeout(step, wait));

  async function step() {
    timer = null;
    if (document.hidden) return;
    timer = 0; // on its way
    try {
      isDone = (await look()) === false;
      wait = least;
    } catch {
      wait = Math.min(2 * wait, 30_000);
    }
    timer = null;
    if (!isDone) later();
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer === null && !isDone) step();
  });
  later();
}

// What is shown once must not be lost to a second click, whose answer would take its place.

document.addEventListener("submit", (event) => {
  const { dataset } = event.target;
  if (!("once" in dataset)) return;
  if (dataset.once) event.preventDefault();
  dataset.once = "sent";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) form.dataset.once = "";
});

// Menus

document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-theme-choice]");
  if (choice) chooseTheme(choice.dataset.themeChoice);
  if (event.target.closest("#offline button")) $("#offline").hidden = true;
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

function leave() {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  if (isTyping(document.activeElement)) document.activeElement.blur();
}

// What lies above a row's link to show its title opens the row too.
document.addEventListener("click", (event) => {
  const row = event.target.closest("#results tbody tr");
  const { ctrlKey, metaKey, shiftKey } = event;
  if (!row || event.target.closest("a, .select")) return;
  row.querySelector(".open").dispatchEvent(new MouseEvent("click", { ctrlKey, metaKey, shiftKey, bubbles: true, cancelable: true }));
});

// Keys: the row that j and k move is the one whose link has the focus, so Enter needs no help.

function moveRow(step) {
  const links = [...document.querySelectorAll("tr .open")];
  const row = document.activeElement.closest("tr");
  const at = links.findIndex((link) => row?.contains(link));
  const next = links[at < 0 ? 0 : Math.min(Math.max(at + step, 0), links.length - 1)];
  next?.focus({ preventScroll: true, focusVisible: true });
  next?.closest("tr").scrollIntoView({ block: "nearest" });
}

const keys = { j: () => moveRow(1), k: () => moveRow(-1), "/": () => $("#find")?.focus() };

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return leave();
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (!$("#results") || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

// The filter form

const comparisons = { ">=": "gte", "≥": "gte", "<=": "lte", "≤": "lte", ">": "gt", "<": "lt", "!=": "ne", "≠": "ne", "=": "eq" };

/** What was typed below a heading, in the query string's spelling: "acme" below customer is customer:acme, "≥ 4" is gte:4. */
function spelled(text, prefix) {
  if (!text || text.startsWith(prefix)) return text;
  const [, sign, rest] = text.match(/^(>=|<=|!=|[≥≤≠<>=])\s*(.*)$/) ?? [];
  return prefix + (sign ? `${comparisons[sign]}:${rest}` : text);
}

let submission;
document.addEventListener("change", (event) => {
  const input = event.target;
  const form = input.form;
  if (form?.id !== "filters") return;
  if (input.dataset.prefix) input.value = spelled(input.value.trim(), input.dataset.prefix);
  if (input.type === "text") submission = setTimeout(() => form.requestSubmit());
}, true);
// Enter makes a change and a submission: one request is enough.
document.addEventListener("submit", () => clearTimeout(submission), true);

// A span and exact times would narrow each other: choosing one lets go of the other. Before htmx reads the form.
document.addEventListener("change", ({ target }) => {
  if (target.name === "last") for (const name of ["since", "until"]) target.form.elements[name].value = "";
  if (target.name === "since" || target.name === "until") target.form.querySelector('[name=last][value=""]').checked = true;
}, true);

document.addEventListener("htmx:configRequest", ({ detail }) => {
  // Untouched inputs are no part of an address that people share.
  for (const name of new Set(detail.formData.keys())) {
    const values = detail.formData.getAll(name).filter((value) => value !== "");
    detail.formData.delete(name);
    for (const value of values) detail.formData.append(name, value);
  }
});

// The rail stays where it was scrolled, with the folds that were open.
let rail = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "page") return;
  rail = { top: $("#rail").scrollTop, open: [...document.querySelectorAll("#rail details[open]")].map((fold) => fold.id) };
});
document.addEventListener("htmx:afterSettle", () => {
  if (!rail) return;
  for (const id of rail.open) if (document.getElementById(id)) document.getElementById(id).open = true;
  $("#rail").scrollTop = rail.top;
  rail = null;
  if (document.activeElement === document.body) $("#main").focus({ preventScroll: true });
});

// What could not be loaded is said; the page stays as it is.
function complain(text) {
  $("#offline span").textContent = text;
  $("#offline").hidden = false;
}
document.addEventListener("htmx:sendError", () => complain("The server cannot be reached. Try again in a moment."));
document.addEventListener("htmx:responseError", ({ detail }) => complain(`The server answered ${detail.xhr.status}. Try again, or reload the page.`));
document.addEventListener("htmx:beforeRequest", () => ($("#offline").hidden = true));

showTheme();
