// Draws the charts of the report in the colours of the page, at the width it has, and again when either changes.
(() => {
  "use strict";

  const root = document.documentElement;
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const hidden = new Set(); // segments switched off on the map
  const coarse = matchMedia("(pointer: coarse)").matches;

  // ---- theme -------------------------------------------------------------------------------------------------

  // Replaces every "var(--name)" in a chart by the value it has in the theme of the moment.
  function paint(value, style) {
    if (typeof value === "string") {
      const name = /^var\((--[\w-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) {
      return typeof value[value.length - 1] === "number" ? value : value.map((v) => paint(v, style));
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, paint(v, style)]));
    }
    return value;
  }

  function themedAxis(axis, zoom) {
    return Object.assign({
      gridcolor: "var(--grid)", linecolor: "var(--line)", zerolinecolor: "var(--line)",
      tickcolor: "var(--line)", tickfont: { color: "var(--muted)", size: 12 }, fixedrange: !zoom,
    }, axis, { title: { text: axis.title.text, font: { color: "var(--muted)", size: 13 }, standoff: 10 } });
  }

  function themed(chart) {
    const zoom = chart.kind === "map";
    const family = getComputedStyle(document.body).fontFamily;
    return Object.assign({}, chart.layout, {
      font: { family, color: "var(--text)", size: 13 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { bgcolor: "var(--hover)", bordercolor: "var(--line)", font: { family, color: "var(--text)", size: 13 },
        align: "left" },
      margin: { l: 8, r: 10, t: zoom ? (coarse ? 50 : 30) : 12, b: 8 }, hovermode: "closest",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: "var(--muted)", activecolor: "var(--accent)" },
      dragmode: zoom && !coarse ? "zoom" : false, showlegend: false, uirevision: "keep",
    }, chart.layout.xaxis
      ? { xaxis: themedAxis(chart.layout.xaxis, zoom), yaxis: themedAxis(chart.layout.yaxis, zoom) } : {});
  }

  // ---- fitting to the width ----------------------------------------------------------------------------------

  // The distance between ticks at which `n` whole numbers over `width` pixels keep `room` pixels each.
  function step(n, width, room) {
    const least = (room * n) / Math.max(width, 1);
    return [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000].find((s) => s >= least) || n;
  }

  const fits = {
    variance(data, layout, width) {
      const n = data.reduce((most, trace) => Math.max(most, trace.x.length), 1);
      layout.barmode = "overlay";
      layout.xaxis.dtick = step(n, width - 80, 24);
      layout.xaxis.showgrid = false;
      layout.xaxis.zeroline = false;
    },
    lines(data, layout) {
      layout.xaxis.zeroline = false;
      for (const trace of data) trace.cliponaxis = false;
    },
    heat(data, layout, width) {
      const n = data[0].x.length;
      const margin = { l: 58, r: 6, t: 6, b: 54 };
      const side = Math.max(width - margin.l - margin.r, 80);
      const room = n > 100 ? 28 : 19;
      for (const axis of [layout.xaxis, layout.yaxis]) {
        Object.assign(axis, { dtick: step(n, side, room), automargin: false, showgrid: false, zeroline: false,
          showline: true, mirror: true, tickangle: 0 });
        axis.tickfont.size = 11;
      }
      layout.plot_bgcolor = "var(--grid)";
      layout.margin = margin;
      layout.height = side + margin.t + margin.b;
    },
    flows(data, layout, width) {
      const trace = data[0];
      const ends = trace.short.length / 2;
      const room = layout.height - 24;
      const node = { thickness: 14, pad: Math.max(3, Math.min(14, Math.floor(room / (2.5 * ends)))) };
      if (width < 640) node.label = trace.short;
      trace.node = Object.assign({}, trace.node, node);
      // A band has the colour of where it comes from, let through so that those below it show.
      const style = getComputedStyle(root);
      const colors = trace.link.source.map((end) => `${paint(trace.node.color[end], style)}66`);
      trace.link = Object.assign({}, trace.link, { color: colors });
      trace.textfont = { color: "var(--text)", size: 12 };
    },
    map(data, layout, width) {
      const crowded = width < 600 || data.reduce((sum, trace) => sum + trace.x.length, 0) > 2500;
      data.forEach((trace, segment) => {
        trace.visible = !hidden.has(segment);
        const size = trace.marker.size * (crowded ? 0.75 : 1);
        trace.marker = Object.assign({}, trace.marker, { size });
      });
    },
  };

  // ---- labels on the map -------------------------------------------------------------------------------------

  const directions = Array.from({ length: 16 }, (_, i) => [Math.cos((i * Math.PI) / 8), Math.sin((i * Math.PI) / 8)]);
  const places = [[0, 0]].concat([20, 32, 46, 62, 80, 100].flatMap((r) => directions.map(([x, y]) => [x * r, y * r])));

  const apart = (a, b) => Math.abs(a.x - b.x) * 2 >= a.w + b.w + 4 || Math.abs(a.y - b.y) * 2 >= a.h + b.h + 4;

  // Segment numbers at their centres, moved aside on a leader line where they would cover each other. A number for
  // which there is no room is left out; biggest segments come first.
  function labels(chart, size) {
    const { xaxis, yaxis } = size;
    const taken = [];
    const found = [];
    const most = Math.max(25, Math.floor((xaxis._length * yaxis._length) / 16000)); // more would hide the points
    chart.centroids.forEach(([x, y], segment) => {
      if (hidden.has(segment) || found.length >= most) return;
      const at = { x: xaxis.d2p(x), y: yaxis.d2p(y) };
      if (at.x < 0 || at.y < 0 || at.x > xaxis._length || at.y > yaxis._length) return;
      const w = 8 * String(segment).length + 10, h = 19;
      const box = places.map(([dx, dy]) => ({ x: at.x + dx, y: at.y + dy, w, h, dx, dy })).find((b) =>
        b.x >= w / 2 && b.y >= h / 2 && b.x <= xaxis._length - w / 2 && b.y <= yaxis._length - h / 2
        && taken.every((t) => apart(t, b)));
      if (!box) return;
      taken.push(box);
      const color = `var(--seg-${segment % chart.colors})`;
      found.push({ x, y, ax: box.dx, ay: box.dy, showarrow: box.dx !== 0 || box.dy !== 0, arrowhead: 6, arrowsize: 0.8,
        arrowwidth: 1.2, arrowcolor: color, text: `<b>${segment}</b>`, font: { color: "var(--text)", size: 12 },
        bgcolor: "var(--surface)", bordercolor: color, borderwidth: 2, borderpad: 2, opacity: 0.94 });
    });
    return found.sort((a, b) => b.showarrow - a.showarrow); // what is drawn later lies on top
  }

  function label(element, chart) {
    const annotations = paint(labels(chart, element._fullLayout), getComputedStyle(root));
    return Plotly.relayout(element, { annotations });
  }

  // ---- drawing -----------------------------------------------------------------------------------------------

  const config = {
    displaylogo: false, responsive: false, showTips: false,
    modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
  };

  function draw(id) {
    const element = document.getElementById(id);
    const chart = charts[id];
    const width = Math.floor(element.clientWidth);
    if (!width) return;
    const data = chart.data.map((trace) => Object.assign({}, trace));
    const layout = themed(chart);
    layout.width = width;
    layout.height = element.clientHeight;
    fits[chart.kind](data, layout, width);
    element.dataset.width = width;
    const style = getComputedStyle(root);
    const map = chart.kind === "map";
    const drawn = Plotly.react(element, paint(data, style), paint(layout, style),
      Object.assign({ displayModeBar: map }, config));
    if (!map) return;
    drawn.then(() => {
      label(element, chart);
      reachable(element);
      if (element.dataset.watched) return;
      element.dataset.watched = "yes";
      element.on("plotly_relayout", (change) => {
        if (!("annotations" in change)) label(element, chart);
      });
    });
  }

  // The buttons over the map are plotly's, for the mouse alone: this makes them buttons for the keyboard too.
  function reachable(element) {
    for (const button of element.querySelectorAll(".modebar-btn:not([tabindex])")) {
      button.tabIndex = 0;
      button.setAttribute("role", "button");
      button.setAttribute("aria-label", `${button.dataset.title}, map`);
      button.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        button.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      });
    }
  }

  const ids = Object.keys(charts).filter((id) => document.getElementById(id));
  const drawAll = () => ids.forEach(draw);

  let waiting = 0;
  const resized = new ResizeObserver((entries) => {
    if (!entries.some(({ target }) => Math.floor(target.clientWidth) !== Number(target.dataset.width))) return;
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 120);
  });

  function press(segment, on) {
    if (on) hidden.delete(segment); else hidden.add(segment);
    document.querySelector(`[data-segment="${segment}"]`).setAttribute("aria-pressed", String(on));
  }

  document.querySelector(".chips").addEventListener("click", ({ target }) => {
    const chip = target.closest("button");
    if (!chip) return;
    if (chip.dataset.all) {
      charts["chart-map"].centroids.forEach((_, segment) => press(segment, chip.dataset.all === "on"));
    } else {
      press(Number(chip.dataset.segment), chip.getAttribute("aria-pressed") !== "true");
    }
    draw("chart-map");
  });

  drawAll();
  ids.forEach((id) => resized.observe(document.getElementById(id)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  // Paper is white and narrow, whatever the screen is.
  addEventListener("beforeprint", () => { root.classList.add("print"); drawAll(); });
  addEventListener("afterprint", () => { root.classList.remove("print"); drawAll(); });
})();
