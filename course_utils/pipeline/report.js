// Plotly takes colours as values, not as CSS variables: read them from the page, and again when light turns to dark.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const hover = window.matchMedia("(hover: hover)").matches ? "hover" : false;
function colours() {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim(), rule = style.getPropertyValue("--rule").trim();
  const out = { "font.color": ink, "modebar.bgcolor": "rgba(0,0,0,0)", "modebar.color": ink };
  for (const axis of ["xaxis", "yaxis", "xaxis2", "yaxis2"])
    for (const part of ["gridcolor", "linecolor", "zerolinecolor"]) out[axis + "." + part] = rule;
  return out;
}
function draw() {
  for (const [name, figure] of plots) {
    Plotly.newPlot(name, figure.data, figure.layout, { responsive: true, displaylogo: false, displayModeBar: hover })
      .then((plot) => Plotly.relayout(plot, colours()));
  }
}
draw();
dark.addEventListener("change", () => plots.forEach(([name]) => Plotly.relayout(name, colours())));
