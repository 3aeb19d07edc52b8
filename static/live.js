// A page about what still goes on: asked for again until that has ended. What is new is put in its place.
// Without this, the page has a link that loads it again.
"use strict";

/** The version that the page shows, as long as there is something to come. */
const version = () => document.querySelector("[data-live]")?.dataset.live;

keepLooking(async () => {
  if (!version()) return false;
  const answer = await fetch(location.href, { headers: { "If-None-Match": `"${version()}"` } });
  if (answer.status === 304) return true;
  if (!answer.ok || answer.redirected) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of page.querySelectorAll("[data-fresh]")) document.getElementById(part.id)?.replaceWith(document.adoptNode(part));
  document.dispatchEvent(new Event("fresh"));
  if (!version()) document.getElementById("told").textContent = "The answer is there.";
  return true;
});
