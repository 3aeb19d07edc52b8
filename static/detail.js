// The page of one interaction: keys, copying, large images, the view that was chosen. It works without any of these.
"use strict";

const byId = (id) => document.getElementById(id);

// Rendered or raw, as chosen last
const views = () => document.querySelectorAll('.views input[type="radio"]');

function rememberView(event) {
  if (!event.target.closest(".views")) return;
  try {
    localStorage.setItem("view", event.target.value);
  } catch {
    // Storage is refused: the choice holds for this message only.
  }
}

function recallView() {
  let view = null;
  try {
    view = localStorage.getItem("view");
  } catch {
    return;
  }
  if (view === "raw") for (const radio of views()) radio.checked = radio.value === view;
}

// Copying
function textOf(message) {
  return [...message.querySelectorAll(".plain, .part-code .code")].map((part) => part.textContent).join("\n\n");
}

async function fileAt(address) {
  const answer = await fetch(address);
  if (!answer.ok || answer.redirected) throw new Error(answer.status);
  return answer.text();
}

async function wanted(button) {
  const { copyFrom, copyFile } = button.dataset;
  if (copyFrom) return textOf(byId(copyFrom));
  if (copyFile !== undefined) return fileAt(copyFile || button.href);
  return location.origin + location.pathname;
}

// Large images
const large = () => [...document.querySelectorAll("a[data-large]")];
let shown = 0;

function enlarge(index) {
  const links = large();
  shown = (index + links.length) % links.length;
  const box = byId("lightbox");
  const caption = links[shown].closest("figure").querySelector("figcaption").textContent;
  const small = links[shown].querySelector("img");
  const [width, height] = [small.getAttribute("width"), small.getAttribute("height")];
  const scale = Math.min(2, (innerWidth - 128) / width, (innerHeight - 112) / height);
  Object.assign(box.querySelector("img"), { src: small.src, alt: small.alt, width: width * scale, height: height * scale });
  box.querySelector("p").textContent = links.length > 1 ? `${shown + 1} of ${links.length} · ${caption}` : caption;
  for (const step of box.querySelectorAll("[data-step]")) step.hidden = links.length < 2;
  if (!box.open) box.showModal();
}

// Label values that belong to the key that is being typed
let known = null;

function suggest() {
  const list = byId("label-values");
  const key = byId("label-key").value.trim();
  if (known?.list !== list) known = { list, options: [...list.options] };
  const fitting = known.options.filter((option) => option.dataset.key === key);
  list.replaceChildren(...(fitting.length ? fitting : known.options));
}

document.addEventListener("change", rememberView);
document.addEventListener("input", (event) => { if (event.target.id === "label-key") suggest(); });
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-from], [data-copy-file], [data-copy-address]");
  // Where nothing can be copied, a link to a file leads there.
  if (button && (navigator.clipboard || !button.href)) {
    event.preventDefault();
    copy(button, wanted(button));
  }
  const link = event.target.closest("a[data-large]");
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    enlarge(large().indexOf(link));
  }
  const step = event.target.closest("[data-step]");
  if (step) enlarge(shown + Number(step.dataset.step));
  if (event.target.id === "lightbox") event.target.close();
});

const KEYS = { j: "older", k: "newer", Escape: "to-list" };

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
  if (byId("lightbox").open) {
    if (event.key === "ArrowLeft") enlarge(shown - 1);
    if (event.key === "ArrowRight") enlarge(shown + 1);
    return;
  }
  const typing = event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]");
  if (typing) {
    if (event.key === "Escape") typing.blur();
  } else if (!document.querySelector(".menu[open]")) {
    byId(KEYS[event.key])?.click();
  }
});

document.addEventListener("fresh", recallView);
recallView();
