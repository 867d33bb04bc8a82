// What moves in the report: the words of a mark, the map, the search box, and the buttons that copy. All else is there
// without it. Texts of the data go into the page as text alone, never as HTML.
(() => {
  "use strict";

  const one = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const make = (name, values) => Object.assign(document.createElement(name), values);
  const users = JSON.parse(one("#users").textContent);
  const said = one("#said");
  const say = (text) => { said.textContent = text; };

  // Lists of ids, one for each segment. Ids that are numbers are written as differences.
  function lists({ numeric, ids }) {
    return ids.map((list) => {
      let sum = 0;
      return numeric ? list.map((gap) => String(sum += gap)) : list;
    });
  }
  const drawn = lists(users.drawn);
  const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

  all(".scripted").forEach((element) => { element.hidden = false; });

  // ---- marks: their words under the pointer and by arrow keys --------------------------------------------------

  const tip = make("div", { className: "tip", hidden: true });
  tip.setAttribute("aria-hidden", "true"); // what is said aloud is in #said
  const halo = make("div", { className: "halo", hidden: true });
  document.body.append(halo, tip);

  // The cells of a heat map: a series is a row, a mark in it a column.
  function cells(layer) {
    const rows = layer.dataset.rows.split(";").map((row) => {
      const [sum, counts] = row.split(":");
      return { sum: Number(sum), counts: new Map(counts.split(",").filter(Boolean).map((c) => c.split(" ").map(Number))) };
    });
    const n = rows.length;
    const blank = Number(layer.dataset.blank || 0);
    const box = () => layer.getBoundingClientRect();
    return {
      sizes: () => rows.map(() => n),
      box(row, column) {
        const { left, top, width, height } = box();
        return new DOMRect(left + (column * width) / n, top + (row * height) / n, width / n, height / n);
      },
      text(row, column) {
        const { sum, counts } = rows[row];
        const place = `Segment ${row}, predicted ${column}\n`;
        if (blank && !counts.has(column)) return `${place}at most ${(100 * blank).toFixed(1)}% of the segment`;
        const n = counts.get(column) || 0;
        return `${place}${count(n)} user${n === 1 ? "" : "s"}, ${((100 * n) / Math.max(sum, 1)).toFixed(1)}% of the segment`;
      },
      at(x, y) {
        const { left, top, width, height } = box();
        const [row, column] = [Math.floor(((y - top) * n) / height), Math.floor(((x - left) * n) / width)];
        return row >= 0 && column >= 0 && row < n && column < n ? [row, column] : null;
      },
    };
  }

  // The marks that are elements: the children of each series.
  function marks(chart) {
    const groups = all(".series", chart);
    let centres = null; // where all marks lie, relative to the chart; forgotten when they move
    new ResizeObserver(() => { centres = null; }).observe(chart);
    const shown = (s) => !groups[s].classList.contains("off");
    const box = (s, i) => groups[s].children[i].getBoundingClientRect();
    const middle = (rect) => [rect.left + rect.width / 2, rect.top + rect.height / 2];
    const clip = one(".clip", chart);
    const inside = ([x, y]) => {
      if (!clip) return true;
      const { left, right, top, bottom } = one("svg", chart).getBoundingClientRect();
      return x >= left && x <= right && y >= top && y <= bottom;
    };
    function nearest(x, y, reach) {
      const { left, top } = chart.getBoundingClientRect();
      centres = centres || groups.map((group) => [...group.children].map((mark) => {
        const [a, b] = middle(mark.getBoundingClientRect());
        return [a - left, b - top];
      }));
      let found = null;
      centres.forEach((series, s) => shown(s) && series.forEach(([a, b], i) => {
        const distance = Math.hypot(a + left - x, b + top - y);
        if (distance < reach && inside([a + left, b + top])) [reach, found] = [distance, [s, i]];
      }));
      return found;
    }
    return {
      sizes: () => groups.map((group, s) => (shown(s) ? group.children.length : 0)),
      box,
      text(s, i) {
        const { tip, segment } = groups[s].dataset;
        return tip === undefined ? groups[s].children[i].dataset.tip : `${tip}\nuser ${drawn[segment][i]}`;
      },
      at(x, y, target) {
        const mark = target.closest(".series > *");
        if (mark) return [groups.indexOf(mark.parentNode), [...mark.parentNode.children].indexOf(mark)];
        return nearest(x, y, 22);
      },
      // The mark of another series that is nearest to this one from left to right.
      beside([s, i], other) {
        const [x] = middle(box(s, i));
        const far = [...groups[other].children].map((_, j) => Math.abs(middle(box(other, j))[0] - x));
        return far.indexOf(Math.min(...far));
      },
      moved() { centres = null; },
    };
  }

  const charts = new Map(all(".chart").map((chart) => {
    const layer = one(".cells", chart);
    chart.tabIndex = 0;
    chart.setAttribute("role", "group");
    chart.setAttribute("aria-label", `${one("svg", chart).getAttribute("aria-label")} Arrow keys go from mark to mark, Escape leaves.`);
    return [chart, Object.assign(layer ? cells(layer) : marks(chart), { now: null })];
  }));

  function hide() {
    tip.hidden = true;
    halo.hidden = true;
  }

  // Shows the words of a mark, beside the pointer or else beside the mark.
  function show(chart, mark, pointer) {
    const found = charts.get(chart);
    found.now = mark;
    const rect = found.box(...mark);
    tip.textContent = found.text(...mark);
    tip.hidden = false;
    halo.hidden = false;
    const grow = Math.max(0, (12 - Math.min(rect.width, rect.height)) / 2);
    Object.assign(halo.style, {
      left: `${rect.left + scrollX - grow - 2}px`, top: `${rect.top + scrollY - grow - 2}px`,
      width: `${rect.width + 2 * grow + 4}px`, height: `${rect.height + 2 * grow + 4}px`,
    });
    const [x, y] = pointer || [rect.left + rect.width / 2, rect.top + rect.height / 2];
    const { width, height } = tip.getBoundingClientRect();
    const most = document.documentElement.clientWidth - width - 4;
    const left = Math.min(Math.max(4, x + 14 + width > most + width ? x - width - 14 : x + 14), Math.max(4, most));
    const top = y - height - 12 < 4 ? y + 16 : y - height - 12;
    Object.assign(tip.style, { left: `${left + scrollX}px`, top: `${top + scrollY}px` });
  }

  function point(event) {
    const chart = event.target.closest && event.target.closest(".chart");
    if (!chart) return hide();
    const mark = charts.get(chart).at(event.clientX, event.clientY, event.target);
    return mark ? show(chart, mark, [event.clientX, event.clientY]) : hide();
  }

  // Where an arrow key leads from a mark: along its series, or to the next series that has marks.
  function step(found, key) {
    const sizes = found.sizes();
    const last = sizes.map((size, s) => (size ? s : -1)).filter((s) => s >= 0);
    if (!last.length) return null;
    const [s, i] = found.now && sizes[found.now[0]] > found.now[1] ? found.now : [last[0], -1];
    if (i < 0) return [s, 0];
    const along = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: sizes[s] - 1 }[key];
    if (along !== undefined) return [s, Math.min(Math.max(along, 0), sizes[s] - 1)];
    const other = last[last.indexOf(s) + (key === "ArrowDown" ? 1 : -1)];
    if (other === undefined) return [s, i];
    return [other, found.beside ? found.beside([s, i], other) : i];
  }

  function key(event) {
    if (event.key === "Escape") hide();
    const chart = event.target.closest && event.target.closest(".chart");
    if (!chart || event.ctrlKey || event.metaKey || event.altKey) return;
    const zooms = { "+": "in", "=": "in", "-": "out", 0: "all" }[event.key];
    if (chart.id === "chart-map" && zooms) return zoom(zooms);
    if (!/^(Arrow|Home|End)/.test(event.key)) return;
    event.preventDefault();
    const found = charts.get(chart);
    const mark = step(found, event.key);
    if (!mark) return;
    reveal(chart, mark);
    show(chart, mark);
    say(tip.textContent.replaceAll("\n", ", "));
  }

  document.addEventListener("pointermove", point);
  document.addEventListener("pointerdown", point);
  document.addEventListener("keydown", key);
  document.addEventListener("focusin", ({ target }) => {
    if (!charts.has(target)) return hide();
    const found = charts.get(target);
    if (target.matches(":focus-visible") && found.now) show(target, found.now);
  });
  document.addEventListener("focusout", hide);
  addEventListener("resize", hide);

  // ---- the map -------------------------------------------------------------------------------------------------

  const map = one("#chart-map");
  const clip = one(".clip", map);
  const view = one(".view", map);
  const whole = [clip.dataset.x, clip.dataset.y].map((ends) => ends.split(" ").map(Number));
  let [scale, left, top] = [1, 0, 0]; // how much larger, and what is off the left and the top edge, in sizes of the box

  function place() {
    [left, top] = [left, top].map((off) => Math.min(Math.max(off, 0), scale - 1));
    const size = `${100 * scale}%`;
    for (const [name, value] of [["width", size], ["height", size], ["x", `${-100 * left}%`], ["y", `${-100 * top}%`]]) {
      view.setAttribute(name, value);
    }
    map.classList.toggle("large", scale > 1);
    const part = (ends, from) => {
      const long = (ends[1] - ends[0]) / scale;
      return [ends[0] + from * long, ends[0] + (from + 1) * long];
    };
    all("line:not(.edge), text:not(.title)", one(".axes", map)).forEach((old) => old.remove());
    axis("x", part(whole[0], left));
    axis("y", part(whole[1], scale - 1 - top));
    charts.get(map).moved();
    hide();
  }

  // Round numbers along an axis: 1, 2 or 5 times a power of ten apart, nine at most.
  function axis(name, [low, high]) {
    let power = 10 ** Math.floor(Math.log10((high - low) / 9));
    let apart;
    do {
      apart = [1, 2, 5].map((digit) => digit * power).find((step) => Math.floor(high / step) - Math.ceil(low / step) < 9);
      power *= 10;
    } while (!apart);
    const digits = Math.max(0, -Math.floor(Math.log10(apart) + 1e-9));
    const axes = one(".axes", map);
    const upright = name === "x";
    for (let i = Math.ceil(low / apart); i * apart <= high; i += 1) {
      const share = (i * apart - low) / (high - low);
      const at = `${100 * (upright ? share : 1 - share)}%`;
      const put = (element, values) => {
        const made = document.createElementNS("http://www.w3.org/2000/svg", element);
        Object.entries(values).forEach(([key, value]) => made.setAttribute(key, value));
        axes[element === "line" ? "prepend" : "append"](made);
        return made;
      };
      const line = upright ? { x1: at, x2: at, y1: 0, y2: "100%" } : { x1: 0, x2: "100%", y1: at, y2: at };
      put("line", { ...line, class: i === 0 && !upright ? "zero" : "grid" });
      const text = upright ? { x: at, y: "100%", dy: 18 } : { x: -7, y: at, dy: "0.35em" };
      put("text", { ...text, class: name }).textContent = (i * apart).toFixed(i ? digits : 0).replace("-", "−");
    }
  }

  // Larger or smaller around a place of the box.
  function zoom(how, [x, y] = [0.5, 0.5]) {
    const next = how === "all" ? 1 : Math.min(Math.max(scale * (how === "in" ? 1.6 : 1 / 1.6), 1), 40);
    [left, top] = [[left, x], [top, y]].map(([off, at]) => ((off + at) * next) / scale - at);
    scale = next;
    place();
    say(scale === 1 ? "The whole map" : `The map, ${scale.toFixed(1)} times as large`);
  }

  // Moves the map to a mark outside of it.
  function reveal(chart, [s, i]) {
    if (chart !== map || scale === 1) return;
    const [a, b] = ["x", "y"].map((name) => parseFloat(all(".series", map)[s].children[i].getAttribute(name)) / 100);
    const out = (at, off) => at * scale < off + 0.03 || at * scale > off + 0.97;
    if (!out(a, left) && !out(b, top)) return;
    [left, top] = [a * scale - 0.5, b * scale - 0.5];
    place();
  }

  const shares = (event) => {
    const box = clip.ownerSVGElement.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  map.addEventListener("dblclick", (event) => zoom("in", shares(event)));
  let held = null;
  map.addEventListener("pointerdown", (event) => { if (scale > 1 && event.button === 0) held = shares(event); });
  addEventListener("pointermove", (event) => {
    if (!held) return;
    const [from, to] = [held, shares(event)];
    held = to;
    [left, top] = [left + from[0] - to[0], top + from[1] - to[1]];
    place();
  });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { held = null; });
  one(".tools").addEventListener("click", ({ target }) => { if (target.dataset.zoom) zoom(target.dataset.zoom); });

  function press(chip, on) {
    chip.setAttribute("aria-pressed", String(on));
    all(`.series[data-segment="${chip.dataset.of}"], .labels [data-of="${chip.dataset.of}"]`, map)
      .forEach((part) => part.classList.toggle("off", !on));
  }

  one(".chips").addEventListener("click", ({ target }) => {
    const chip = target.closest("button");
    if (!chip) return;
    if (chip.dataset.all) all(".chips [data-of]").forEach((other) => press(other, chip.dataset.all === "on"));
    else press(chip, chip.getAttribute("aria-pressed") !== "true");
    hide();
  });

  // ---- copying a card's table ----------------------------------------------------------------------------------

  // A cell as a spreadsheet reads it: no tab or line break, and nothing that it would take for a formula.
  function cell(text) {
    const plain = text.replace(/\s+/g, " ").trim();
    return /^[=+\-@]/.test(plain) ? `'${plain}` : plain;
  }

  function table(card) {
    const name = one("h3", card).textContent;
    const headings = all(".items thead th", card).map((heading) => cell(heading.textContent));
    const rows = all(".items tbody tr", card).map((row) => {
      const [item, share, times, ...rated] = [...row.cells].map((column) => cell(column.textContent));
      return [item, share, row.style.getPropertyValue("--all"), times.replace("×", ""), ...rated];
    });
    headings.splice(2, 0, "all users");
    return [[cell(name), cell(one(".size", card).textContent)], headings, ...rows].map((row) => row.join("\t")).join("\n");
  }

  // A page that was opened from a disk may have no clipboard: then the text is selected and copied as by hand.
  function copyByHand(text) {
    const area = make("textarea", { value: text, className: "unseen" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copyByHand(text);
    }
  }

  for (const card of all(".card")) {
    if (!one(".items", card)) continue;
    const name = one("h3", card).textContent;
    const button = make("button", { className: "copy", type: "button", textContent: "Copy table" });
    button.setAttribute("aria-label", `Copy table of ${name}`);
    let back = 0;
    button.addEventListener("click", async () => {
      const done = await copy(table(card));
      button.focus();
      button.textContent = done ? "Copied" : "Not copied";
      say(done ? `The table of ${name} is copied.` : "The browser does not let this page copy.");
      clearTimeout(back);
      back = setTimeout(() => { button.textContent = "Copy table"; }, 2500);
    });
    one("header", card).prepend(button);
  }

  // ---- search --------------------------------------------------------------------------------------------------

  const form = one(".find");
  const input = one("input", form);
  const list = one("ul", form);
  const MOST = 30;
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim();
  let index = null;
  let results = [];
  let at = -1;

  // What there is to find: segments with their cards and items, and users.
  function build() {
    const segments = all(".card").map((card) => ({
      number: Number(card.id.slice("segment-".length)), card, name: one("h3", card).textContent,
      items: all(".items tbody th", card).map((item) => ({ item, name: item.textContent.trim() })),
    }));
    const names = new Map(segments.map((segment) => [segment.number, segment]));
    const known = new Map();
    for (const all of users.known ? [lists(users.known), drawn] : [drawn]) {
      all.forEach((list, number) => list.forEach((id) => known.set(id, number)));
    }
    const people = [...known].map(([id, number]) => ({ id, number }));
    return { segments, names, people };
  }

  function search(words) {
    index = index || build();
    const wanted = plain(words);
    if (!wanted) return [];
    const of = (number) => index.names.get(number) || { name: `Segment ${number}`, card: null };
    const user = ({ id, number }) => ({ title: `User ${id}`, note: of(number).name, card: of(number).card });
    const same = index.people.filter(({ id }) => plain(id) === wanted).map(user);
    const more = index.people.filter(({ id }) => plain(id) !== wanted && plain(id).startsWith(wanted)).map(user);
    const named = index.segments.filter(({ name }) => plain(name).includes(wanted))
      .map(({ name, card }) => ({ title: name, note: one(".size", card).textContent, card }));
    const items = index.segments.flatMap(({ name, card, items }) => items.filter((item) => plain(item.name).includes(wanted))
      .map(({ item, name: title }) => ({ title, note: name, card, row: item.closest("tr") })));
    return [...same, ...named, ...items, ...more];
  }

  function choose(next) {
    at = next;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    if (at < 0) return input.removeAttribute("aria-activedescendant");
    list.children[at].scrollIntoView({ block: "nearest" });
    return input.setAttribute("aria-activedescendant", list.children[at].id);
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    choose(-1);
  }

  function find() {
    const found = search(input.value);
    results = found.slice(0, MOST);
    list.replaceChildren(...results.map(({ title, note }, i) => {
      const option = make("li", { id: `found-${i}` });
      option.setAttribute("role", "option");
      option.append(make("b", { textContent: title }), ` · ${note}`);
      return option;
    }));
    if (!results.length) {
      close();
      return say(input.value.trim() ? "Nothing found." : "");
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    choose(0);
    const shown = found.length > MOST ? `, the first ${MOST} are shown` : "";
    return say(`${count(found.length)} found${shown}: ${results[0].title}, ${results[0].note}`);
  }

  function go({ title, note, card, row }) {
    close();
    all("tr.found").forEach((old) => old.classList.remove("found"));
    if (row) row.classList.add("found");
    say(`${title}: ${note}`);
    if (!card) return;
    card.tabIndex = -1;
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "start" });
  }

  input.addEventListener("input", find);
  input.addEventListener("focus", () => { if (input.value) find(); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (!list.hidden) event.preventDefault(); // the first press closes the list, the next one empties the box
      close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) return find();
      const to = at + (event.key === "ArrowDown" ? 1 : -1);
      choose((to + results.length) % results.length);
      say(`${results[at].title}, ${results[at].note}`);
    }
    return undefined;
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
  list.addEventListener("click", ({ target }) => {
    const option = target.closest("li");
    if (option) go(results[[...list.children].indexOf(option)]);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (list.hidden) find();
    else if (at >= 0) go(results[at]);
  });
  document.addEventListener("keydown", (event) => {
    const writes = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
})();
