// Plotly takes colours as values, not as CSS variables: read them from the page, and again when light turns to dark.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
function colours() {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim(), rule = style.getPropertyValue("--rule").trim();
  const out = { "font.color": ink };
  for (const axis of ["xaxis", "yaxis", "xaxis2", "yaxis2"])
    for (const part of ["gridcolor", "linecolor", "zerolinecolor"]) out[axis + "." + part] = rule;
  return out;
}
function draw() {
  for (const [name, figure] of plots) {
    Plotly.newPlot(name, figure.data, figure.layout, { responsive: true, displaylogo: false })
      .then((plot) => Plotly.relayout(plot, colours()));
  }
}
draw();
dark.addEventListener("change", () => plots.forEach(([name]) => Plotly.relayout(name, colours())));
