// -- the gradient graph --------------------------------------------------------------------------------------------

// x, y, width and height around rectangles and circles, from their attributes.
function bounds(shapes, margin) {
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
  for (const e of shapes) {
    const a = name => +e.getAttribute(name), r = a("r"), [x, y, w, t] = r ? [a("cx") - r, a("cy") - r, 2 * r, 2 * r] : [a("x"), a("y"), a("width"), a("height")];
    x0 = Math.min(x0, x); y0 = Math.min(y0, y); x1 = Math.max(x1, x + w); y1 = Math.max(y1, y + t);
  }
  return [x0 - margin, y0 - margin, x1 - x0 + 2 * margin, y1 - y0 + 2 * margin];
}

function graphView(svg, state) {
  const [maxGrad, maxFlow] = D.largest.map(num), cards = [], edges = [];
  const inner = svg.querySelector(":scope > g[transform]");
  const [dx, dy] = /translate\(([-\d.]+) ([-\d.]+)\)/.exec(inner.getAttribute("transform")).slice(1).map(Number);
  const full = bounds(inner.querySelectorAll("rect"), 16);
  full[0] += dx; full[1] += dy;
  const stepEdge = new Int32Array(ALL).fill(-1), into = D.cards.map(() => []), out = D.cards.map(() => []);
  svg.setAttribute("role", "group"); svg.setAttribute("aria-label", "Gradient graph");
  for (const [i, spec] of D.cards.entries()) {
    const g = svg.querySelector(`[data-card="${i}"]`), q = name => g.querySelector(`[data-part=${name}]`);
    const frame = q("frame"), box = ["x", "y", "width", "height"].map(k => +frame.getAttribute(k));
    let bar = q("bar");
    if (!bar) {
      bar = document.createElementNS(SVG, "rect");
      bar.setAttribute("height", 4); bar.setAttribute("rx", 1); bar.setAttribute("y", box[1] + box[3] - 11); bar.setAttribute("width", 0);
      g.append(bar);
    }
    g.setAttribute("tabindex", "-1"); g.setAttribute("role", "button"); g.classList.add("card");
    cards.push({ g, frame, box, bar, backs: [...g.querySelectorAll("[data-part=back]")], stripe: q("stripe"), data: q("data"), grad: q("grad"),
      tip: g.querySelector("title"), kind: spec[0], label: spec[1], shows: spec.slice(2), head: g.querySelector("title").textContent.split("\n")[0] });
  }
  for (const [k, [source, goal, ...parts]] of D.edges.entries()) {
    const g = svg.querySelector(`[data-edge="${k}"]`), chip = svg.querySelector(`[data-chip="${k}"]`), [line, head] = g.querySelectorAll("path");
    const halo = line.cloneNode(); halo.setAttribute("class", "halo"); halo.removeAttribute("stroke"); g.insertBefore(halo, line);
    g.classList.add("edge");
    edges.push({ g, line, head, halo, chip, text: chip?.nextElementSibling, source, goal, parts, done: 0, width: line.getAttribute("stroke-width"), colour: (/s-(\w+)/.exec(line.getAttribute("class")) || [])[1] });
    for (const p of parts) stepEdge[FIRST + p] = k;
    into[goal].push(k); out[source].push(k);
  }
  const trunks = new Map([...svg.querySelectorAll("[data-trunk]")].map(e => [+e.dataset.trunk, [e, e.getAttribute("stroke-width"), (/s-(\w+)/.exec(e.getAttribute("class")) || [])[1]]]));
  inner.nextElementSibling?.remove(); // the legend
  for (const e of svg.querySelectorAll(":scope > text")) e.remove(); // the title stands above
  svg.setAttribute("viewBox", full.join(" "));
  const span = (list, read) => {
    const known = list.map(read).filter(x => x != null), finite = known.filter(x => !Number.isNaN(x));
    if (!known.length) return DASH;
    if (!finite.length) return "nan";
    const low = number(Math.min(...finite), 2), high = number(Math.max(...finite), 2);
    return low === high ? low : `${low} \u2026 ${high}`;
  };
  const above = svg.querySelector("[data-chip],[data-card]"); // lit lines are moved here, over the other lines
  let marked = [];
  const view = {
    svg, cards, edges, full, stepEdge, into, out,
    card(i) {
      const c = cards[i], one = c.shows.length === 1 ? c.shows[0] : -1, g = one >= 0 ? state.grad(one) : null;
      const several = one < 0 && c.shows.length ? span(c.shows, n => state.grad(n)) : null;
      recolour(c.frame, "f", tint(g, maxGrad)); c.backs.forEach(b => recolour(b, "f", tint(g, maxGrad)));
      if (c.stripe) recolour(c.stripe, "f", tone(g));
      if (c.grad) { c.grad.textContent = several ?? (g == null ? DASH : number(g)); recolour(c.grad, "f", g == null || g === 0 ? "ink" : ink(g)); }
      if (c.data && c.kind !== "stack") { const v = one >= 0 ? state.value(one) : null; if (one >= 0) c.data.textContent = v == null ? DASH : number(v); toggle(c.data, "moved", one >= 0 && state.moved(one)); }
      const length = g ? Math.max(1, Math.abs(share(g, maxGrad)) * 22) : 0, zero = c.box[0] + c.box[2] - 32;
      c.bar.setAttribute("x", g < 0 ? zero - length : zero); c.bar.setAttribute("width", length); recolour(c.bar, "f", tone(g));
      const left = c.shows.reduce((sum, n) => sum + (state.grad(n) == null ? 0 : state.missing(n)), 0);
      toggle(c.g, "part", left > 0); toggle(c.g, "todo", !state.known(c.shows));
      if (one >= 0) {
        const v = state.value(one);
        const lines = [v == null ? "data not computed yet" : "data " + v, g == null ? "gradient not computed yet" : "gradient " + g];
        if (left) lines.push(`waiting for ${left} more path${left > 1 ? "s" : ""}`);
        c.tip.textContent = [c.head, ...lines].join("\n");
        c.g.setAttribute("aria-label", `${c.label}: ${lines.join(", ")}`);
      } else c.g.setAttribute("aria-label", `${c.label}: gradient ${several ?? DASH}`);
      if (F) for (const k of into[i]) for (const e of [edges[k].chip, edges[k].text]) toggle(e, "later", one >= 0 && state.value(one) == null);
      const t = trunks.get(i);
      if (t) { const lit = g != null || several != null && several !== DASH; recolour(t[0], "s", lit ? t[2] : "neutral"); t[0].setAttribute("stroke-width", lit ? t[1] : 1.2); }
    },
    edge(k) {
      const e = edges[k], lit = e.done > 0;
      recolour(e.line, "s", lit ? e.colour : "neutral"); recolour(e.head, "f", lit ? e.colour : "neutral");
      e.line.setAttribute("stroke-width", lit ? e.width : 1.2); e.halo.setAttribute("stroke-width", (lit ? +e.width : 1.2) + 7);
      toggle(e.g, "todo", !lit);
    },
    // Mark the cards and edges of a stage; gives the cards.
    mark(steps) {
      for (const e of marked) e.classList.remove("on", "from", "to");
      marked = [];
      const put = (e, ...names) => { if (e) { e.classList.add(...names); marked.push(e); } }, shown = new Set();
      for (const i of steps) {
        const a = D.card[node[i]], b = operand[i] >= 0 ? D.card[operand[i]] : -1;
        put(cards[a].g, "from"); shown.add(a);
        if (b >= 0 && b !== a) { put(cards[b].g, "to"); shown.add(b); }
        const ks = kind[i] === "forward" ? leaving[node[i]].map(j => stepEdge[j]) : [stepEdge[i]];
        for (const k of ks) if (k >= 0) { inner.insertBefore(edges[k].g, above); put(edges[k].g, "on"); put(edges[k].chip, "on"); if (kind[i] === "forward") shown.add(edges[k].source); }
      }
      return shown;
    },
    // Show the paths from a card to the root; -1 for none.
    trace(i) {
      svg.classList.toggle("tracing", i >= 0);
      for (const e of svg.querySelectorAll(".way")) e.classList.remove("way");
      if (i < 0) return;
      const seen = new Set([i]), todo = [i];
      while (todo.length) {
        const c = todo.pop(); cards[c].g.classList.add("way");
        for (const k of out[c]) { edges[k].g.classList.add("way"); edges[k].chip?.classList.add("way"); edges[k].text?.classList.add("way"); if (!seen.has(edges[k].goal)) { seen.add(edges[k].goal); todo.push(edges[k].goal); } }
      }
    },
    // The part of the picture that holds these cards, with room around, in the stage's proportions. Where they are so
    // far apart that nothing could be read, the last of them alone: that is where the gradient arrives.
    frame(ids, width, height) {
      let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
      for (const i of ids) { const [x, y, w, t] = cards[i].box; x0 = Math.min(x0, x + dx); y0 = Math.min(y0, y + dy); x1 = Math.max(x1, x + dx + w); y1 = Math.max(y1, y + dy + t); }
      const ratio = width / height, least = Math.min(full[2], Math.max(330, Math.min(width * 0.8, 1250)));
      const w = Math.max(x1 - x0 + 90, least, (y1 - y0 + 70) * ratio), list = [...ids];
      if (w > 2.2 * width && list.length > 1) return view.frame(list.slice(-1), width, height);
      if (w >= Math.max(full[2], full[3] * ratio)) return full.slice();
      const t = w / ratio, inside = (low, size, middle) => size >= low ? (low - size) / 2 : Math.max(0, Math.min(low - size, middle - size / 2));
      return [full[0] + inside(full[2], w, (x0 + x1) / 2), full[1] + inside(full[3], t, (y0 + y1) / 2), w, t];
    },
  };
  return view;
}

// -- the network diagram -------------------------------------------------------------------------------------------

function networkView(svg, state) {
  const { links, units, widths } = D.net, [maxWeight, maxUnit] = D.net.largest.map(num);
  const q = (name, i) => svg.querySelector(`[data-${name}="${i}"]`), partOf = (e, name) => e?.querySelector(`[data-part="${name}"]`);
  const [nx, ny, nw, nh] = bounds(svg.querySelectorAll("g rect, circle"), 12);
  svg.setAttribute("viewBox", [nx, ny - 34, nw, nh + 34].join(" "));
  for (const e of svg.querySelectorAll(":scope > text, :scope > path")) // the legend below
    if ((e.tagName === "text" ? +e.getAttribute("y") : +/M[-\d.]+ ([-\d.]+)/.exec(e.getAttribute("d"))[1]) > ny + nh) e.remove();
  const unitOf = new Map(), weightOf = new Map(), biasOf = new Map(), scopeUnit = new Map();
  svg.setAttribute("role", "group"); svg.setAttribute("aria-label", "Network diagram");
  const U = units.map(([scope, bias, ...nodes], i) => {
    const g = q("unit", i), chip = q("bias", i), line = q("bias-line", i);
    g.classList.add("unit"); chip?.classList.add("chip");
    for (const n of nodes) unitOf.set(n, i);
    if (bias >= 0) biasOf.set(bias, i);
    if (scope) scopeUnit.set(D.scopes.indexOf(scope), i);
    return { g, circle: g.querySelector("circle"), data: partOf(g, "data"), grad: partOf(g, "grad"), one: nodes.length === 1 ? nodes[0] : -1, input: !scope,
      bias, chip, line, lossGrad: svg.querySelector(`[data-part="grad-${i}"]`), output: q("output", i) };
  });
  const L = links.map(([source, goal, weight], k) => {
    const g = q("link", k), chip = q("chip", k), [line, head] = g.querySelectorAll("path");
    g.classList.add("link"); chip?.classList.add("chip");
    if (weight >= 0) weightOf.set(weight, k);
    return { g, chip, line, head, source, goal, weight };
  });
  const loss = svg.querySelector("[data-loss]"), lossValue = partOf(loss, "data");
  const width = g => g == null ? widths[0] : widths[0] + (widths[1] - widths[0]) * Math.abs(share(g, maxWeight));
  const chipText = (chip, n) => {
    const g = state.grad(n), v = state.value(n), grad = partOf(chip, "grad"), data = partOf(chip, "data");
    if (grad) { grad.textContent = g == null ? DASH : number(g); recolour(grad, "f", ink(g)); }
    if (data) { data.textContent = v == null ? DASH : number(v); toggle(data, "moved", state.moved(n)); }
    const title = chip?.querySelector("title");
    if (title) title.textContent = `${D.names[n]} = ${v ?? DASH}\n${slope(D.root, n)} = ${g ?? "not computed yet"}`;
  };
  let marked = [];
  return {
    svg, U, L, unitOf, weightOf, biasOf,
    node(n) {
      if (weightOf.has(n)) {
        const l = L[weightOf.get(n)], g = state.grad(n);
        recolour(l.line, "s", tone(g)); l.line.setAttribute("stroke-width", width(g)); if (l.head) recolour(l.head, "f", tone(g));
        toggle(l.g, "todo", g == null); chipText(l.chip, n);
        l.g.querySelector("title").textContent = `${D.names[n]} = ${state.value(n) ?? DASH}\n${slope(D.root, n)} = ${g ?? "not computed yet"}`;
      }
      if (biasOf.has(n)) {
        const u = U[biasOf.get(n)], g = state.grad(n);
        if (u.line) { recolour(u.line, "s", tone(g)); u.line.setAttribute("stroke-width", width(g)); }
        chipText(u.chip, n);
      }
      const u = unitOf.has(n) ? U[unitOf.get(n)] : null;
      if (u && u.one >= 0) {
        const g = state.grad(n), v = state.value(n);
        if (!u.input) recolour(u.circle, "f", tint(g, maxUnit));
        if (u.data) u.data.textContent = v == null ? DASH : number(v);
        if (u.grad) { u.grad.textContent = g == null ? DASH : number(g); recolour(u.grad, "f", ink(g)); }
        if (u.lossGrad) { u.lossGrad.textContent = g == null ? DASH : number(g); recolour(u.lossGrad, "f", ink(g)); }
        if (u.output) recolour(u.output, "s", tone(g));
        u.g.querySelector("title").textContent = `${D.names[n]} = ${v ?? DASH}\n${slope(D.root, n)} = ${g ?? "not computed yet"}`;
      }
      if (n === D.root && lossValue) lossValue.textContent = state.value(n) == null ? DASH : number(state.value(n));
    },
    mark(steps) {
      for (const e of marked) e.classList.remove("on", "from", "to");
      marked = [];
      const put = (e, name) => { if (e) { e.classList.add(name); marked.push(e); } };
      const where = n => scopeUnit.get(D.scope[n]) ?? unitOf.get(n);
      for (const i of steps) {
        const a = node[i], b = operand[i], u = where(a);
        if (weightOf.has(a)) { const l = L[weightOf.get(a)]; put(l.g, "on"); put(l.chip, "on"); }
        else if (biasOf.has(a)) put(U[biasOf.get(a)].chip, "on");
        else put(u == null ? loss : U[u].g, "from");
        if (b < 0) continue;
        if (weightOf.has(b)) { const l = L[weightOf.get(b)]; put(l.g, "on"); put(l.chip, "on"); }
        else if (biasOf.has(b)) put(U[biasOf.get(b)].chip, "on");
        else {
          const v = unitOf.get(b) ?? where(b);
          if (v != null && v !== u) { put(U[v].g, "to"); for (const l of L) if (l.source === v && l.goal === u) put(l.g, "on"); }
        }
      }
    },
    trace(n) {
      svg.classList.toggle("tracing", n >= 0);
      for (const e of svg.querySelectorAll(".way")) e.classList.remove("way");
      if (n < 0) return;
      const l = weightOf.has(n) ? L[weightOf.get(n)] : null, seen = new Set();
      const todo = [l ? l.goal : biasOf.get(n) ?? unitOf.get(n) ?? scopeUnit.get(D.scope[n])].filter(u => u != null);
      if (l) { l.g.classList.add("way"); l.chip?.classList.add("way"); U[l.source].g.classList.add("way"); }
      if (biasOf.has(n)) for (const e of [U[biasOf.get(n)].chip, U[biasOf.get(n)].line]) e?.classList.add("way");
      loss?.classList.add("way");
      while (todo.length) {
        const u = todo.pop(); if (seen.has(u)) continue;
        seen.add(u); U[u].g.classList.add("way");
        for (const m of L) if (m.source === u) { m.g.classList.add("way"); todo.push(m.goal); }
      }
    },
  };
}
