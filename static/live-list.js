// The list while calls go on: their rows are put up to date by themselves; and where “Live” is chosen, new ones appear.
// Nothing moves for who types, has ticked rows, points at one, or reads further below. Without this, a reload does it.
const HELD_MS = 3000; // after the pointer moved over the rows

const results = () => document.getElementById("results");
const rowsOf = (within) => [...within.querySelectorAll("tbody tr")];
const isFirstPage = () => !/[?&](older|newer)_than=/.test(location.search);
let pointedAt = -HELD_MS;

// The choice

function isWanted() {
  try {
    return localStorage.getItem("live") === "on";
  } catch {
    return false;
  }
}

function isHeld() {
  return (
    scrollY > 120 || isTyping(document.activeElement) || results().querySelector("td.select :checked") !== null ||
    document.querySelector(":popover-open, .menu[open]") !== null || performance.now() - pointedAt < HELD_MS || !getSelection().isCollapsed
  );
}

function showChoice() {
  const button = document.getElementById("live");
  if (!button) return;
  button.hidden = !isFirstPage();
  button.setAttribute("aria-pressed", isWanted());
  button.classList.toggle("held", isWanted() && isHeld());
}

document.addEventListener("click", ({ target }) => {
  if (!target.closest("#live")) return;
  try {
    localStorage.setItem("live", isWanted() ? "off" : "on");
  } catch {
    return; // Storage is refused, and with it the choice.
  }
  showChoice();
});
document.addEventListener("pointermove", ({ target }) => {
  if (target.closest("#results tbody")) pointedAt = performance.now();
});
document.addEventListener("htmx:afterSettle", showChoice);
showChoice();

// Looking

keepLooking(async () => {
  const takesNew = isWanted() && isFirstPage() && !isHeld();
  showChoice();
  const going = rowsOf(results()).filter((row) => row.dataset.live).map((row) => row.dataset.live);
  const seen = document.getElementById("revision");
  if (!seen || (!takesNew && !going.length)) return true;
  const known = takesNew ? seen.dataset.revision : `n${going.join("-")}`;
  const address = location.href;
  const answer = await fetch(address, { headers: { "HX-Request": "true", "HX-Target": "results", "If-None-Match": `"${known}"` } });
  if (answer.status === 304) return true;
  if (!answer.ok || answer.redirected) throw new Error(answer.status);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  // Meanwhile another list may have come, or a hand to the mouse.
  if (location.href !== address || document.getElementById("revision") !== seen) return true;
  if (takesNew && !isHeld()) takeAll(fresh, seen);
  else rowsOf(fresh).forEach(renew);
  return true;
});

/** The row as it is now, in its place, if it is there. */
function renew(fresh) {
  const row = document.getElementById(fresh.id);
  if (!row) return null;
  row.querySelector(".time").replaceChildren(...fresh.querySelector(".time").cloneNode(true).childNodes);
  if (said(row) === said(fresh)) return row;
  const [box, newBox] = [row, fresh].map((one) => one.querySelector("td.select input"));
  if (box) newBox.checked = box.checked;
  const hasFocus = row.contains(document.activeElement);
  row.replaceWith(fresh);
  if (hasFocus) fresh.querySelector(".open").focus({ preventScroll: true });
  return fresh;
}

/** All that a row says, but for how long ago it was. */
const said = (row) => [...row.cells].filter((cell) => cell.className !== "time").map((cell) => cell.innerHTML).join() + row.dataset.live;

/** The whole page of rows, of which those that are there already stay what they are. */
function takeAll(fresh, seen) {
  const [body, newBody] = [results(), fresh].map((within) => within.querySelector("tbody"));
  if (!body || !newBody) {
    for (const other of fresh.querySelectorAll("#chips, #count, #ask")) other.remove();
    results().replaceChildren(...fresh.body.childNodes);
    htmx.process(results());
  } else {
    const before = new Set(rowsOf(results()).map((row) => row.id));
    const rows = rowsOf(fresh).map((row) => renew(row) ?? row);
    for (const row of rows) row.classList.toggle("arrived", !before.has(row.id));
    for (const row of rowsOf(results())) if (!rows.includes(row)) row.remove();
    // One that stays where it is keeps what it has: the focus, a picture that is pointed at.
    rows.forEach((row, place) => {
      if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
    });
    renewPager(fresh);
    seen.dataset.revision = fresh.getElementById("revision").dataset.revision;
  }
  document.dispatchEvent(new Event("rows"));
}

function renewPager(fresh) {
  const [pager, newPager] = [results(), fresh].map((within) => within.querySelector(".pager"));
  if (!pager || !newPager || pager.innerHTML === newPager.innerHTML || pager.contains(document.activeElement)) return;
  pager.replaceWith(newPager);
  htmx.process(newPager);
}
