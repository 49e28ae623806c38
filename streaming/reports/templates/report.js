// Draws every chart of the page in the colours of the scheme in use: a figure names a colour by its custom property, var(--name).
(() => {
  "use strict";
  const root = document.documentElement;
  const named = /^var\(--[\w-]+\)$/;
  const config = { displayModeBar: false, responsive: true, showTips: false };

  // The browser alone knows what light-dark() comes to: `style` is that of an element to try colours on.
  function coloured(value, probe, style) {
    if (typeof value === "string") {
      if (!named.test(value)) return value;
      probe.style.color = value;
      return style.color;
    }
    if (Array.isArray(value)) return value.map((each) => coloured(each, probe, style));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, probe, style)]));
    }
    return value;
  }

  async function draw(plot) {
    // What is folded away has no width to draw for; it is drawn when it is opened.
    if (plot.offsetParent === null) return;
    const figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
    const probe = plot.parentElement.appendChild(document.createElement("span"));
    const { data, layout } = coloured(figure, probe, getComputedStyle(probe));
    layout.font.family = getComputedStyle(probe).fontFamily;
    probe.remove();
    await Plotly.react(plot, data, layout, config);
    plot.dataset.drawn = "true";
  }

  const drawAll = () => document.querySelectorAll(".report .plot").forEach(draw);

  function start() {
    drawAll();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    document.addEventListener("answerloop:scheme", drawAll);
    document.addEventListener("toggle", (event) => event.target.querySelectorAll(".report .plot").forEach(draw), true);
    // A page may fetch a part with charts later.
    document.addEventListener("htmx:afterSettle", drawAll);
    // Paper is light.
    let before;
    addEventListener("beforeprint", () => { before = root.dataset.scheme; root.dataset.scheme = "light"; drawAll(); });
    addEventListener("afterprint", () => {
      if (before === undefined) delete root.dataset.scheme; else root.dataset.scheme = before;
      drawAll();
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
