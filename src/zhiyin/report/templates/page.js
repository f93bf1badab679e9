"use strict";
// Opens what an address points at and what is printed; shows a step's kin in the lineage, and moves and scales the graph.

function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const fold = target && target.closest("details");
  if (fold) { fold.open = true; target.scrollIntoView(); }
}

const folds = () => [...document.querySelectorAll("details")];
let closed = [];

addEventListener("hashchange", reveal);
// Paper holds every table and answer; of the settings of each step it holds what the reader has opened.
addEventListener("beforeprint", () => { closed = folds().filter((fold) => !fold.open && !fold.matches(".step")); closed.forEach((fold) => { fold.open = true; }); });
addEventListener("afterprint", () => { closed.forEach((fold) => { fold.open = false; }); });
// A second click on the same link changes no fragment, but should open its step again.
document.addEventListener("click", (event) => { if (event.target.closest("a[href^='#']")) setTimeout(reveal); });

document.querySelectorAll("[data-open]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => { document.querySelectorAll(`${button.dataset.open} details`).forEach((fold) => { fold.open = true; }); });
});

const graph = document.querySelector(".graph"), svg = graph.querySelector("svg");
const nodes = new Map([...svg.querySelectorAll(".node")].map((node) => [node.getAttribute("href").slice(1), node]));
const edges = [...svg.querySelectorAll(".edge")].map((path) => ({ path, from: path.dataset.from, to: path.dataset.to.split(" ") }));

/** Return a step and all that can be reached from it: what it came from, or what came from it. */
function reached(start, next) {
  const found = new Set([start]), waiting = [start];
  while (waiting.length) {
    for (const one of next(waiting.pop())) {
      if (!found.has(one)) { found.add(one); waiting.push(one); }
    }
  }
  return found;
}

function light(folder) {
  const sources = reached(folder, (one) => edges.filter((edge) => edge.to.includes(one)).map((edge) => edge.from));
  const results = reached(folder, (one) => edges.filter((edge) => edge.from === one).flatMap((edge) => edge.to));
  nodes.forEach((node, name) => node.classList.toggle("kin", sources.has(name) || results.has(name)));
  edges.forEach(({ path, from, to }) => {
    path.classList.toggle("kin", [sources, results].some((kin) => kin.has(from) && to.some((one) => kin.has(one))));
  });
  svg.classList.add("lit");
}

nodes.forEach((node, folder) => {
  ["pointerenter", "focus"].forEach((name) => node.addEventListener(name, () => light(folder)));
  ["pointerleave", "blur"].forEach((name) => node.addEventListener(name, () => svg.classList.remove("lit")));
});

const full = { width: svg.width.baseVal.value, height: svg.height.baseVal.value };
let scale = 1;

function zoom(wanted) {
  const middle = (graph.scrollLeft + graph.clientWidth / 2) / scale;
  scale = Math.min(2, Math.max(0.15, wanted));
  svg.style.width = `${full.width * scale}px`;
  svg.style.height = `${full.height * scale}px`;
  graph.scrollLeft = middle * scale - graph.clientWidth / 2;
}

const zooms = { in: () => scale * 1.25, out: () => scale / 1.25, fit: () => graph.clientWidth / full.width, full: () => 1 };
document.querySelectorAll("[data-zoom]").forEach((button) => {
  button.addEventListener("click", () => zoom(zooms[button.dataset.zoom]()));
});
document.querySelector(".zooms").hidden = false;
graph.scrollTop = (graph.scrollHeight - graph.clientHeight) / 2;

// A finger scrolls by itself; a mouse drags.
graph.addEventListener("pointerdown", (event) => {
  if (event.pointerType !== "mouse" || event.target.closest(".node")) return;
  const start = { x: event.clientX + graph.scrollLeft, y: event.clientY + graph.scrollTop };
  const move = (now) => { graph.scrollLeft = start.x - now.clientX; graph.scrollTop = start.y - now.clientY; };
  addEventListener("pointermove", move);
  addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
});

reveal();
