// Draws every figure of the page: each [data-figure] element has its data in the JSON script named "<key>-data".
(() => {
  "use strict";
  const config = { responsive: true, displaylogo: false, displayModeBar: false };
  const holders = [...document.querySelectorAll("[data-figure]")];
  const draw = (holder) => {
    const source = document.getElementById(`${holder.dataset.figure}-data`);
    const figure = JSON.parse(source.textContent);
    holder.replaceChildren();
    // When the window changes, plotly takes the height of the element, not that of the layout.
    holder.style.height = `${figure.layout.height}px`;
    return window.Plotly.newPlot(holder, figure.data, figure.layout, config);
  };
  Promise.all(holders.map(draw)).then(() => {
    document.documentElement.dataset.drawn = String(holders.length);
  });
  // Paper has another width than the window.
  for (const moment of ["beforeprint", "afterprint"]) {
    window.addEventListener(moment, () => holders.forEach((holder) => window.Plotly.Plots.resize(holder)));
  }
})();
