// Draws the Plotly figures of a page when they come near the window, and again when the theme changes.
(() => {
  "use strict";
  const here = document.currentScript.src;
  const library = here.replace(/course-figures\.js.*$/, "vendor/plotly.min.js");
  let loading = null;

  function plotly() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = library;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error("cannot read " + library));
      document.head.append(script);
    });
    return loading;
  }

  const isDark = () => document.documentElement.dataset.theme === "dark";

  // The course's palette is chosen for white paper; black, the greys and the darkest blue are exchanged on black.
  const forDark = {
    "#000000": "#f2f2f2", "#dddddd": "#3a3f45", "#888888": "#8a9199", "#bbbbbb": "#5a6068",
    "#0072B2": "#4fa8e0", "#0072b2": "#4fa8e0",
  };

  function themed(text, narrow) {
    if (isDark()) text = text.replace(/"#[0-9A-Fa-f]{6}"/g, (c) => `"${forDark[c.slice(1, -1)] ?? c.slice(1, -1)}"`);
    const figure = JSON.parse(text);
    const layout = (figure.layout ??= {});
    delete layout.width;
    layout.autosize = true;
    layout.paper_bgcolor = "rgba(0,0,0,0)";
    layout.font = { ...layout.font, color: isDark() ? "#e6e6e6" : "#222222" };
    if (isDark()) layout.hoverlabel = { ...layout.hoverlabel, font: { color: "#111111" } };
    // The chosen button of a menu is always nearly white, so all are light and their text is dark.
    for (const menu of layout.updatemenus ?? []) Object.assign(menu, { bgcolor: "#dddddd", font: { color: "#222222" } });
    if (narrow) {
      layout.font.size = 11;
      layout.margin = { ...layout.margin, l: 10, r: 10 };
    }
    return figure;
  }

  async function draw(box) {
    const Plotly = await plotly();
    const figure = themed(box.querySelector("script").textContent, box.clientWidth < 500);
    box.querySelector(".course-figure-plot")?.remove();
    const plot = document.createElement("div");
    plot.className = "course-figure-plot";
    plot.style.height = box.style.minHeight;
    box.append(plot);
    await Plotly.newPlot(plot, {
      data: figure.data, layout: figure.layout, frames: figure.frames,
      config: { responsive: true, displaylogo: false, scrollZoom: false },
    });
    box.dataset.drawn = "yes";
  }

  function show(box) {
    draw(box).catch((error) => {
      box.textContent = box.getAttribute("aria-label") + " (" + error.message + ")";
    });
  }

  function start() {
    const boxes = [...document.querySelectorAll(".course-figure")];
    if (!boxes.length) return;
    const near = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        show(target);
      }
    }, { rootMargin: "400px" });
    boxes.forEach((box) => near.observe(box));
    new MutationObserver(() => boxes.filter((b) => b.dataset.drawn).forEach(show))
      .observe(document.documentElement, { attributeFilter: ["data-theme"] });
    window.addEventListener("beforeprint", () => boxes.filter((b) => !b.dataset.drawn).forEach(show));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
