// The images of the next prompt: chosen, pasted or dropped, shown with a button to remove them, and read as data URIs.
"use strict";

const MEGABYTE = 1024 * 1024;

class Pictures {
  /** `box` takes what is dropped, `input` is for files, `list` shows them, `refused` says why one was not taken. */
  constructor({ box, input, list, refused, paste, most }) {
    Object.assign(this, { input, list, refused, most });
    this.types = input.accept.split(",");
    this.taken = new Map(); // addresses by their items in the list
    input.addEventListener("change", () => this.take(input.files));
    paste.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.take(event.clipboardData.files);
    });
    list.addEventListener("click", ({ target }) => this.remove(target.closest("button")?.closest("li")));
    this.letDrop(box);
  }

  letDrop(box) {
    const brings = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
    box.addEventListener("dragover", (event) => {
      if (!brings(event)) return;
      event.preventDefault();
      box.classList.add("dropping");
    });
    box.addEventListener("dragleave", (event) => { if (!box.contains(event.relatedTarget)) box.classList.remove("dropping"); });
    box.addEventListener("drop", (event) => {
      if (!brings(event)) return;
      event.preventDefault();
      box.classList.remove("dropping");
      this.take(event.dataTransfer.files);
    });
  }

  async take(files) {
    const given = [...files];
    const problems = given.map((file) => this.problem(file)).filter(Boolean);
    this.refuse(problems.join(" "));
    this.input.value = ""; // so that the same file can be chosen again
    for (const file of given) if (!this.problem(file)) this.show(await addressOf(file), file.name);
  }

  problem({ name, size, type }) {
    if (!this.types.includes(type)) return `“${name}” is no PNG, JPEG, WebP or GIF image.`;
    if (size > this.most) return `“${name}” has ${Math.ceil(size / MEGABYTE)} MB; at most ${this.most / MEGABYTE} MB are taken.`;
    return "";
  }

  refuse(problem) {
    this.refused.textContent = problem;
    this.refused.hidden = !problem;
  }

  show(address, name) {
    const item = document.getElementById("picture").content.cloneNode(true).firstElementChild;
    Object.assign(item.querySelector("img"), { src: address, alt: name });
    item.querySelector("button").setAttribute("aria-label", `Remove ${name}`);
    this.taken.set(item, address);
    this.list.append(item);
    this.list.hidden = false;
  }

  remove(item) {
    if (!item) return;
    this.taken.delete(item);
    item.remove();
    this.list.hidden = !this.taken.size;
  }

  /** The addresses of all, which are gone from here then. */
  give() {
    const given = [...this.taken.values()];
    for (const item of [...this.taken.keys()]) this.remove(item);
    this.refuse("");
    return given;
  }
}

const addressOf = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
