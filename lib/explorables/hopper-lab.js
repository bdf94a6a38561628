// What did training at a given sigma buy? Four hoppers, each trained at its own sigma, stand in the
// same place: choose how long they were trained, shake their motors, push them.
//
// Until a reader asks for MuJoCo, the drawing shows what Python recorded.

import { createHopperDrawing, HOPPERS, layout, middle } from "./hopper-lab/drawing.js";
import { loadMujoco } from "./hopper-lab/mujoco.js";
import { createRecords, fate, number } from "./hopper-lab/records.js";
import { createReturns, WORST } from "./hopper-lab/returns.js";
import { createHopper, DECISION, HORIZON } from "./numerics/hopper-lab.js";
import { sigmaColor } from "./parts/colors.js";
import { explorable } from "./parts/explorable.js";
import { text } from "./parts/state.js";

// Newtons for a metre of pull, and the seconds in which a push dies down.
const [PULL, RELAX] = [100, 0.25];
const [SLOW, CAMERA] = [0.2, 0.3];
// Where a machine is too slow for real time, the motion is slower and the page does not hang.
const AT_MOST = 0.05;
const TALK_EVERY = 400;

const state = {
  noise: { value: 0.001, min: 0.001, max: 5, log: true, least: "none" },
  epoch: { value: 100, min: 0, max: 100, step: 20, digits: 0 },
  push: { value: 0, min: -100, max: 100, step: 10, digits: 0 },
  slow: { value: false },
};

// What the drawing says in words; `finding` is called right after the drawing.
let outcome = "";

const whole = (epoch) => state.epoch.step * Math.round(epoch / state.epoch.step);

function build(view) {
  const lab = createRecords(view.data);
  const invitation = `Run MuJoCo here (loads ${(lab.bytes / 1e6).toFixed(1)} MB)`;
  const run = view.data && view.button(invitation, start);
  const again = view.data && view.button("Reset", restart);
  view.toggle("slow", "Slow motion");
  view.slider("noise", "Action noise \u03c3");
  const colors = lab.sigmas.map((sigma) => sigmaColor(sigma));
  const drawings = lab.sigmas.map((sigma, k) =>
    createHopperDrawing(view, HOPPERS[k], `trained at \u03c3 = ${sigma}`, colors[k]),
  );
  const returns = createReturns(view, lab, colors);

  // ---- the simulation ----

  let hoppers = null;
  let cameras = [];
  let lag = 0;
  // The push as it dies down; the state holds it in whole newtons.
  let force = 0;
  let held = false;

  function restart() {
    for (const hopper of hoppers) hopper.reset();
    cameras = hoppers.map(({ q }) => middle(q));
    lag = 0;
    force = 0;
    view.set({ push: 0 });
    view.request();
  }
  function advance(seconds) {
    const { noise, epoch, push, slow } = view.values();
    const passed = seconds * (slow ? SLOW : 1);
    const sigma = noise > state.noise.min ? noise : 0;
    if (push !== Math.round(force)) force = push;
    try {
      for (lag = Math.min(lag + passed, AT_MOST); lag >= DECISION; lag -= DECISION) {
        hoppers.forEach((hopper, k) => hopper.decide(lab.theta(k, whole(epoch)), sigma, force));
      }
    } catch (error) {
      lose(error);
      return;
    }
    const follow = 1 - Math.exp(-passed / CAMERA);
    cameras = cameras.map((camera, k) => camera + follow * (middle(hoppers[k].q) - camera));
    if (!held) force *= Math.exp(-passed / RELAX);
    view.set({ push: Math.round(force) });
    view.request();
  }
  const clock = view.clock(advance, view.request);

  // ---- MuJoCo, when it is asked for ----

  const note = view.figure.node().ownerDocument.createElement("p");
  note.setAttribute("class", "explorable-note");
  note.setAttribute("role", "status");
  again?.toggleAttribute("hidden", true);
  if (run && clock) {
    note.textContent = `What is drawn was recorded in Python, with MuJoCo ${lab.versions.python}.`;
    run.parentNode.after(note);
  }

  let failed = false;
  function lose(error) {
    failed = true;
    hoppers = null;
    clock.pause();
    again.hidden = true;
    run.textContent = invitation;
    note.textContent =
      `MuJoCo cannot run here (${error?.message ?? error}). What is drawn was recorded in Python.`;
    view.request();
  }
  async function start() {
    if (hoppers) {
      (clock.playing ? clock.pause : clock.play)();
      return;
    }
    run.disabled = true;
    note.textContent = "MuJoCo is on its way \u2026";
    try {
      const mujoco = await loadMujoco({
        version: lab.versions.page,
        again: failed,
        arrived: (part) => (run.textContent = `Loading, ${Math.round((100 * part) / lab.bytes)} %`),
      });
      if (view.signal.aborted) return;
      const model = mujoco.MjModel.from_xml_string(lab.xml);
      hoppers = lab.sigmas.map(() => createHopper(mujoco, model, lab.start));
      view.signal.addEventListener("abort", () => {
        for (const hopper of hoppers) hopper.destroy();
        model.delete();
      });
      note.textContent =
        `MuJoCo ${mujoco.mj_versionString()} runs here; Python\u2019s numbers come from ` +
        `${lab.versions.python}, without noise and push.`;
      again.hidden = false;
      restart();
      clock.play();
    } catch (error) {
      lose(error);
    }
    run.disabled = false;
  }

  // ---- what is dragged ----

  const torso = (k) => (hoppers ? hoppers[k].q[0] - cameras[k] : 0);
  const pull = (k) => ([x]) => ({ push: PULL * (x - torso(k)) });
  const grips = drawings.map(({ panel }, k) => view.area(panel, { axis: "x", drag: pull(k) }));
  const torsoHandle = view.handle(drawings[2].panel, {
    label: "Push on all torsos, in newtons",
    keys: { x: "push" },
    wide: true,
    at: ({ epoch }) => [torso(2), pose(2, whole(epoch))[1]],
    drag: pull(2),
  });
  for (const grip of [...grips, torsoHandle]) {
    grip.addEventListener("pointerdown", () => (held = true));
    grip.addEventListener("lostpointercapture", () => (held = false));
  }
  const choose = ([x]) => ({ epoch: x });
  view.area(returns.trained, { axis: "x", drag: choose });
  view.handle(returns.trained, {
    label: "Epochs of training",
    keys: { x: "epoch" },
    wide: true,
    at: ({ epoch }) => [epoch, WORST],
    drag: choose,
  });

  // ---- the drawing ----

  /** Positions now, carried on from the last decision to the moment of the frame. */
  function pose(k, epoch) {
    if (!hoppers) return lab.poses(k, epoch).at(-1);
    const { q, v } = hoppers[k];
    return Float64Array.from(q, (one, i) => one + lag * v[i]);
  }

  function drawHopper(k, epoch, push) {
    const hopper = hoppers?.[k];
    const q = pose(k, epoch);
    const fell = hopper ? hopper.fell : lab.fell(k, epoch);
    const past = lab.returns(k, epoch);
    const tenth = Math.floor((hopper ? hopper.path.length - 1 : HORIZON) / 10);
    drawings[k].draw({
      q,
      camera: hopper ? cameras[k] : middle(q),
      shadows: hopper ? [] : lab.poses(k, epoch).slice(0, -1),
      reach: push / PULL,
      lines: [
        view.data ? fate(fell) : "no policy",
        past.length ? `Python ${number(past[tenth])}` : "",
        hopper ? `here ${number(hopper.earned)}` : "",
      ],
    });
    return fell;
  }

  let drawn = {};
  let saidAt = 0;
  return function draw({ noise, push, slow, ...values }) {
    const [epoch, { width }] = [whole(values.epoch), returns.trained];
    if (hoppers && drawn.epoch !== epoch) restart();
    if (drawn.asked !== values.epoch || drawn.width !== width) returns.draw(values.epoch, epoch);
    drawn = { epoch, width, asked: values.epoch };
    const fates = lab.sigmas.map((_, k) => drawHopper(k, epoch, push));
    returns.live(hoppers ?? []);
    if (hoppers) run.textContent = clock.playing ? "Pause" : "Play";

    const standing = lab.sigmas.filter((_, k) => fates[k] === null).join(" and \u03c3 = ");
    outcome = standing ? `Standing: trained at \u03c3 = ${standing}` : "None stands";
    if (!view.data) outcome = "No policy was given, so nothing moves";
    if (clock?.playing && performance.now() - saidAt < TALK_EVERY) return;
    saidAt = performance.now();
    const size = noise > state.noise.min ? `noise of size ${text(state.noise, noise)}` : "no noise";
    const hint = hoppers ? "Drag a hopper to push all four." : "Run MuJoCo to shake and push them.";
    view.say(
      `After ${epoch} epochs. ${outcome}${hoppers ? "" : ", for 8 s without noise"}. ` +
        `The motors ${hoppers ? "get" : "will get"} ${size}${slow ? ", in slow motion" : ""}. ` +
        `${push ? `Push: ${text(state.push, push)} N.` : hint} ` +
        (hoppers?.[0].decisions >= HORIZON ? "The 8 s that count are over." : ""),
    );
  };
}

export default explorable({
  name: "hopper-lab",
  state,
  build,
  layout,
  finding: ({ epoch }) =>
    "Four one-legged hoppers side by side, trained at four sizes of noise, with their returns by " +
    `epoch of training and over eight seconds. After ${whole(epoch)} epochs. ${outcome}.`,
});
