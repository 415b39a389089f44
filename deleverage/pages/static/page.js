"use strict";
(() => {
  const root = document.documentElement;
  const charts = JSON.parse(document.getElementById("charts-data").textContent);
  const button = document.getElementById("theme");
  let drawn = null; // the charts' document, once there

  // theme: the reader's last choice, else the system's
  const KEY = "deleverage-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem(KEY, theme); } catch { /* no store */ } };
  const wanted = () => remembered() || (system.matches ? "dark" : "light");

  function wear(theme) {
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-pressed", String(theme === "dark"));
    colour(theme);
  }

  function colour(theme) {
    if (!drawn) return;
    const palette = charts.palette[theme];
    for (const [id, roles] of Object.entries(charts.roles)) {
      const model = drawn.get_model_by_id(id);
      if (!model) continue;
      const changes = {};
      for (const [name, role] of Object.entries(roles)) {
        const now = model[name];
        const wrapped = now !== null && typeof now === "object" && "value" in now;
        changes[name] = wrapped ? { value: palette[role] } : palette[role];
      }
      model.setv(changes);
    }
  }

  wear(wanted());
  button.addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    remember(theme);
    wear(theme);
  });
  system.addEventListener("change", () => { if (!remembered()) wear(wanted()); });

  // charts
  async function draw() {
    const roots = charts.roots;
    if (Object.keys(roots).length) {
      Bokeh.set_log_level("warn");
      await Bokeh.embed.embed_items({ page: charts.document },
        [{ docid: "page", roots, root_ids: Object.keys(roots) }]);
      drawn = Bokeh.documents[Bokeh.documents.length - 1];
      colour(root.dataset.theme);
      // dragging a finger must scroll the page, so only a mouse drags out a span
      if (!matchMedia("(pointer: coarse)").matches) {
        for (const id of charts.zoom) drawn.get_model_by_id(id).active = true;
      }
      charts.clocks.forEach(follow);
    }
    root.dataset.drawn = "true";
  }

  // a span in view: the value axes fit it, and a button per chart leads back to the whole
  function follow(clock) {
    const span = drawn.get_model_by_id(clock.id);
    const buttons = document.querySelectorAll(`.reset[data-clock="${clock.id}"]`);
    span.change.connect(() => {
      const whole = span.start === clock.start && span.end === clock.end;
      buttons.forEach((one) => { one.hidden = whole; });
      // later: the chart that was dragged in sets its value axis itself after this
      requestAnimationFrame(() =>
        charts.fits.filter((one) => one.clock === clock.id).forEach(fit));
    });
    buttons.forEach((one) => one.addEventListener("click", () =>
      span.setv({ start: clock.start, end: clock.end })));
  }

  function fit(axis) {
    const span = drawn.get_model_by_id(axis.clock);
    let low = Infinity, high = -Infinity;
    for (const [line, source, column] of axis.lines) {
      if (!drawn.get_model_by_id(line).visible) continue;
      const data = drawn.get_model_by_id(source).data;
      const times = data.get ? data.get("t") : data.t;
      const values = data.get ? data.get(column) : data[column];
      for (let i = 0; i < times.length; i++) {
        if (times[i] < span.start || times[i] > span.end || !Number.isFinite(values[i])) continue;
        low = Math.min(low, values[i]);
        high = Math.max(high, values[i]);
      }
    }
    if (low > high) return;
    const room = axis.padding * ((high - low) || Math.abs(high) || 1);
    drawn.get_model_by_id(axis.range).setv(
      { start: low - room, end: axis.end === null ? high + room : axis.end });
  }

  // runs of a comparison: a press shows or hides their lines in every chart
  function show(name, visible) {
    for (const id of charts.runs[name] || []) drawn.get_model_by_id(id).visible = visible;
  }
  function press(one, on) {
    one.setAttribute("aria-pressed", String(on));
    if (!drawn) return;
    show(one.dataset.run, on);
    charts.fits.forEach(fit);
  }
  const switches = document.querySelectorAll("button[data-run]");
  switches.forEach((one) => one.addEventListener("click",
    () => press(one, one.getAttribute("aria-pressed") !== "true")));
  document.querySelectorAll("button[data-all]").forEach((one) => one.addEventListener("click",
    () => switches.forEach((run) => press(run, one.dataset.all === "true"))));

  // sorting: figures as numbers, words as words, what is not there always last
  function worth(text) {
    const figure = text.replace(/[+,%x#\s]/g, "");
    if (text.startsWith("n/a") || figure === "") return "";
    return Number.isNaN(Number(figure)) ? text : figure;
  }
  function compare(a, b) {
    const x = Number(a), y = Number(b);
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  }
  function sort(table, column, sign) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => [row.cells[column].dataset.value, row]);
    rows.sort(([a], [b]) => (a === "") - (b === "") || sign * compare(a, b));
    body.append(...rows.map(([, row]) => row));
  }
  document.querySelectorAll("table.sortable").forEach((table) => {
    const heads = Array.from(table.tHead.rows[0].cells);
    for (const row of table.tBodies[0].rows)
      for (const cell of row.cells) cell.dataset.value = worth(cell.textContent);
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((one) => one.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      sort(table, column, up ? 1 : -1);
    }));
  });

  // contents: where the reader is
  const links = new Map(Array.from(document.querySelectorAll(".contents a"),
    (link) => [link.getAttribute("href").slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const link = links.get(entry.target.id);
      if (!entry.isIntersecting || !link) continue;
      links.forEach((other) => other.removeAttribute("aria-current"));
      link.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  document.querySelectorAll("main section[id]").forEach((part) => seen.observe(part));

  // paper is light and narrow, and nothing on it can be opened by a click
  const PAPER = 690; // pixels: what A4 and letter have between their margins
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    closed.forEach((one) => { one.open = true; });
    document.querySelectorAll(".plot").forEach((one) => {
      const room = one.closest(".small") ? PAPER / 2 - 20 : PAPER;
      one.style.zoom = Math.min(1, room / one.clientWidth);
    });
    root.dataset.theme = "light";
    colour("light");
    // at once: paper does not wait for the next frame
    for (const id of Object.keys(drawn ? charts.roots : {})) {
      const view = Bokeh.index.get_by_id(id);
      for (const part of view.computed_renderer_views) part.set_visuals?.();
      view.repaint();
    }
  });
  addEventListener("afterprint", () => {
    closed.forEach((one) => { one.open = false; });
    document.querySelectorAll(".plot").forEach((one) => { one.style.zoom = ""; });
    wear(wanted());
  });

  draw();
})();
