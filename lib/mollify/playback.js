function decode(text, count) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, count);
}

function panel(svg, frames) {
  const body = svg.querySelector(".body");
  const marks = svg.querySelector(".marks");
  const lines = [...body.querySelectorAll("line")];
  const size = 4 * lines.length;
  const data = decode(svg.dataset.frames, frames * size);
  return {
    reveal() {
      svg.querySelectorAll(".ghost").forEach((ghost) => ghost.remove());
      body.setAttribute("visibility", "visible");
    },
    draw(frame) {
      const at = frame * size;
      const centre = (data[at] + data[at + 2]) / 2;
      lines.forEach((line, k) => {
        const [x1, z1, x2, z2] = data.subarray(at + 4 * k, at + 4 * k + 4);
        line.setAttribute("x1", (x1 - centre) / 1000);
        line.setAttribute("y1", -z1 / 1000);
        line.setAttribute("x2", (x2 - centre) / 1000);
        line.setAttribute("y2", -z2 / 1000);
      });
      // A mark every half metre of floor: the camera follows the torso, the floor moves.
      const first = Math.ceil((centre / 1000 - 1.3) * 2) / 2;
      marks.replaceChildren(
        ...[0, 1, 2, 3, 4, 5].map((k) => {
          const mark = document.createElementNS("http://www.w3.org/2000/svg", "line");
          const x = first + k / 2 - centre / 1000;
          for (const [name, value] of [["x1", x], ["x2", x], ["y1", 0], ["y2", 0.08]]) {
            mark.setAttribute(name, value);
          }
          return mark;
        }),
      );
    },
  };
}

function play(root) {
  const slider = root.querySelector("input");
  const button = root.querySelector("button");
  const clock = root.querySelector("output");
  const seconds = Number(root.dataset.seconds);
  const frames = Number(slider.max) + 1;
  const panels = [...root.querySelectorAll("svg")].map((svg) => panel(svg, frames));
  let frame = 0;
  let revealed = false;
  let request = 0;
  let last = 0;

  function show(next) {
    if (!revealed) panels.forEach((one) => one.reveal());
    revealed = true;
    frame = next;
    const whole = Math.min(Math.floor(frame), frames - 1);
    panels.forEach((one) => one.draw(whole));
    slider.value = whole;
    clock.textContent = `${(whole * seconds).toFixed(1)} s`;
  }
  function stop() {
    cancelAnimationFrame(request);
    request = 0;
    button.textContent = "Play";
  }
  function tick(now) {
    show(frame + (now - last) / 1000 / seconds);
    last = now;
    if (frame >= frames - 1) stop();
    else request = requestAnimationFrame(tick);
  }
  button.addEventListener("click", () => {
    if (request) return stop();
    if (frame >= frames - 1) frame = 0;
    button.textContent = "Pause";
    last = performance.now();
    request = requestAnimationFrame(tick);
  });
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting && request) stop();
  }).observe(root);
  root.querySelector(".player-controls").hidden = false;
}
