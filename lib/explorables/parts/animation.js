// When may a figure move by itself? While it is seen, and where motion is welcome.

/**
 * A clock that calls step(seconds since the last frame) while it plays.
 *
 * It stands still while the figure is off screen or the page is hidden. `start()` is for motion
 * that nobody asked for: it does nothing where the reader prefers reduced motion.
 */
export function createClock(element, step, changed = () => {}) {
  const view = element.ownerDocument.defaultView;
  let playing = false;
  let seen = true;
  let request = 0;
  let last = 0;

  function tick(now) {
    request = view.requestAnimationFrame(tick);
    // A pause of the browser must not become one long step, and the first frame may be older than
    // the start.
    step(Math.min(Math.max(now - last, 0) / 1000, 0.1));
    last = now;
  }
  function update() {
    const running = playing && seen && !element.ownerDocument.hidden;
    if (running && !request) {
      last = view.performance.now();
      request = view.requestAnimationFrame(tick);
    } else if (!running && request) {
      view.cancelAnimationFrame(request);
      request = 0;
    }
  }
  const observer =
    view.IntersectionObserver &&
    new view.IntersectionObserver(([entry]) => {
      seen = entry.isIntersecting;
      update();
    });
  observer?.observe(element);
  element.ownerDocument.addEventListener?.("visibilitychange", update);

  const clock = {
    get playing() {
      return playing;
    },
    play() {
      playing = true;
      update();
      changed(playing);
    },
    pause() {
      playing = false;
      update();
      changed(playing);
    },
    start() {
      if (!view.matchMedia?.("(prefers-reduced-motion: reduce)").matches) clock.play();
    },
    destroy() {
      playing = false;
      update();
      observer?.disconnect();
      element.ownerDocument.removeEventListener?.("visibilitychange", update);
    },
  };
  return clock;
}
