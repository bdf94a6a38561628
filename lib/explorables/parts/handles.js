// How is something in a panel moved directly, by pointer, finger or key?

import { clamp, step, text } from "./state.js";

/**
 * What can be dragged in the layer `over`.
 *
 * `get()` gives the state, `set(patch)` changes it, `schema` bounds it.
 */
export function createHandles(over, schema, get, set) {
  const document = over.ownerDocument;
  const followers = [];

  const bounded = (patch) =>
    Object.fromEntries(
      Object.entries(patch).map(([key, value]) => [
        key,
        typeof value === "number" ? clamp(schema[key], value) : value,
      ]),
    );

  /** Pointer position in the panel's own coordinates, whatever the page's size is now. */
  function position(panel, event) {
    const box = over.getBoundingClientRect();
    return [event.clientX - box.left - panel.left, event.clientY - box.top - panel.top];
  }

  function follow(element, panel, move, grip = () => [0, 0]) {
    let offset = null;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const [gx, gy] = grip(event);
      offset = [gx, gy];
      element.setPointerCapture(event.pointerId);
      if (element.tabIndex >= 0) element.focus({ preventScroll: true });
      event.preventDefault();
      move(event, offset);
    });
    element.addEventListener("pointermove", (event) => offset && move(event, offset));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      element.addEventListener(end, () => (offset = null));
    }
  }

  return {
    /**
     * A point that can be dragged and moved by arrow keys.
     *
     * at(values) -> [x, y] in the panel's data; drag([x, y], values) -> patch of the state;
     * keys: { x, y }, the state's names that the arrows change; label for screen readers;
     * wide: true lets a finger scroll the page up and down across it.
     */
    handle(panel, { label, at, drag, keys, wide = false }) {
      const element = document.createElement("div");
      const main = keys.x ?? keys.y;
      element.className = "ex-handle";
      for (const [name, value] of Object.entries({
        role: "slider",
        tabindex: "0",
        "aria-label": label,
        "aria-valuemin": schema[main].min,
        "aria-valuemax": schema[main].max,
        "data-keys": [keys.x, keys.y].filter(Boolean).join(" "),
      })) {
        element.setAttribute(name, value);
      }
      if (keys.x && keys.y) element.setAttribute("aria-roledescription", "two-way slider");
      element.style.touchAction = wide ? "pan-y" : "none";
      over.append(element);

      const centre = () => {
        const [x, y] = at(get());
        return [panel.x(x), panel.y(y)];
      };
      const move = (event, [gx, gy]) => {
        const [x, y] = position(panel, event);
        set(bounded(drag([panel.x.invert(x - gx), panel.y.invert(y - gy)], get())));
      };
      follow(element, panel, move, (event) => {
        const [x, y] = position(panel, event);
        const [cx, cy] = centre();
        return [x - cx, y - cy];
      });
      element.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const across = keys.x ?? keys.y;
        const up = keys.y ?? keys.x;
        const [key, count] =
          {
            ArrowRight: [across, 1],
            ArrowLeft: [across, -1],
            ArrowUp: [up, 1],
            ArrowDown: [up, -1],
            PageUp: [main, 10],
            PageDown: [main, -10],
            Home: [main, -Infinity],
            End: [main, Infinity],
          }[event.key] ?? [];
        if (!key) return;
        event.preventDefault();
        const entry = schema[key];
        set({
          [key]: Number.isFinite(count) ? step(entry, get()[key], count) : clamp(entry, count),
        });
      });
      followers.push((values) => {
        const [x, y] = at(values);
        const left = panel.left + Math.min(Math.max(panel.x(x), 0), panel.width);
        const top = panel.top + Math.min(Math.max(panel.y(y), 0), panel.height);
        element.style.transform = `translate(${left.toFixed(1)}px,${top.toFixed(1)}px)`;
        element.setAttribute("aria-valuenow", values[main]);
        const parts = [keys.x, keys.y].filter(Boolean).map((key) => text(schema[key], values[key]));
        element.setAttribute("aria-valuetext", parts.join(", "));
      });
      return element;
    },

    /**
     * A whole panel that can be clicked and dragged; what it changes needs a control or a handle,
     * too, because keys do not reach it. axis: "x" lets a finger scroll the page; "y" or "xy"
     * answer a finger's tap only.
     */
    area(panel, { drag, axis }) {
      const element = document.createElement("div");
      element.className = "ex-area";
      element.style.touchAction = axis === "x" ? "pan-y" : "auto";
      over.prepend(element);
      const move = (event) => {
        const [x, y] = position(panel, event);
        set(bounded(drag([panel.x.invert(x), panel.y.invert(y)], get())));
      };
      element.addEventListener(
        "pointerdown",
        (event) => {
          if (event.pointerType === "touch" && axis !== "x") event.stopImmediatePropagation();
        },
        true,
      );
      follow(element, panel, move);
      element.addEventListener("click", move);
      followers.push(() => {
        Object.assign(element.style, {
          left: `${panel.left}px`,
          top: `${panel.top}px`,
          width: `${panel.width}px`,
          height: `${panel.height}px`,
        });
      });
      return element;
    },

    sync(values) {
      for (const one of followers) one(values);
    },
  };
}
