// A streamed answer of the gateway: its events, and what went wrong in words.
"use strict";

/** What went wrong, for a person: what it is, what more is known of it, and a word to mark it with. */
class Failure extends Error {
  constructor(title, more = "", mark = "error") {
    super(title);
    this.more = more;
    this.mark = mark;
  }
}

/** What a delta of OpenAI's brings: pieces of the text, of the reasoning, and of calls of tools. */
class Delta {
  constructor(given) {
    this.text = pieceOf(given?.content) + pieceOf(given?.refusal);
    this.thought = pieceOf(given?.reasoning_content) || pieceOf(given?.reasoning);
    this.calls = Array.isArray(given?.tool_calls) ? given.tool_calls : given?.function_call ? [{ function: given.function_call }] : [];
  }
}

const pieceOf = (value) => (typeof value === "string" ? value : "");

/** The data of each event of a body: what stands behind its “data:”. */
async function* eventsOf(body) {
  let rest = "";
  for await (const piece of piecesOf(body)) {
    const lines = (rest + piece).split(/\r?\n/);
    rest = lines.pop();
    // The gateway writes each event's data on one line, as OpenAI does.
    for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trim();
  }
}

// Safari's streams cannot be iterated over.
async function* piecesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The deltas of an answer, until it is whole. Throws `Failure` where it breaks off. */
async function* deltasOf(response) {
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
    const message = (await response.json()).choices?.[0]?.message;
    yield new Delta({ ...message, tool_calls: message?.tool_calls?.map?.((call, index) => ({ ...call, index })) });
    return;
  }
  for await (const data of eventsOf(response.body)) {
    if (data === "[DONE]") return;
    const chunk = parsed(data);
    if (chunk?.error) throw new Failure("The answer broke off.", messageIn(chunk), "error");
    yield new Delta(chunk?.choices?.[0]?.delta);
  }
  throw new Failure("The answer broke off.", "The connection ended before it was whole.");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What a person can read of an error, whoever wrote it. */
function messageIn(value) {
  let told = value;
  while (told && typeof told === "object") told = told.error ?? told.message ?? told.detail ?? JSON.stringify(told);
  return typeof told === "string" ? told : "";
}

/** What an answer means that is no answer. The gateway names the call of each that it sent on. */
async function failureOf(response) {
  const text = await response.text();
  const body = parsed(text);
  const more = (body ? messageIn(body) : text).slice(0, 2000);
  const wasSent = response.headers.has("X-Completion-Id");
  if (!wasSent && response.status === 401) return new Failure("You are signed out.", "Log in again in another tab, then try again here.", "401");
  if (!wasSent) return new Failure("This was not sent.", more, response.status);
  const titles = { 429: "The model takes no more requests for now.", 504: "The model's server took too long." };
  const gave = body?.error?.type === "upstream_error" ? "The model's server gave no answer." : "The model's server answered with an error.";
  return new Failure(titles[response.status] ?? gave, more, response.status);
}
