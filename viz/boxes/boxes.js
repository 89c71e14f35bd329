"use strict";
(() => {
  const main = document.getElementById("view");
  const trail = document.getElementById("trail");
  const news = document.getElementById("news");
  const fit = document.getElementById("fit");
  const sections = [main.firstElementChild];
  for (const template of document.querySelectorAll("template[id^=view-]"))
    sections.push(template.content.firstElementChild);
  const links = sections.map((section) => JSON.parse(section.dataset.links));
  const title = (n) => sections[n].dataset.title;
  let current = 0;

  const prepare = (section, n) => {
    const svg = section.querySelector("svg");
    if (!svg) return section;
    svg.setAttribute("role", "group"); // an img hides the buttons in it from screen readers
    for (const [card, to] of Object.entries(links[n].opens)) {
      const element = section.querySelector(`[data-card="${card}"]`);
      if (!element) continue;
      element.dataset.to = to;
      element.setAttribute("tabindex", "0");
      element.setAttribute("role", "button");
      element.setAttribute("aria-label", `Open ${title(to)}: ${sections[to].dataset.size} values`);
    }
    for (const card of links[n].closed) {
      const tip = section.querySelector(`[data-card="${card}"] > title`);
      if (tip) tip.textContent += "\nnot in this page: draw it by itself";
    }
    return section;
  };

  const path = (n) => {
    const places = [n];
    while (links[places[0]].parent !== null) places.unshift(links[places[0]].parent);
    return places;
  };

  const show = (n, first) => {
    const from = current;
    current = n;
    main.replaceChildren(prepare(sections[n].cloneNode(true), n));
    trail.replaceChildren(...path(n).map((place, i, all) => {
      const item = document.createElement("li");
      const step = document.createElement("a");
      step.textContent = title(place);
      step.dir = "auto";
      if (i === all.length - 1) step.setAttribute("aria-current", "page");
      else step.href = `#${place ? "view-" + place : "top"}`;
      item.append(step);
      return item;
    }));
    document.title = path(n).map(title).reverse().join(" · ");
    if (first) return;
    scrollTo(0, 0);
    news.textContent = `${title(n)}, ${sections[n].dataset.size} values`;
    // coming back, the reader stands on the card that was open; else at the start of the new view
    const back = path(from).find((place) => links[place].parent === n);
    const card = back === undefined ? null : main.querySelector(`[data-to="${back}"]`);
    (card || main).focus({preventScroll: !card});
  };

  const wanted = () => {
    const match = /^#view-(\d+)$/.exec(location.hash);
    const n = match ? Number(match[1]) : 0;
    return n < sections.length ? n : 0;
  };
  const go = (n) => {
    location.hash = n ? `view-${n}` : "top";
  };

  document.addEventListener("click", (event) => {
    const card = event.target.closest("[data-to]");
    if (card) go(Number(card.dataset.to));
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const card = event.target.closest("g[data-to]");
    if (card && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      go(Number(card.dataset.to));
    } else if (event.key === "Escape" && links[current].parent !== null) {
      go(links[current].parent);
    }
  });
  addEventListener("hashchange", () => {
    if (wanted() !== current) show(wanted(), false);
  });
  fit.hidden = false;
  fit.addEventListener("click", () => {
    const on = document.body.classList.toggle("fit");
    fit.setAttribute("aria-pressed", String(on));
  });
  show(wanted(), true);
})();
