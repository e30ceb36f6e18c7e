// Applies the chosen theme before the first paint, so that the page does not flash. Not a module: modules run after the paint.
(() => {
  let choice = null;
  try {
    choice = localStorage.getItem("theme");
  } catch {
    // Storage may be forbidden; the system's theme is used then.
  }
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
})();
