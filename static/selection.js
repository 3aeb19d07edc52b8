// Ticking rows: a range with Shift, all of the page, and by keyboard. The boxes work without this, one by one.

const boxes = () => [...document.querySelectorAll("#results td.select input")];
let anchor = null; // where a range begins
let isRange = false;

function tell() {
  const every = boxes();
  const ticked = every.filter((box) => box.checked);
  const status = $("#selection [role=status]");
  if (status) status.textContent = `${ticked.length} selected`;
  const page = $("#select-page");
  if (!page) return;
  page.checked = every.length > 0 && ticked.length === every.length;
  page.indeterminate = ticked.length > 0 && ticked.length < every.length;
}

/** After `box` was ticked or unticked: with a range, all from the last one to it become as it is. */
function follow(box, isRange) {
  const every = boxes();
  const [from, to] = [every.indexOf(anchor), every.indexOf(box)].sort((a, b) => a - b);
  if (isRange && from >= 0) for (const other of every.slice(from, to + 1)) other.checked = box.checked;
  anchor = box;
  tell();
}

// A click on a label says nothing of the keys to the box's own event.
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, (event) => (isRange = event.shiftKey), true);

document.addEventListener("change", ({ target }) => {
  if (target.matches("td.select input")) follow(target, isRange);
  if (target.id !== "select-page") return;
  for (const box of boxes()) box.checked = target.checked;
  tell();
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "x" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const box = document.activeElement.closest("#results tr")?.querySelector("td.select input");
  if (!box) return;
  box.checked = !box.checked;
  follow(box, event.shiftKey);
});

// The boxes belong to the form by name only, so its own reset comes first, and then they are counted.
document.addEventListener("reset", ({ target }) => target.id === "selection" && setTimeout(tell));
document.addEventListener("htmx:afterSettle", tell);
addEventListener("pageshow", tell);
