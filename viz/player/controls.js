// -- one player on the page ----------------------------------------------------------------------------------------

const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const ICONS = { first: "M5 4v12M16 4L8 10l8 6z", back: "M14 4L6 10l8 6z", play: "M6 3.5L16 10 6 16.5z", pause: "M6 4h3v12H6zM11 4h3v12h-3z", next: "M6 4l8 6-8 6z", last: "M15 4v12M4 4l8 6-8 6z" };
function icon(name) {
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 20 20"); svg.setAttribute("aria-hidden", "true"); path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
const button = (action, name, key) => h("button", { type: "button", "data-a": action, "aria-label": name, title: `${name} (${key})` }, icon(action));

function start(host) {
  const [graphImage, netImage] = D.unreadable ? [null, host.querySelector("img")] : host.querySelectorAll("img");
  const graphSvg = picture(graphImage), netSvg = D.net ? picture(netImage) : null;
  const root = host.attachShadow({ mode: "open" });
  host.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab's own keys stay out

  // The state: how many steps are taken, and what is known then.
  const grads = new Float64Array(N), known = new Uint8Array(N), missing = Int32Array.from(uses), data = Float64Array.from(values);
  const computed = new Uint8Array(N).fill(1), updated = new Uint8Array(N);
  for (const n of forward) computed[n] = 0;
  let taken = 0;
  const state = {
    grad: n => known[n] ? grads[n] : null, value: n => computed[n] ? data[n] : null, missing: n => missing[n], moved: n => updated[n] === 1,
    known: list => list.some(n => taken <= F ? computed[n] && (F > 0 || known[n]) : known[n]),
  };
  const graph = graphSvg && graphView(graphSvg, state), net = netSvg && networkView(netSvg, state);
  const dirtyNodes = new Set(Array(N).keys()), dirtyEdges = new Set(graph ? graph.edges.keys() : []);

  function take(i, forth) {
    const n = target(i);
    dirtyNodes.add(n); dirtyNodes.add(node[i]);
    if (kind[i] === "forward") computed[n] = forth ? 1 : 0;
    else if (kind[i] === "seed") { known[n] = forth ? 1 : 0; grads[n] = 1; }
    else if (kind[i] === "update") { updated[n] = forth ? 1 : 0; data[n] = forth ? after[i] : before[i]; }
    else {
      known[n] = forth || arrival[i] > 1 ? 1 : 0; grads[n] = forth ? after[i] : before[i]; missing[n] += forth ? -1 : 1;
      const k = graph ? graph.stepEdge[i] : -1;
      if (k >= 0) { graph.edges[k].done += forth ? 1 : -1; dirtyEdges.add(k); }
    }
  }

  // -- the parts of the page

  const el = {};
  const grains = h("div", { class: "grains", role: "radiogroup", "aria-label": "How much one step takes" });
  for (const [g, tip] of [["edge", "one edge at a time: one application of the chain rule"], ["node", "all edges of a node at a time"], ["neuron", "a whole neuron at a time"]])
    grains.append(h("button", { type: "button", role: "radio", "data-grain": g, title: tip }, g));
  el.title = h("h2", {}, D.title); el.phase = h("span", { class: "phase" });
  el.follow = h("input", { type: "checkbox" });
  const followLabel = h("label", { class: "follow", title: "Keep the current step in sight (F)" }, el.follow, "follow");
  el.stage = h("div", { class: "stage" });
  el.play = button("play", "play", "space");
  el.slider = h("input", { type: "range", min: 0, value: 0, step: 1, "aria-label": "Step" });
  el.count = h("output", { class: "n" });
  el.speed = h("select", { "aria-label": "Speed of play", title: "Speed of play" }, ...[["slow", 2400], ["normal", 1300], ["fast", 450], ["fastest", 90]].map(([t, ms]) => h("option", { value: ms, selected: ms === 1300 ? "" : null }, t)));
  const controls = h("div", { class: "controls", role: "group", "aria-label": "Walk" }, button("first", "first", "Home"), button("back", "previous step", "\u2190"), el.play, button("next", "next step", "\u2192"), button("last", "last", "End"), el.slider, el.count, el.speed);
  el.words = h("p", { class: "words", "aria-live": "polite", "aria-atomic": "true" });
  el.formula = h("div", { class: "formula" }); el.hint = h("p", { class: "hint" });
  el.list = h("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": "Steps" }); el.spacer = h("div", { class: "spacer" }); el.list.append(el.spacer);
  const netBox = netSvg && h("figure", { class: "net" }, netSvg);
  if (graphSvg) el.stage.append(graphSvg); else el.stage.append(h("p", { class: "unreadable" }, D.unreadable ?? ""));
  const page = h("section", { class: "p", tabindex: "0", role: "region", "aria-label": `${D.title}: backpropagation step by step. Arrow keys step, space plays.`, "data-net": netSvg ? "" : null },
    h("header", {}, el.title, el.phase, h("span", { class: "grow" }), followLabel, grains), el.stage, controls,
    h("div", { class: "low" }, h("div", { class: "panel" }, el.words, el.formula, el.hint), netBox, el.list));
  root.append(h("style", {}, STYLE), page);

  // -- moving

  let grain = D.grain, stages = stagesOf(grain), position = 0, timer = null, flight = null, calmView = true;
  const lastTaken = () => stages[position - 1]?.[1] ?? 0;

  function go(to) {
    position = Math.max(0, Math.min(stages.length, to));
    const end = lastTaken();
    while (taken < end) take(taken++, true);
    while (taken > end) take(--taken, false);
    show();
  }
  function show() {
    const [from, to] = position ? stages[position - 1] : [0, 0], steps = Array.from({ length: to - from }, (_, k) => from + k);
    if (graph) {
      const dirty = new Set(), before = page.dataset.phase, phase = String(taken <= F && F > 0);
      page.dataset.phase = phase;
      if (before !== phase) for (const i of graph.cards.keys()) dirty.add(i);
      for (const n of dirtyNodes) dirty.add(D.card[n]);
      for (const i of dirty) graph.card(i);
      for (const k of dirtyEdges) graph.edge(k);
      const shown = graph.mark(steps);
      graphSvg.classList.toggle("forth", position > 0 && kind[from] === "forward");
      camera(shown);
    }
    if (net) { for (const n of dirtyNodes) net.node(n); net.mark(steps); }
    dirtyNodes.clear(); dirtyEdges.clear();
    tell(from, to);
    el.slider.value = position;
    el.slider.setAttribute("aria-valuetext", position ? `step ${position} of ${stages.length}: ${stageTitle(grain, from)}` : "before the first step");
    el.count.textContent = `${position} / ${stages.length}`;
    for (const b of controls.querySelectorAll("button")) {
      const a = b.dataset.a, stuck = a === "first" || a === "back" ? position === 0 : a !== "play" && position === stages.length;
      b.setAttribute("aria-disabled", stuck);
    }
    windowList(true);
  }

  // -- what is said

  const PHASES = { forward: "forward", seed: "start of the backward pass", backward: "backward", update: "update" };
  function term(value, caption, ...more) { return h("span", { class: "term" }, h("span", { class: "value" }, value, ...more), h("small", {}, ...(Array.isArray(caption) ? caption : [caption]))); }
  const pair = (sign, ...rest) => h("span", { class: "pair" }, op(sign), term(...rest)); // stay on one line
  const op = text => h("span", { class: "op", "aria-hidden": "true" }, text);
  function backwardRow(r, many) {
    const w = uses[r.x] - arrival[r.i], of = uses[r.x];
    const status = w ? `waiting for ${w} more path${w > 1 ? "s" : ""}` : of > 1 ? `all ${of} paths summed` : "complete: one path";
    const short = w ? `${w} more` : of > 1 ? `all ${of}` : "";
    return h("div", { class: "row" }, h("span", { class: "goal" }, fraction(D.root, r.x)),
      pair("=", exact(r.before), "before"), pair("+", bracketed(r.local), ["local ", fraction(r.above, r.x)]),
      pair("\u00d7", bracketed(r.up), ["upstream ", fraction(D.root, r.above)]),
      pair("=", exact(r.after), "after"), h("span", { class: "status " + (w ? "wait" : "done"), title: status, "aria-label": status, role: "note" }, many ? short : status));
  }
  function tell(from, to) {
    el.formula.replaceChildren(); el.formula.classList.remove("many"); el.hint.textContent = "";
    if (!position) {
      el.phase.textContent = "";
      el.words.textContent = F ? "Before the first step: the inputs and parameters are known, nothing is computed yet."
        : `Before the first step: the values are computed, every gradient is unknown (${DASH}). Next steps with the right arrow key.`;
      return;
    }
    const k = kind[from], single = to - from === 1, n = node[from];
    if (graph && single && k === "backward" && graph.stepEdge[from] < 0) el.hint.textContent = `This step is inside the folded card ${graph.cards[D.card[n]].label}.`;
    el.phase.textContent = single && grain === "edge" ? PHASES[k] : stageTitle(grain, from);
    const said = Array.from({ length: Math.min(to - from, 3) }, (_, i) => stepWords(from + i));
    const rows = rowsOf(grain, from, to);
    el.formula.classList.toggle("many", rows.length > 1);
    const words = single ? said[0] : k === "backward" ? rows.every(r => r.above === rows[0].above) ? `${D.names[rows[0].above]} passes its gradient ${decimal(rows[0].up)} on to ${list(rows.map(r => D.names[r.x]))}.` : `The gradient goes on to ${list([...new Set(rows.map(r => D.names[r.x]))])}.` : said.join(" ") + (to - from > 3 ? ` And ${to - from - 3} more.` : "");
    el.words.textContent = words.replace(/(^|[\s(])-(?=[\di])/g, "$1" + MINUS);
    if (k === "seed") el.formula.append(h("div", { class: "row" }, h("span", { class: "goal" }, fraction(n, n)), pair("=", exact(1), "a change of itself")));
    else if (k === "backward") {
      const above = rows[0].above, e = D.expressions[above];
      if (rows.every(r => r.above === above)) el.formula.append(leadLine(above, e));
      for (const r of rows.slice(0, 60)) el.formula.append(backwardRow(r, rows.length > 1));
      if (rows.length > 60) el.formula.append(h("p", { class: "hint" }, `and ${rows.length - 60} more: see the graph`));
      if (single && rows[0].rule) {
        const [r] = rows, rule = h("div", { class: "rule" }, "local derivative ", fraction(above, r.x), " = ", math(r.rule));
        if (Number(r.rule) !== r.local) rule.append(" = ", exact(r.local));
        el.formula.append(rule);
      }
    } else for (const r of rows.slice(0, 60)) {
      const name = D.names[r.x], e = D.expressions[r.x];
      if (k === "forward") el.formula.append(leadLine(r.x, e, operandValues(r.x)));
      else el.formula.append(h("div", { class: "row" }, h("span", { class: "goal" }, math(name)), pair("\u2190", exact(r.before), "before"), pair(MINUS, bracketed(r.local), "learning rate"), pair("\u00d7", bracketed(r.up), ["gradient ", fraction(D.root, r.x)]), pair("=", exact(r.after), "after")));
    }
  }
  function leadLine(n, e, operands) {
    const line = h("div", { class: "lead" }, math(D.names[n]));
    if (e && e !== D.names[n]) line.append(" = ", math(e.length > 160 ? `${e.slice(0, 70).replace(/\S*$/, "")}\u2026 ${e.slice(-40).replace(/^\S*/, "")}` : e));
    line.append(" = ", exact(values[n]));
    if (operands) line.append(operands);
    return line;
  }
  function operandValues(n) {
    const seen = [...new Set(leaving[n].map(i => operand[i]))].filter(x => Number.isNaN(Number(D.names[x]))).slice(0, 12);
    return seen.length ? h("small", {}, "with ", ...seen.flatMap((x, i) => [i ? ", " : "", math(D.names[x]), " = ", nice(values[x])])) : null;
  }
  const list = names => names.length < 2 ? names.join("") : names.length > 8 ? `${names.slice(0, 7).join(", ")} and ${names.length - 7} more` : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

  // -- the list of steps: only the rows in sight are there

  // Sizes are read when they change, not at every step: reading them makes the browser lay the page out.
  const ROW = 30, room = { width: 900, height: 400, list: 0, top: 0, scrolled: 0, frame: 0 };
  const measure = () => { room.width = el.stage.clientWidth || 900; room.height = el.stage.clientHeight || 400; room.list = el.list.clientHeight; };
  let shownFrom = -1, shownTo = -1;
  function windowList(follow) {
    const height = room.list || 240;
    if (follow) {
      const y = (position - 1) * ROW, top = room.top;
      if (y < top || y + ROW > top + height) room.top = Math.max(0, Math.min(y - height / 2, stages.length * ROW - height));
    }
    const first = Math.max(0, Math.floor(room.top / ROW) - 4), end = Math.min(stages.length, first + Math.ceil(height / ROW) + 8);
    if (first !== shownFrom || end !== shownTo) {
      shownFrom = first; shownTo = end;
      el.spacer.style.height = stages.length * ROW + "px";
      el.spacer.replaceChildren(...Array.from({ length: end - first }, (_, j) => {
        const i = first + j, [from, to] = stages[i], k = kind[from];
        const gain = k === "seed" ? "1" : grain !== "edge" ? "" : k === "backward" ? number(part[from]) : number(after[from]);
        const label = grain === "edge" ? k === "seed" || k === "backward" ? h("span", {}, "\u2202", math(tight(D.root)), "/\u2202", math(tight(target(from)))) : h("span", {}, math(D.names[target(from)])) : h("span", {}, stageTitle(grain, from));
        return h("div", { class: "item " + k, role: "option", id: "s" + (i + 1), "data-i": i + 1, "aria-posinset": i + 1, "aria-setsize": stages.length, style: `top:${i * ROW}px`, title: stageText(grain, from, to) },
          h("small", { class: "n" }, i + 1), h("span", { class: "what" }, label, grain === "edge" && k === "backward" ? h("small", {}, " from ", math(D.names[node[from]])) : ""), h("span", { class: "n " + sign(k === "backward" ? part[from] : 0) }, k === "backward" && gain && !/^[n\u2212]/.test(gain) ? "+" + gain : gain));
      }));
    }
    if (follow && room.scrolled !== room.top && !room.frame)
      room.frame = requestAnimationFrame(() => { room.frame = 0; el.list.scrollTop = room.scrolled = room.top; });
    for (const e of el.spacer.children) e.setAttribute("aria-selected", +e.dataset.i === position);
    if (position) el.list.setAttribute("aria-activedescendant", "s" + position); else el.list.removeAttribute("aria-activedescendant");
  }
  el.list.addEventListener("scroll", () => { if (room.frame) return; room.top = room.scrolled = el.list.scrollTop; windowList(false); });
  el.list.addEventListener("click", e => { const item = e.target.closest(".item"); if (item) { stop(); go(+item.dataset.i); } });

  // -- the camera

  let sight = [], drag = null;
  function camera(shown) {
    if (!graph) return;
    sight = shown ?? sight;
    const goal = el.follow.checked && (sight.size || position === 0) ? graph.frame(sight.size ? sight : [D.card[D.root]], room.width, room.height) : graph.full.slice();
    const was = graphSvg.getAttribute("viewBox").split(" ").map(Number), at = performance.now();
    cancelAnimationFrame(flight);
    if (CALM.matches || calmView || was.every((x, i) => Math.abs(x - goal[i]) < 0.5)) { graphSvg.setAttribute("viewBox", goal.join(" ")); return; }
    const fly = now => {
      const t = Math.max(0, Math.min(1, (now - at) / 380)), s = t < 0.5 ? 2 * t * t : 1 - 2 * (1 - t) * (1 - t);
      graphSvg.setAttribute("viewBox", was.map((x, i) => x + (goal[i] - x) * s).join(" "));
      if (t < 1) flight = requestAnimationFrame(fly);
    };
    flight = requestAnimationFrame(fly);
  }
  const fitStage = () => { // no higher than the picture needs
    if (!graph) return;
    graphSvg.removeAttribute("width"); graphSvg.removeAttribute("height");
    const width = el.stage.clientWidth, natural = graph.full[3] * Math.min(1.25, width / graph.full[2]);
    if (!width) return;
    const most = Math.min(640, Math.max(300, width * 0.46), Math.max(300, innerHeight * 0.54)), least = el.follow.checked ? Math.min(most, Math.max(300, width * 0.34)) : 0;
    el.stage.style.height = Math.round(Math.max(least, Math.min(most, natural))) + "px";
  };

  // -- keys, mouse, theme

  const stop = () => { clearInterval(timer); timer = null; el.play.replaceChildren(icon("play")); el.play.setAttribute("aria-label", "play"); el.play.title = "play (space)"; page.classList.remove("playing"); };
  const acts = {
    first() { stop(); go(0); }, back() { stop(); go(position - 1); }, next() { stop(); go(position + 1); }, last() { stop(); go(stages.length); },
    play() {
      if (timer) return stop();
      if (position === stages.length) go(0);
      el.play.replaceChildren(icon("pause")); el.play.setAttribute("aria-label", "pause"); el.play.title = "pause (space)"; page.classList.add("playing");
      timer = setInterval(() => { if (!host.isConnected) return stop(); go(position + 1); if (position === stages.length) stop(); }, +el.speed.value);
    },
  };
  el.speed.addEventListener("change", () => { if (timer) { stop(); acts.play(); } });
  controls.addEventListener("click", e => { const b = e.target.closest("button"); if (b) acts[b.dataset.a](); });
  el.slider.addEventListener("input", () => { stop(); go(+el.slider.value); });
  function choose(g) {
    const done = taken;
    grain = g; stages = stagesOf(g); el.slider.max = stages.length; shownFrom = -1;
    for (const b of grains.children) { const on = b.dataset.grain === g; b.setAttribute("aria-checked", on); b.tabIndex = on ? 0 : -1; }
    go(stages.filter(([, end]) => end <= done).length + (stages.some(([from, end]) => from < done && done < end) ? 1 : 0));
  }
  grains.addEventListener("click", e => { const b = e.target.closest("[data-grain]"); if (b) { stop(); choose(b.dataset.grain); b.focus(); } });
  const jump = nodes => { // to the next stage that computes, reaches or updates one of them, from the beginning if there is none
    const wanted = new Set(nodes), hits = ([from, to]) => { for (let i = from; i < to; i++) if (wanted.has(target(i))) return true; return false; };
    let i = stages.findIndex((s, k) => k >= position && hits(s));
    if (i < 0) i = stages.findIndex(hits);
    if (i >= 0) { stop(); go(i + 1); }
  };
  const members = i => graph.cards[i].shows.length ? graph.cards[i].shows : [...D.card.keys()].filter(n => D.card[n] === i);
  let hinted = []; // what the hint said before
  function trace(n, i) {
    graph?.trace(i ?? (n >= 0 ? D.card[n] : -1)); net?.trace(n);
    if (n < 0) { el.hint.replaceChildren(...hinted); hinted = []; return; }
    if (!hinted.length) hinted = [...el.hint.childNodes];
    const count = paths(n), g = state.grad(n);
    el.hint.replaceChildren(math(D.names[n]), ": ", count === 1 ? "one path" : `${count < 1e15 ? count.toLocaleString("en") : count.toExponential(1)} paths`, " to ", math(D.names[D.root]), g == null ? "" : "; gradient so far ", g == null ? "" : exact(g));
  }
  if (graph) {
    const at = e => { const g = e.target.closest?.("[data-card]"); return g ? +g.dataset.card : -1; };
    const over = e => { const i = at(e); if (i >= 0) trace(members(i)[0], i); };
    const away = () => trace(-1);
    graphSvg.addEventListener("pointerover", e => { if (!drag) over(e); }); graphSvg.addEventListener("pointerout", e => { if (at(e) >= 0) away(); });
    graphSvg.addEventListener("focusin", over); graphSvg.addEventListener("focusout", away);
    graphSvg.addEventListener("click", e => { const i = at(e); if (i >= 0 && !drag?.moved) { jump(members(i)); } });
    graphSvg.addEventListener("keydown", e => {
      const i = at(e), turn = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (i < 0) return;
      if (turn) { const to = graph.cards[(i + turn + graph.cards.length) % graph.cards.length].g; graph.cards[i].g.tabIndex = -1; to.tabIndex = 0; to.focus({ preventScroll: true }); }
      else if (e.key === "Enter") jump(members(i));
      else return;
      e.preventDefault(); e.stopPropagation();
    });
    graph.cards.at(-1).g.setAttribute("tabindex", "0");
    // Dragging moves the picture, the wheel with Ctrl or Cmd zooms.
    graphSvg.addEventListener("pointerdown", e => { if (e.button === 0 && e.pointerType === "mouse") drag = { x: e.clientX, y: e.clientY, moved: false }; });
    graphSvg.addEventListener("pointermove", e => {
      if (!drag || !(e.buttons & 1)) { if (!(e.buttons & 1)) drag = null; return; }
      const vb = graphSvg.viewBox.baseVal, k = Math.max(vb.width / el.stage.clientWidth, vb.height / el.stage.clientHeight);
      if (!drag.moved && Math.hypot(e.clientX - drag.x, e.clientY - drag.y) < 4) return;
      cancelAnimationFrame(flight); drag.moved = true;
      graphSvg.setAttribute("viewBox", [vb.x - (e.clientX - drag.x) * k, vb.y - (e.clientY - drag.y) * k, vb.width, vb.height].join(" "));
      drag.x = e.clientX; drag.y = e.clientY;
    });
    graphSvg.addEventListener("wheel", e => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault(); cancelAnimationFrame(flight);
      const vb = graphSvg.viewBox.baseVal, box = el.stage.getBoundingClientRect(), s = Math.exp(e.deltaY * 0.002);
      const w = Math.max(120, Math.min(graph.full[2] * 1.5, vb.width * s)), f = w / vb.width, rx = (e.clientX - box.x) / box.width, ry = (e.clientY - box.y) / box.height;
      graphSvg.setAttribute("viewBox", [vb.x + vb.width * (1 - f) * rx, vb.y + vb.height * (1 - f) * ry, w, vb.height * f].join(" "));
    }, { passive: false });
  }
  if (net) {
    const nodesAt = e => {
      const g = e.target.closest?.("[data-link],[data-chip],[data-bias],[data-unit],[data-loss]");
      if (!g) return [];
      const d = g.dataset, k = d.link ?? d.chip;
      if (k != null) return net.L[k].weight >= 0 ? [net.L[k].weight] : [];
      if (d.bias != null) return [net.U[d.bias].bias];
      return d.unit != null ? D.net.units[d.unit].slice(2) : [D.root];
    };
    netSvg.addEventListener("pointerover", e => { const ns = nodesAt(e); if (ns.length) trace(ns[0]); });
    netSvg.addEventListener("pointerout", () => trace(-1));
    netSvg.addEventListener("click", e => { const ns = nodesAt(e); if (ns.length) jump(ns); });
  }
  el.follow.addEventListener("change", () => { fitStage(); measure(); camera(); });
  page.addEventListener("keydown", e => {
    if (e.altKey || e.ctrlKey || e.metaKey || e.target === el.speed) return;
    const inGrains = grains.contains(e.target), onSlider = e.target === el.slider;
    if (inGrains && /^Arrow/.test(e.key)) {
      const all = ["edge", "node", "neuron"], to = all[(all.indexOf(grain) + (/Right|Down/.test(e.key) ? 1 : 2)) % 3];
      stop(); choose(to); grains.querySelector(`[data-grain=${to}]`).focus(); e.preventDefault(); e.stopPropagation(); return;
    }
    let act = { ArrowRight: "next", ArrowLeft: "back", Home: "first", End: "last", " ": "play" }[e.key];
    if (e.target === el.list && !act) act = { ArrowDown: "next", ArrowUp: "back" }[e.key];
    if (e.key === "f" || e.key === "F") { el.follow.click(); e.stopPropagation(); return; }
    if (!act || e.key === " " && e.target.closest?.("button,input[type=checkbox]")) return;
    if (onSlider && act !== "play") { e.stopPropagation(); return; } // its own keys do the same
    e.preventDefault(); e.stopPropagation(); acts[act]();
  });
  function theme() {
    const body = document.body, top = document.documentElement, asked = body.dataset.theme || top.dataset.theme || top.getAttribute("theme");
    const dark = body.dataset.jpThemeLight === "false" || /vscode-(dark|high-contrast)(?!-light)/.test(body.className) || asked === "dark" || top.classList.contains("dark") || body.classList.contains("dark");
    const light = body.dataset.jpThemeLight === "true" || /vscode-(light|high-contrast-light)/.test(body.className) || asked === "light";
    if (dark || light) page.dataset.theme = dark ? "dark" : "light"; else delete page.dataset.theme;
  }
  theme();
  const watch = new MutationObserver(theme);
  for (const e of [document.body, document.documentElement]) watch.observe(e, { attributes: true, attributeFilter: ["class", "theme", "data-theme", "data-jp-theme-light"] });

  el.follow.checked = !!graph && (fitStage(), Math.min((el.stage.clientWidth || 900) / graph.full[2], (el.stage.clientHeight || 480) / graph.full[3])) < 0.62;
  followLabel.hidden = !graph;
  fitStage(); measure();
  choose(grain); go(D.position);
  calmView = false;
  new ResizeObserver(() => { const calm = calmView; calmView = true; fitStage(); measure(); camera(); windowList(true); calmView = calm; }).observe(el.stage);
  // For a page around it, and for tests: document.querySelector("[class^=glassgrad]").glassgrad.go(3)
  host.glassgrad = { go, get position() { return position; }, get length() { return stages.length; }, get grain() { return grain; }, choose, jump,
    text: k => stageText(grain, ...stages[k - 1]), words: k => Array.from({ length: stages[k - 1][1] - stages[k - 1][0] }, (_, j) => stepWords(stages[k - 1][0] + j)).join(" "),
    title: k => stageTitle(grain, stages[k - 1][0]), gradient: name => state.grad(D.names.indexOf(name)), value: name => state.value(D.names.indexOf(name)), number, decimal: general };
}
