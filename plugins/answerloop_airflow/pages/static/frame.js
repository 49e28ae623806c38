// Light or dark as Airflow is set, also when that changes while the page is open; and links that lead out of Airflow's frame.
"use strict";

(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const follow = () => {
    // Airflow's switch: "light", "dark" or "system".
    const chosen = localStorage.getItem("theme");
    const theme = chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light";
    if (document.documentElement.dataset.scheme !== theme) {
      document.documentElement.dataset.scheme = theme;
      document.dispatchEvent(new Event("answerloop:scheme"));
    }
  };

  follow();
  addEventListener("storage", follow);
  dark.addEventListener("change", follow);

  // A sandboxed frame may not lead its window elsewhere, but a link of the window's own document may.
  addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const outside = window.parent.document.createElement("a");
    outside.href = link.href;
    window.parent.document.body.append(outside);
    outside.click();
    outside.remove();
  });
})();
