// The player of a walk. `D` is the data that data.py makes; all text and every state are composed from it here.
// A step is a number: the forward steps come first, then the seed, the backward steps, the updates.
(() => {
"use strict";
/*SETTINGS*/
const MINUS = "\u2212", DASH = "\u2013", num = x => typeof x === "string" ? Number(x) : x;

// -- numbers as Python prints them ---------------------------------------------------------------------------------

// Sign, `p` significant digits and the power of ten of the first; exact ties go to the even digit, as in Python.
function digitsOf(x, p) {
  const size = Math.abs(x), [m, e] = size.toExponential(p - 1).split("e");
  let shown = m.replace(".", ""), power = +e;
  const [lm, le] = size.toExponential(Math.min(100, p + 40)).split("e"), long = lm.replace(".", "");
  if (/^50*$/.test(long.slice(p)) && long.charCodeAt(p - 1) % 2 === 0) { shown = long.slice(0, p); power = +le; }
  return [x < 0 || Object.is(x, -0), shown, power];
}
// format(x, ".<p>g")
function general(x, p) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (x === 0) return Object.is(x, -0) ? "-0" : "0";
  const [negative, shown, e] = digitsOf(x, p), sign = negative ? "-" : "";
  if (e < -4 || e >= p) {
    const m = shown.replace(/0+$/, ""), a = Math.abs(e);
    return sign + m[0] + (m.length > 1 ? "." + m.slice(1) : "") + "e" + (e < 0 ? "-" : "+") + (a < 10 ? "0" : "") + a;
  }
  if (e < 0) return sign + "0." + "0".repeat(-e - 1) + shown.replace(/0+$/, "");
  const tail = shown.slice(e + 1).replace(/0+$/, "");
  return sign + shown.slice(0, e + 1) + (tail ? "." + tail : "");
}
const decimal = x => general(x === 0 ? 0 : x, D.digits);
// viz.markup.number
function number(x, p = 3) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "\u221e" : MINUS + "\u221e";
  if (x === 0) return Object.is(x, -0) ? MINUS + "0" : "0";
  const size = Math.abs(x);
  let text;
  if (size < 99999.5 && (Number.isInteger(x) || size >= 10 ** p)) {
    const e = +size.toExponential(20).split("e")[1];
    text = general(x, e + 1);
    if (text.includes("e")) text = String(Math.sign(x) * Math.round(size)); // 9999.6
  } else text = general(x, p).replace(/e([+-])0?(\d+)$/, (_, s, d) => "e" + (s === "-" ? "-" : "") + d);
  return text.replaceAll("-", MINUS);
}
const nice = x => number(x, D.digits);
const factor = x => { const t = decimal(x); return t.startsWith("-") ? `(${t})` : t; };
const share = (x, largest) => !x || Number.isNaN(x) ? 0
  : !Number.isFinite(x) || !(largest > 0) ? Math.sign(x) : Math.sign(x) * Math.sqrt(Math.min(1, Math.abs(x) / largest));
const tone = x => x == null || x === 0 ? "neutral" : Number.isNaN(x) ? "odd" : x > 0 ? "positive" : "negative";
const ink = x => x == null || x === 0 ? "muted" : tone(x) + "_ink";
const sign = x => x == null || !x ? "" : x > 0 ? "pos" : "neg";
function tint(x, largest) {
  if (x == null) return "card";
  if (Number.isNaN(x)) return "odd_tint";
  const part = share(x, largest);
  return part ? (part > 0 ? "p" : "n") + Math.max(1, Math.round(Math.abs(part) * 10)) : "zero";
}

// -- the walk: every step's numbers, by the engine's own arithmetic --------------------------------------------------

const N = D.names.length, values = D.values.map(num), leaf = new Set(D.leaves), open = new Set(D.open);
const B = D.back.length / 4, back = k => D.back.slice(4 * k, 4 * k + 4);
const forward = D.forward ? [...values.keys()].filter(i => !leaf.has(i)) : [];
const F = forward.length, SEED = F, FIRST = F + 1, END = FIRST + B, ALL = END + D.updates.length;
const kind = new Array(ALL), node = new Int32Array(ALL), operand = new Int32Array(ALL).fill(-1);
const up = new Float64Array(ALL), local = new Float64Array(ALL), part = new Float64Array(ALL);
const before = new Float64Array(ALL), after = new Float64Array(ALL), arrival = new Int32Array(ALL);
const uses = new Int32Array(N), leaving = Array.from({ length: N }, () => []), about = Array.from({ length: N }, () => []);
(() => {
  const g = new Float64Array(N), got = new Int32Array(N);
  forward.forEach((n, i) => { kind[i] = "forward"; node[i] = n; after[i] = values[n]; });
  kind[SEED] = "seed"; node[SEED] = D.root; after[SEED] = g[D.root] = 1;
  for (let k = 0; k < B; k++) {
    const i = FIRST + k, [n, x, p] = back(k);
    kind[i] = "backward"; node[i] = n; operand[i] = x; local[i] = num(p); up[i] = g[n];
    part[i] = up[i] * local[i]; before[i] = g[x]; after[i] = g[x] = g[x] + part[i];
    uses[x]++; arrival[i] = ++got[x]; leaving[n].push(i);
  }
  D.updates.forEach((n, k) => {
    const i = END + k, rate = num(D.rate);
    kind[i] = "update"; node[i] = n; up[i] = g[n]; local[i] = rate; part[i] = -rate * g[n];
    before[i] = values[n]; after[i] = values[n] - rate * g[n];
  });
  for (let i = 0; i < ALL; i++) { about[node[i]].push(i); if (operand[i] >= 0) about[operand[i]].push(i); }
})();
const target = i => operand[i] >= 0 ? operand[i] : node[i];
const waiting = i => kind[i] === "backward" ? uses[operand[i]] - arrival[i] : 0;
// Stages: [first step, end] of each, by grain.
const stagesOf = grain => {
  const stops = grain === "edge" ? Array.from({ length: ALL }, (_, i) => i + 1) : D.stops[grain];
  return stops.map((stop, k) => [k ? stops[k - 1] : 0, stop]);
};

// -- words, as viz.steps says them ---------------------------------------------------------------------------------

const tight = n => open.has(n) ? `(${D.names[n]})` : D.names[n];
const slope = (a, b) => `d${tight(a)}/d${tight(b)}`;
function stepText(i) {
  const n = node[i], name = D.names[n];
  if (kind[i] === "seed") return slope(n, n) + " = 1";
  if (kind[i] === "forward") {
    const e = D.expressions[n];
    return `${name}${e && e !== name ? " = " + e : ""} = ${decimal(after[i])}`;
  }
  if (kind[i] === "update")
    return `${name} <- ${name} - alpha * ${slope(D.root, n)} = ${decimal(before[i])} - ${decimal(local[i])} * ${factor(up[i])} = ${decimal(after[i])}`;
  const x = operand[i];
  return `${slope(D.root, x)} += ${slope(D.root, n)} * ${slope(n, x)} = ${factor(up[i])} * ${factor(local[i])} = ${decimal(part[i])} (now ${decimal(after[i])})`;
}
function stepWords(i) {
  const n = node[i], name = D.names[n], now = decimal(after[i]);
  if (kind[i] === "seed") return `The backward pass starts at ${name}: its gradient in itself is 1.`;
  if (kind[i] === "forward") return `${name} is computed: ${now}.`;
  if (kind[i] === "update") return `${name} moves against its gradient, from ${decimal(before[i])} to ${now}.`;
  const x = operand[i], goal = slope(D.root, x), of = uses[x], w = waiting(i);
  const rest = of === 1 ? `That is all of it: ${goal} = ${now}.`
    : w ? `${goal} is now ${now} and waits for ${w} more path${w > 1 ? "s" : ""}.` : `All ${of} paths are summed: ${goal} = ${now}.`;
  return `${name} passes its gradient ${decimal(up[i])} to ${D.names[x]}, times the local derivative ${decimal(local[i])}: ${decimal(part[i])}. ${rest}`;
}
// The rows of a stage: {x, above, up, local, part, before, after, last step}. A neuron's backward steps are folded into
// one row for each value outside that they reach.
function rowsOf(grain, from, to) {
  const steps = Array.from({ length: to - from }, (_, k) => from + k);
  const row = i => ({ i, x: target(i), above: node[i], up: up[i], local: local[i], part: part[i], before: before[i], after: after[i], rule: kind[i] === "backward" ? D.rules[back(i - FIRST)[3]] : "" });
  if (grain !== "neuron" || kind[from] !== "backward") return steps.map(row);
  const inside = new Set(steps.map(i => node[i])), arrived = new Set(steps.map(i => operand[i]));
  const heads = new Set(steps.map(i => node[i]).filter(n => !arrived.has(n)));
  if (heads.size !== 1) return steps.map(row);
  const [head] = heads, f = new Map([[head, 1]]), reached = new Map(), was = new Map();
  for (const i of steps) {
    const x = operand[i];
    f.set(x, (f.get(x) ?? 0) + f.get(node[i]) * local[i]);
    if (!inside.has(x)) { reached.set(x, i); if (!was.has(x)) was.set(x, before[i]); }
  }
  const upstream = up[steps.find(i => node[i] === head)];
  return [...reached].map(([x, i]) => ({ i, x, above: head, up: upstream, local: f.get(x), part: upstream * f.get(x), before: was.get(x), after: after[i], rule: "" }));
}
function stageText(grain, from, to) {
  if (grain !== "neuron" || kind[from] !== "backward") return Array.from({ length: to - from }, (_, k) => stepText(from + k)).join("\n");
  return rowsOf(grain, from, to).map(r => `${slope(D.root, r.x)} += ${slope(D.root, r.above)} * ${slope(r.above, r.x)} = ${factor(r.up)} * ${factor(r.local)} = ${decimal(r.part)} (now ${decimal(r.after)})`).join("\n");
}
function stageTitle(grain, from) {
  const n = node[from];
  if (grain === "edge") return kind[from] === "seed" || kind[from] === "backward" ? slope(D.root, target(from)) : D.names[target(from)];
  const scope = D.scopes[D.scope[n]];
  const where = grain === "neuron" ? scope ? "neuron " + scope : "outside the neurons" : D.names[n];
  return kind[from] === "seed" ? "start" : `${kind[from]}: ${where}`;
}
// How many paths lead from a node to the root.
let pathCounts = null;
function paths(n) {
  if (!pathCounts) {
    pathCounts = new Float64Array(N); pathCounts[D.root] = 1;
    for (let i = FIRST; i < END; i++) pathCounts[operand[i]] += pathCounts[node[i]];
  }
  return pathCounts[n];
}

// -- elements ------------------------------------------------------------------------------------------------------

function h(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) if (v != null) e.setAttribute(k, v);
  e.append(...children.filter(c => c != null));
  return e;
}
// A name or an expression: indices as subscripts, true minus signs; text nodes throughout, so nothing in it is markup.
function math(text) {
  const out = h("i", { class: "m" });
  if (text.includes('"')) { out.append(text); return out; }
  const shown = text.replaceAll("**", "^").replaceAll("*", "\u00b7").replaceAll("-", MINUS);
  let at = 0;
  for (const m of shown.matchAll(/(?<![\p{L}\p{N}_])(\p{L}+)_?(\d{1,4})(?![\p{L}\p{N}_.])/gu)) {
    out.append(shown.slice(at, m.index), m[1], h("sub", {}, m[2]));
    at = m.index + m[0].length;
  }
  out.append(shown.slice(at));
  return out;
}
const fraction = (a, b) => h("span", { class: "frac", role: "img", "aria-label": slope(a, b) },
  h("span", {}, "\u2202", math(tight(a))), h("span", {}, "\u2202", math(tight(b))));
const exact = x => h("b", { class: "n " + sign(x), title: String(x) }, nice(x));
const bracketed = x => { const t = exact(x); if (nice(x).startsWith(MINUS)) t.textContent = `(${t.textContent})`; return t; };

const SVG = "http://www.w3.org/2000/svg";
function picture(img) {
  if (!img) return null;
  const bytes = Uint8Array.from(atob(img.src.split(",")[1]), c => c.charCodeAt(0));
  const svg = document.importNode(new DOMParser().parseFromString(new TextDecoder().decode(bytes), "image/svg+xml").documentElement, true);
  for (const e of svg.querySelectorAll("style")) e.remove();
  svg.querySelector("title")?.remove();
  return svg;
}
const recolour = (e, letter, colour) => {
  const rest = (e.getAttribute("class") || "").split(" ").filter(c => c && !c.startsWith(letter + "-"));
  e.setAttribute("class", [`${letter}-${colour}`, ...rest].join(" "));
};
const toggle = (e, name, on) => e && e.classList.toggle(name, on);
/*VIEWS*/
/*CONTROLS*/
// -- starting ------------------------------------------------------------------------------------------------------

const own = document.currentScript?.closest("." + NAME);
for (const host of new Set([...document.querySelectorAll("." + NAME), own])) if (host && !host.shadowRoot) start(host);
})();
