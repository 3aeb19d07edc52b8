// Runs before the first paint, so that the page never flashes in the wrong colours.
document.documentElement.classList.add("js");
try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage is refused: the system's colours it is.
}
