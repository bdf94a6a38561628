// Where is slow work done? In a worker made from the figure's own file; where there is none, in
// short turns between the frames.

const inWorker =
  typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope;
// Milliseconds: a turn in a worker, a turn on the page, how long a worker keeps back at most what
// it has found, and how long a reader must have rested before that is painted for its own sake.
const [TURN, SHORT_TURN, KEPT, REST] = [8, 2, 120, 120];

/**
 * Works through the numbers value(request, i), i = request.first, ..., request.count - 1, of the
 * latest request only. later(run) runs the next turn soon; tell(request, first, numbers) receives
 * numbers as soon as there are some, then less and less often, at least every `kept` ms.
 */
export function createQueue(value, { turn, kept, later, tell, now = () => performance.now() }) {
  let request = null;
  let waiting = false;
  let [next, found, since, patience] = [0, [], 0, 0];

  function run() {
    waiting = false;
    if (!request) return;
    const until = now() + turn;
    do {
      found.push(value(request, next));
      next += 1;
    } while (next < request.count && now() < until);
    const asked = request;
    if (next === request.count) request = null;
    if (!request || now() - since >= patience) {
      const numbers = Float64Array.from(found);
      [found, since, patience] = [[], now(), Math.min(2 * patience + turn, kept)];
      tell(asked, next - numbers.length, numbers);
    }
    wait();
  }
  function wait() {
    if (request && !waiting) later(run);
    waiting = request !== null;
  }
  return function start(asked) {
    request = asked && asked.first < asked.count ? asked : null;
    [found, since, patience] = [[], now(), 0];
    if (request) next = request.first;
    wait();
  };
}

/**
 * Slow numbers of a module: `url` is its import.meta.url, value(request, i) one number, requests
 * are plain objects with a `first` and a `count`.
 *
 * The result, called with a figure's view, gives ask(request). Of the latest request put(number, i,
 * request) receives every number in order; paint() is called in a frame after some have come. Who
 * asks paints what is known by then. In a still picture all is done when `ask` returns.
 */
export function background(url, value) {
  if (inWorker) serve(value);
  return (view, paint, put) => {
    let [id, asked, since, answering] = [0, null, 0, false];
    let [resting, frame] = [0, 0];
    const cancel = () => {
      clearTimeout(resting);
      cancelAnimationFrame(frame);
      [resting, frame] = [0, 0];
    };
    const show = () => {
      frame = 0;
      paint();
    };
    const showSoon = () => {
      frame ||= requestAnimationFrame(show);
    };
    function tell(request, first, numbers) {
      if (request.id !== id) return;
      numbers.forEach((number, i) => put(number, first + i, request));
      asked.first = first + numbers.length;
      if (performance.now() - since > REST) showSoon();
      else resting ||= setTimeout(showSoon, REST);
    }
    if (view.still) {
      return (request) => {
        for (let i = request.first; i < request.count; i += 1) put(value(request, i), i, request);
      };
    }
    const later = (run) => requestAnimationFrame(run);
    const here = createQueue(value, { turn: SHORT_TURN, kept: 0, later, tell });
    const worker = open(url, ({ data }) => {
      if (data) {
        tell(...data);
        return;
      }
      // It has started: from now on it does the work.
      answering = true;
      here(null);
      if (asked) worker.postMessage(asked);
    });
    view.signal.addEventListener("abort", () => {
      worker?.terminate();
      here(null);
      cancel();
      id = -1;
    });
    return function ask(request) {
      cancel();
      [since, id] = [performance.now(), id + 1];
      asked = { ...request, id };
      if (answering) worker.postMessage(asked);
      else here(asked);
    };
  };
}

function open(url, listener) {
  try {
    const worker = new Worker(url, { type: "module" });
    worker.onmessage = listener;
    // A file that cannot be read a second time: the page does the work.
    worker.onerror = (event) => event.preventDefault();
    return worker;
  } catch {
    return null;
  }
}

function serve(value) {
  const { port1, port2 } = new MessageChannel();
  let turn = null;
  port1.onmessage = () => turn();
  const start = createQueue(value, {
    turn: TURN,
    kept: KEPT,
    // Another message lets a newer request in first.
    later(run) {
      turn = run;
      port2.postMessage(null);
    },
    tell: (...found) => globalThis.postMessage(found),
  });
  globalThis.onmessage = ({ data }) => start(data);
  globalThis.postMessage(null);
}
