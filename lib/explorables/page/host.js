// How does a page without a kernel run its figures? It gives each module a model and a place.
//
// A figure's state stands in the address: #mollify-it:sigma=0.3,landscape=spike. Several figures
// are parted by semicolons.

import { parse, write } from "../parts/state.js";

const AHEAD = "400px";
const WRITE_AFTER = 300;
const folder = new URL(".", import.meta.url);
const running = new Map();

/** The part of anywidget's model that the modules use. */
class Model {
  #values;
  #listeners = new Map();
  saved = () => {};

  constructor(values) {
    this.#values = { ...values };
  }
  get(key) {
    return this.#values[key];
  }
  set(key, value) {
    if (this.#values[key] === value) return;
    this.#values[key] = value;
    for (const tell of this.#listeners.get(`change:${key}`) ?? []) tell();
  }
  save_changes() {
    this.saved();
  }
  on(event, listener) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(listener);
  }
  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }
}

/** The addresses' states by figure, as text. */
function addressed() {
  let hash = window.location.hash.slice(1);
  try {
    hash = decodeURIComponent(hash);
  } catch {
    console.info(`The address ends in ${hash}, which no figure can read.`);
    return new Map();
  }
  const parts = hash.split(";").filter((part) => part.includes(":"));
  return new Map(parts.map((part) => [part.slice(0, part.indexOf(":")), part.slice(part.indexOf(":") + 1)]));
}

/** The values that the address gives a figure; what it cannot use is told once, and ignored. */
function fromAddress(name, schema) {
  const { values, ignored } = parse(schema, addressed().get(name) ?? "");
  if (ignored.length) console.info(`${name}: ignored in the address: ${ignored.join(", ")}`);
  return values;
}

let writing = 0;
function writeSoon() {
  window.clearTimeout(writing);
  writing = window.setTimeout(() => {
    const states = [...running].map(([name, { schema, model }]) => {
      const values = Object.fromEntries(Object.keys(schema).map((key) => [key, model.get(key)]));
      return [name, write(schema, values)];
    });
    const text = states.filter(([, values]) => values).map(([name, values]) => `${name}:${values}`);
    const { pathname, search } = window.location;
    window.history.replaceState(null, "", `${pathname}${search}${text.length ? `#${text.join(";")}` : ""}`);
  }, WRITE_AFTER);
}

async function dataOf(place) {
  if (place.dataset.file) {
    const answer = await fetch(new URL(`data/${place.dataset.file}`, folder));
    if (!answer.ok) throw new Error(`its data came with status ${answer.status}`);
    return answer.json();
  }
  const script = place.querySelector("script.explorable-data");
  return script ? JSON.parse(script.textContent) : null;
}

/** Put the still picture back and say in one line why. */
function giveUp(place, still, error) {
  place.querySelector(".explorable-live")?.remove();
  place.prepend(still);
  const note = place.querySelector(".explorable-note") ?? document.createElement("p");
  note.className = "explorable-note";
  note.setAttribute("role", "status");
  note.textContent = `This figure cannot move here (${error?.message ?? error}); this is its still picture.`;
  place.append(note);
}

async function start(place) {
  const name = place.dataset.explorable;
  const still = place.querySelector(".explorable-still");
  try {
    const version = place.dataset.version;
    const [module, data] = await Promise.all([
      import(new URL(`${name}.js?v=${version}`, folder)),
      dataOf(place),
    ]);
    const { state: schema, render } = module.default;
    const defaults = Object.entries(schema).map(([key, entry]) => [key, entry.value]);
    const given = JSON.parse(place.dataset.state);
    const model = new Model({
      ...Object.fromEntries(defaults),
      ...given,
      ...fromAddress(name, schema),
      data,
    });
    const live = document.createElement("div");
    live.className = "explorable-live";
    place.append(live);
    live.addEventListener("explorable-failed", (event) => giveUp(place, still, event.detail));
    await render({ model, el: live });
    still.remove();
    model.saved = writeSoon;
    running.set(name, { schema, model });
    place.dataset.running = "true";
  } catch (error) {
    giveUp(place, still, error);
  }
}

const starting = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      starting.unobserve(target);
      start(target);
    }
  },
  { rootMargin: AHEAD },
);
const places = [...document.querySelectorAll("[data-explorable]")];
for (const place of places) starting.observe(place);

function follow(scroll) {
  const named = addressed();
  for (const [name, { schema, model }] of running) {
    if (!named.has(name)) continue;
    for (const [key, value] of Object.entries(fromAddress(name, schema))) model.set(key, value);
  }
  if (scroll) places.find((place) => named.has(place.dataset.explorable))?.scrollIntoView();
}
window.addEventListener("hashchange", () => follow(true));
follow(true);
