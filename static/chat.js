// Talking to models: what is typed goes to one of them or to two, and each answer is drawn while it comes. What a model
// wrote is put in as text; once it has ended, as HTML that this server has rendered and sanitised.
"use strict";

const form = document.getElementById("prompt");
const { dataset, elements } = form;
const draw = (id) => document.getElementById(id).content.cloneNode(true).firstElementChild;

/** A text that grows, in blocks: to lay out one long paragraph anew with each word would take ever longer. */
class Growing {
  static most = 4000;

  constructor(element) {
    this.element = element;
    this.text = this.waiting = "";
    this.begin();
  }

  begin() {
    this.size = 0;
    this.block = document.createElement("div");
    this.element.append(this.block);
  }

  add(text) {
    this.text += text;
    this.waiting += text;
  }

  flush() {
    let piece = this.waiting;
    this.waiting = "";
    const end = this.size > Growing.most ? piece.indexOf("\n") : -1;
    if (end >= 0) {
      this.block.append(piece.slice(0, end));
      this.begin();
      piece = piece.slice(end + 1);
    }
    if (piece) this.block.append(piece);
    this.size += piece.length;
  }
}

/** An answer in a column. `id` is that of its interaction, once it has one. */
class Answer {
  constructor(column) {
    this.column = column;
    this.name = column.name;
    this.id = null;
    this.turn = draw("answered");
    this.turn.querySelector("h3").textContent = this.name;
    this.facts(this.name, "…");
    this.said = new Growing(this.plain());
    this.thought = new Growing(this.turn.querySelector(".thoughts .plain"));
    this.calls = new Map(); // by their indexes, which are the model's
    column.put(this.turn);
  }

  plain() {
    const plain = Object.assign(document.createElement("div"), { className: "plain" });
    this.turn.querySelector(".text").append(plain);
    return plain;
  }

  facts(...told) {
    this.turn.querySelector(".facts").replaceChildren(...told.map((fact) => Object.assign(document.createElement("span"), { textContent: fact })));
  }

  add(delta) {
    this.said.add(delta.text);
    this.thought.add(delta.thought);
    for (const call of delta.calls) this.addCall(call);
    this.frame ??= requestAnimationFrame(() => this.flush());
  }

  addCall({ index, function: called }) {
    if (!this.calls.has(index)) this.calls.set(index, { name: "", arguments: "" });
    const call = this.calls.get(index);
    call.name ||= pieceOf(called?.name);
    call.arguments += pieceOf(called?.arguments);
  }

  flush() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    this.said.flush();
    this.thought.flush();
    this.turn.querySelector(".thoughts").hidden = !this.thought.text;
    this.turn.querySelector(".calls").replaceChildren(...[...this.calls.values()].map(drawCall));
    this.column.follow();
  }

  /** What went wrong, if something did. */
  end(failure, isStopped = false) {
    this.isStopped = isStopped;
    this.flush();
    this.turn.querySelector("[data-act=copy]").hidden = !this.said.text;
    this.turn.removeAttribute("aria-busy");
    texts.set(this.turn, this.said.text);
    if (!failure) return;
    const told = this.turn.querySelector(".failure");
    const mark = Object.assign(document.createElement("span"), { className: "tag", textContent: failure.mark });
    told.querySelector("h4").append(mark, ` ${failure.message}`);
    told.querySelector("p").textContent = failure.more;
    told.hidden = false;
    letReach(told);
    this.column.follow();
  }

  /** In place of the text that came, the same as the server renders it, and what it knows of the call. */
  async render() {
    if (!this.turn.isConnected) return;
    const { text } = this.said;
    const isShort = text.length <= Number(dataset.rendered);
    this.facts(this.name);
    try {
      const asked = { csrfmiddlewaretoken: elements.csrfmiddlewaretoken.value, id: this.id ?? "", text: isShort ? text : "", ...(this.isStopped && { stopped: 1 }) };
      // Who was signed out would be led to a page to log in.
      const response = await fetch(dataset.answer, { method: "POST", body: new URLSearchParams(asked), redirect: "manual" });
      if (!response.ok) return;
      const rendered = Object.assign(document.createElement("div"), { innerHTML: await response.text() });
      const facts = rendered.querySelector(".facts");
      facts.remove();
      if (facts.childElementCount) this.turn.querySelector(".facts").replaceWith(facts);
      if (isShort) this.turn.querySelector(".text").replaceChildren(...rendered.childNodes);
      letReach(this.turn);
      this.column.follow();
    } catch {
      // Without the server it stays as it came.
    }
  }
}

// The text of each answer that is shown, as it was written.
const texts = new WeakMap();

function drawCall({ name, arguments: given }) {
  const part = Object.assign(document.createElement("div"), { className: "part-code" });
  const title = Object.assign(document.createElement("p"), { className: "part-title", textContent: `call ${name}` });
  const value = parsed(given);
  const code = Object.assign(document.createElement("pre"), { className: "code", textContent: value ? JSON.stringify(value, null, 2) : given });
  part.append(title, code);
  return part;
}

/** What scrolls must be reachable by keyboard. */
function letReach(within) {
  for (const block of within.querySelectorAll("pre, table, .failure p")) {
    if (block.scrollWidth > block.clientWidth || block.scrollHeight > block.clientHeight) block.tabIndex = 0;
  }
}

/** A conversation with one model. */
class Column {
  constructor(section, heard) {
    Object.assign(this, { section, heard });
    this.picker = section.querySelector("select");
    this.log = section.querySelector(".log");
    this.turns = section.querySelector(".turns");
    this.log.addEventListener("click", ({ target }) => this.act(target.closest("[data-act]")));
    this.log.addEventListener("toggle", ({ target }) => letReach(target), true);
    this.log.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.log;
      this.isAtEnd = scrollHeight - scrollTop - clientHeight < 48;
    });
    // An image that was decoded makes the log longer, a longer prompt below makes it lower.
    this.log.addEventListener("load", () => this.follow(), true);
    new ResizeObserver(() => {
      letReach(this.log);
      this.follow();
    }).observe(this.log);
    this.isAtEnd = true;
    this.clear();
  }

  get isShown() {
    return !this.section.hidden;
  }

  get name() {
    return this.picker.selectedOptions[0].textContent;
  }

  /** `id` is that of the last interaction, from which the conversation can go on. */
  clear() {
    this.stop();
    Object.assign(this, { messages: [], session: null, id: null });
    this.turns.replaceChildren(draw("nothing-said"));
  }

  put(turn) {
    if (!this.messages.length) this.turns.replaceChildren();
    this.turns.append(turn);
    this.isAtEnd = true;
    this.follow();
  }

  /** Stays at the end of the log if the reader was there. */
  follow() {
    if (this.isAtEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  act(button) {
    if (button?.dataset.act === "copy") copy(button, texts.get(button.closest(".turn")) ?? "");
    if (button?.dataset.act === "again" && !this.asking) this.again();
  }

  say(message) {
    const turn = draw("said");
    const parts = Array.isArray(message.content) ? message.content : [message.content ?? ""];
    if (message.role !== "user") turn.querySelector("h3").textContent = message.role;
    turn.querySelector(".plain").textContent = parts.map(textOf).filter(Boolean).join("\n");
    turn.querySelector(".pictures").append(...parts.map(addressIn).filter(Boolean).map(drawPicture));
    this.put(turn);
    this.messages.push(message);
  }

  /** What was said so far goes to the model. */
  async answer() {
    this.asking = new AbortController();
    const { signal } = this.asking;
    const answer = new Answer(this);
    update();
    let failure = null;
    try {
      const response = await fetch("/api/v1/chat/completions", { ...this.request(), signal });
      answer.id = response.headers.get("X-Completion-Id");
      this.id = answer.id ?? this.id;
      note();
      if (!response.ok) throw await failureOf(response);
      this.session = response.headers.get("X-Session-Id");
      for await (const delta of deltasOf(response)) answer.add(delta);
    } catch (error) {
      if (!signal.aborted) failure = error instanceof Failure ? error : lost(answer.id);
    }
    answer.end(failure, signal.aborted);
    // Another conversation may have begun meanwhile.
    if (this.asking?.signal === signal) {
      this.asking = null;
      if (answer.said.text) this.messages.push({ role: "assistant", content: answer.said.text });
    }
    update();
    await answer.render();
    // Told once, when it is whole: what comes word by word would be a babble.
    if (!failure && answer.turn.isConnected) this.heard.textContent = `${answer.name}: ${answer.said.text.slice(0, 1000)}`;
  }

  request() {
    const system = elements.system.value.trim() ? [{ role: "system", content: elements.system.value }] : [];
    const asked = { model: this.picker.value, messages: [...system, ...this.messages], stream: true, labels: { via: "chat" } };
    if (this.session) asked.session_id = this.session;
    for (const name of ["temperature", "max_tokens"]) if (elements[name].value) asked[name] = Number(elements[name].value);
    const body = new Blob([JSON.stringify(asked)]);
    if (body.size > Number(dataset.requestBytes)) {
      const [has, most] = [body.size, Number(dataset.requestBytes)].map((bytes) => Math.ceil(bytes / MEGABYTE));
      throw new Failure("This was not sent.", `With its images the conversation has ${has} MB; at most ${most} MB are taken. Begin a new chat, or send smaller images.`, "too large");
    }
    const headers = { "Content-Type": "application/json", "X-CSRFToken": elements.csrfmiddlewaretoken.value };
    return { method: "POST", headers, body };
  }

  /** Another answer in place of the last one, which stays logged. */
  again() {
    if (this.messages.at(-1)?.role === "assistant") this.messages.pop();
    if (this.turns.lastElementChild?.matches(".answered")) this.turns.lastElementChild.remove();
    this.answer();
  }

  stop() {
    this.asking?.abort();
    this.asking = null;
  }

  /** The conversation of another column so far; from here on each has its own. */
  copy(other) {
    this.clear();
    if (!other.messages.length) return;
    this.messages = [...other.messages];
    this.id = other.id;
    this.turns.replaceChildren();
    for (const turn of other.turns.children) {
      const copied = turn.cloneNode(true);
      texts.set(copied, texts.get(turn));
      this.turns.append(copied);
    }
  }

  /** A conversation that was logged. */
  restore({ id, session, model, messages, completion }) {
    if (model && [...this.picker.options].some(({ value }) => value === model)) this.picker.value = model;
    Object.assign(this, { id, session });
    for (const message of messages) message.role === "assistant" ? this.show(message.content) : this.say(message);
    if (completion) this.show(completion, id);
    else if (messages.length) this.show("", id, new Failure("There was no answer in words when this page was loaded.", "", "no answer"));
  }

  show(content, id = null, failure = null) {
    const answer = new Answer(this);
    answer.id = id;
    answer.add(new Delta({ content: (Array.isArray(content) ? content : [content]).map(textOf).join("\n") }));
    answer.end(failure);
    if (answer.said.text) this.messages.push({ role: "assistant", content: answer.said.text });
    answer.render();
  }
}

function lost(wasBegun) {
  if (!wasBegun) return new Failure("This server cannot be reached.", "Look after the connection, then try again.", "offline");
  const more = dataset.interactions ? "All that the model says is logged: “Open” shows it." : "";
  return new Failure("The connection was lost while the answer came.", more, "offline");
}

// What is said

const textOf = (part) => (typeof part === "string" ? part : addressIn(part) ? "" : typeof part?.text === "string" ? part.text : part ? JSON.stringify(part) : "");
const addressIn = (part) => (part?.type === "image_url" ? pieceOf(part.image_url?.url ?? part.image_url) : "");

/** Only what was brought here is shown; nothing is loaded from elsewhere. */
function drawPicture(address) {
  const isHere = address.startsWith("data:image/");
  const shown = document.createElement(isHere ? "img" : "p");
  return Object.assign(shown, isHere ? { src: address, alt: "Image" } : { className: "elsewhere", textContent: `image, not loaded: ${address.slice(0, 500)}` });
}

// The page

const heard = document.querySelectorAll("#heard p");
const [first, second] = [...document.querySelectorAll(".column")].map((section, place) => new Column(section, heard[place]));
const columns = () => (second.isShown ? [first, second] : [first]);
const stop = document.getElementById("stop");
const send = document.getElementById("send");
const compare = document.getElementById("compare");
const pictures = new Pictures({
  box: document.getElementById("chat"),
  input: elements.image,
  list: form.querySelector(".thumbs"),
  refused: form.querySelector(".refused"),
  paste: elements.prompt,
  most: Number(dataset.imageBytes),
});

/** What can be done now. */
function update() {
  const isBusy = columns().some((column) => column.asking);
  const hadFocus = [send, stop].includes(document.activeElement);
  stop.hidden = !isBusy;
  send.hidden = isBusy;
  compare.disabled = isBusy;
  for (const column of [first, second]) column.picker.disabled = isBusy;
  if (hadFocus) elements.prompt.focus();
}

/** The page's address brings back what it shows. */
function note() {
  const shown = columns();
  const address = new URLSearchParams({ model: first.picker.value });
  if (second.isShown) address.set("with", second.picker.value);
  if (dataset.interactions && shown.every(({ id }) => id)) for (const { id } of shown) address.append("continue", id);
  history.replaceState(null, "", `?${address}`);
  for (const [place, label] of document.querySelectorAll(".switch span").entries()) label.textContent = [first, second][place].name;
}

function showSecond(isShown) {
  second.section.hidden = !isShown;
  document.querySelector(".switch").hidden = !isShown;
  document.getElementById("chat").classList.toggle("two", isShown);
  compare.setAttribute("aria-pressed", isShown);
  document.querySelector(".switch input").checked = true;
}

function takeSecond() {
  showSecond(!second.isShown);
  if (second.isShown) second.copy(first);
  else second.clear();
  const [{ dataset: shown }] = first.picker.selectedOptions;
  const others = [...second.picker.options].filter((option) => option.dataset.model !== shown.model);
  if (others.length && second.picker.selectedOptions[0].dataset.model === shown.model) others[0].selected = true;
  note();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = elements.prompt.value;
  if (columns().some((column) => column.asking) || !(text.trim() || pictures.taken.size)) return;
  const images = pictures.give().map((url) => ({ type: "image_url", image_url: { url } }));
  elements.prompt.value = "";
  const content = images.length ? [...(text.trim() ? [{ type: "text", text }] : []), ...images] : text;
  for (const column of columns()) {
    column.say({ role: "user", content });
    column.answer();
  }
});
// What is wrong can be seen only in an open fold.
form.addEventListener("invalid", ({ target }) => { target.closest("details").open = true; }, true);
elements.prompt.addEventListener("keydown", (event) => {
  // Where letters are composed, Enter ends that.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
stop.addEventListener("click", () => { for (const column of columns()) column.asking?.abort(); });
compare.addEventListener("click", takeSecond);
document.getElementById("anew").addEventListener("click", () => {
  for (const column of [first, second]) column.clear();
  note();
  update();
  elements.prompt.focus();
});
document.addEventListener("change", ({ target }) => { if (target.closest(".pick")) note(); });

function begin() {
  const asked = new URLSearchParams(location.search);
  const continued = JSON.parse(document.getElementById("continued").textContent);
  if (asked.has("with")) showSecond(true);
  for (const [place, one] of continued.slice(0, columns().length).entries()) {
    const [opening, ...rest] = one.messages;
    const hasSystem = opening?.role === "system" && typeof opening.content === "string";
    if (hasSystem && place === 0) elements.system.value = opening.content;
    columns()[place].restore({ ...one, messages: hasSystem ? rest : one.messages });
  }
  for (const name of ["temperature", "max_tokens"]) elements[name].value ||= continued[0]?.parameters[name] ?? "";
  document.getElementById("system").open = Boolean(elements.system.value);
  if (second.isShown && continued.length === 1) second.copy(first);
  if (location.search) note();
}

begin();
