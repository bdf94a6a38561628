// How does MuJoCo come to the page? From files beside this module, and only when asked for.

/** MuJoCo lies beside this module on a page, and among a notebook server's files. */
function folder() {
  if (!import.meta.url.startsWith("blob:")) return new URL("mujoco/", import.meta.url);
  const settings = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
  if (!settings.baseUrl) throw new Error("among notebooks, only Jupyter\u2019s own have its files");
  const path = `${settings.baseUrl}files/_build/explorables/bundles/mujoco/`;
  return new URL(path, window.location.origin);
}

/**
 * MuJoCo's module of this version, read and compiled; arrived(bytes) is told on the way.
 *
 * `again`: it failed before, and what came must not come from the browser's store once more.
 * Throws an error that says why not.
 */
export async function loadMujoco({ version, again, arrived }) {
  if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly");
  const place = folder();
  let count = 0;
  async function read(name) {
    const address = new URL(`${name}?v=${version}`, place);
    const answer = await fetch(address, { cache: again ? "reload" : "default" });
    if (!answer.ok) throw new Error(`its file came with status ${answer.status}`);
    const counted = new TransformStream({
      transform(chunk, onward) {
        arrived((count += chunk.length));
        onward.enqueue(chunk);
      },
    });
    return new Uint8Array(await new Response(answer.body.pipeThrough(counted)).arrayBuffer());
  }
  const load = await imported(await read("mujoco.js"));
  const wasmBinary = await unpacked(await read("mujoco.wasm.gzip"));
  return load({ wasmBinary, locateFile: (name) => name, printErr: () => {} });
}

/** What a script exports. A notebook server gives scripts to `fetch` only, not to `import`. */
async function imported(script) {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  try {
    return (await import(address)).default;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Servers send the file as it is; one that calls it compressed has had the browser unpack it. */
async function unpacked(bytes) {
  if (bytes[0] !== 0x1f) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw new Error("its file came damaged");
  }
}
