// Which controls stand above a figure, and how do they follow the state?

import { at, fraction, text } from "./state.js";

const STEPS = 1000;

/**
 * Labelled sliders, choices, switches and buttons in `bar`.
 *
 * `set(patch)` changes the state; `sync(values)` shows the state, whoever changed it.
 */
export function createControls(bar, schema, set) {
  const document = bar.ownerDocument;
  const followers = [];

  function labelled(name, kind) {
    const label = document.createElement("label");
    label.className = "ex-control";
    const caption = document.createElement("span");
    caption.textContent = name;
    const input = document.createElement(kind);
    label.append(caption, input);
    bar.append(label);
    return { label, input };
  }

  return {
    slider(key, name) {
      const entry = schema[key];
      const { label, input } = labelled(name, "input");
      const shown = document.createElement("span");
      shown.className = "ex-value";
      shown.setAttribute("aria-hidden", "true");
      label.append(shown);
      label.classList.add("ex-slider");
      for (const [attribute, value] of [["type", "range"], ["min", 0], ["max", STEPS], ["step", 1]]) {
        input.setAttribute(attribute, value);
      }
      input.setAttribute("data-key", key);
      input.addEventListener("input", () => set({ [key]: at(entry, Number(input.value) / STEPS) }));
      // A browser moves a slider by one of its own steps, too fine for keys: a hundredth is better.
      input.addEventListener("keydown", (event) => {
        const by = { ArrowRight: 10, ArrowUp: 10, ArrowLeft: -10, ArrowDown: -10 }[event.key];
        if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        const next = Math.min(Math.max(Number(input.value) + by, 0), STEPS);
        input.value = next;
        set({ [key]: at(entry, next / STEPS) });
      });
      followers.push((values) => {
        const place = Math.round(fraction(entry, values[key]) * STEPS);
        if (at(entry, Number(input.value) / STEPS) !== values[key]) input.value = place;
        input.setAttribute("value", place);
        input.setAttribute("aria-valuetext", text(entry, values[key]));
        shown.textContent = text(entry, values[key]);
      });
      return input;
    },

    choice(key, name) {
      const { input } = labelled(name, "select");
      input.setAttribute("data-key", key);
      for (const [value, words] of Object.entries(schema[key].among)) {
        const option = document.createElement("option");
        option.setAttribute("value", value);
        option.textContent = words;
        input.append(option);
      }
      input.addEventListener("change", () => set({ [key]: input.value }));
      followers.push((values) => {
        for (const option of input.children) {
          option.toggleAttribute("selected", option.getAttribute("value") === values[key]);
        }
        if (input.value !== values[key]) input.value = values[key];
      });
      return input;
    },

    toggle(key, name) {
      const { label, input } = labelled(name, "input");
      label.classList.add("ex-toggle");
      input.setAttribute("type", "checkbox");
      input.setAttribute("data-key", key);
      input.addEventListener("change", () => set({ [key]: input.checked }));
      followers.push((values) => {
        input.checked = values[key];
        input.toggleAttribute("checked", values[key]);
      });
      return input;
    },

    button(name, press) {
      const button = document.createElement("button");
      button.setAttribute("type", "button");
      button.className = "ex-button";
      button.textContent = name;
      button.addEventListener("click", press);
      bar.append(button);
      return button;
    },

    sync(values) {
      for (const follow of followers) follow(values);
    },
  };
}
