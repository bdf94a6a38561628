// What is an explorable? A state, a drawing of it, and ways to change it.
//
// `explorable` makes the object that a page's host and anywidget both understand:
// { render({ model, el }) } with a clean-up function as the result.

import { createClock } from "./animation.js";
import { createControls } from "./controls.js";
import { decode } from "./data.js";
import { createFigure } from "./figure.js";
import { createHandles } from "./handles.js";
import { createRaster } from "./raster.js";
import { accept, clamp } from "./state.js";

const STILL_WIDTH = 700;
const SPOKEN_EVERY = 800;
let made = 0;

/**
 * name, state: the schema of `state.js`; layout(width) -> { height, boxes };
 * build(view) -> draw(values), called once per frame in which something changed;
 * finding(values) -> what the drawing shows, for readers who cannot see it.
 */
export function explorable({ name, state, layout, build, finding }) {
  return {
    name,
    state,
    render({ model, el }) {
      return mount({ name, state, layout, build, finding }, model, el);
    },
  };
}

function mount({ name, state, layout, build, finding }, model, el) {
  const document = el.ownerDocument;
  const page = document.defaultView;
  const stop = new AbortController();
  const uid = model.get("uid") ?? `${name}-${(made += 1)}`;
  const encode = model.get("encode");
  const [root, bar, place, words, spoken] = ["body", "controls", "figure", "words", "spoken"].map(
    (part, index) => {
      const element = document.createElement(index === 3 ? "p" : "div");
      element.className = `ex-${part}`;
      return element;
    },
  );
  root.append(bar, place, words, spoken);
  el.append(root);
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Controls of the figure");
  spoken.setAttribute("aria-live", "polite");

  const values = () =>
    Object.fromEntries(
      Object.entries(state).map(([key, entry]) => [key, accept(entry, model.get(key)) ?? entry.value]),
    );

  let width = Math.round(place.clientWidth) || STILL_WIDTH;
  const figure = createFigure(place, { uid, layout, width });

  // ---- changes: gathered until the next frame, then drawn once ----

  let frame = 0;
  let since = null;
  let unsaved = false;
  let broken = false;

  function request() {
    since ??= performance.now();
    if (!frame && !stop.signal.aborted) frame = page.requestAnimationFrame(update);
  }
  function set(patch) {
    let changed = false;
    for (const [key, value] of Object.entries(patch)) {
      const next = accept(state[key], typeof value === "number" ? clamp(state[key], value) : value);
      if (next === undefined || next === model.get(key)) continue;
      model.set(key, next);
      changed = true;
    }
    if (!changed) return;
    unsaved = true;
    request();
  }
  function update() {
    frame = 0;
    const started = since;
    since = null;
    try {
      paint();
    } catch (error) {
      fail(error);
      return;
    }
    if (unsaved) model.save_changes();
    unsaved = false;
    if (started !== null) measure(`explorable ${name}`, started);
  }
  function fail(error) {
    if (broken) return;
    broken = true;
    stop.abort();
    const told = new page.CustomEvent("explorable-failed", { bubbles: true, detail: error });
    el.dispatchEvent(told);
    throw error;
  }

  const controls = createControls(bar, state, set);
  const handles = createHandles(figure.over, state, values, set);
  const clocks = [];
  const data = decode(model.get("data") ?? null);
  const draw = build({
    data,
    still: encode !== undefined,
    set,
    request,
    values,
    signal: stop.signal,
    figure: figure.svg,
    panel: figure.panel,
    raster: (panel) => createRaster(figure.under, panel, encode),
    clock(step, changed) {
      const clock = encode ? null : createClock(root, step, changed);
      if (clock) clocks.push(clock);
      return clock;
    },
    say(text) {
      words.textContent = text;
    },
    ...controls,
    ...handles,
  });

  let speaking = 0;
  function speak() {
    // Screen readers get the words when the figure has come to rest.
    page.clearTimeout(speaking);
    speaking = page.setTimeout(() => (spoken.textContent = words.textContent), SPOKEN_EVERY);
  }
  function paint() {
    const now = values();
    draw(now);
    figure.svg.attr("aria-label", finding(now));
    controls.sync(now);
    handles.sync(now);
    if (unsaved) speak();
  }
  paint();
  if (encode) return () => root.remove();

  const observer = new page.ResizeObserver(() => {
    const next = Math.round(place.clientWidth);
    if (next < 1 || next === width) return;
    width = next;
    figure.resize(width);
    request();
  });
  observer.observe(place);
  for (const key of Object.keys(state)) model.on(`change:${key}`, request);

  return () => {
    stop.abort();
    observer.disconnect();
    for (const key of Object.keys(state)) model.off(`change:${key}`, request);
    for (const clock of clocks) clock.destroy();
    page.cancelAnimationFrame(frame);
    page.clearTimeout(speaking);
    root.remove();
  };
}

/** Record the time from the first change to the painted frame, for `performance.getEntries`. */
function measure(label, start) {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    if (performance.getEntriesByName(label).length >= 1000) performance.clearMeasures(label);
    performance.measure(label, { start, end: performance.now() });
    channel.port1.close();
  };
  channel.port2.postMessage(null);
}
