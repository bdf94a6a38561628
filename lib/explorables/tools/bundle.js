// node bundle.js <build folder>: makes of every explorable one file without imports.
//
// Written to the build folder, in which the packages are installed:
//   bundles/<name>.js      each explorable; host.js runs them on a page
//   bundles/explorables.css, bundles/manifest.json (state and size of each), bundles/licences.txt
//   bundles/mujoco/        what only hopper-lab loads, and only when a reader asks for it
//   samples/, tests/       what the tests use
//   still.js               draws still pictures

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const source = fileURLToPath(new URL("..", import.meta.url));
const target = resolve(process.argv[2]);
const { build } = createRequire(join(target, "package.json"))("esbuild");

const listed = async (folder, ending) =>
  (await readdir(join(source, folder)))
    .filter((file) => file.endsWith(ending))
    .map((file) => join(source, folder, file));

const samples = async () =>
  (await listed("tests", ".sample.js")).map((path) => ({
    in: path,
    out: basename(path, ".sample.js"),
  }));

const common = {
  bundle: true,
  format: "esm",
  nodePaths: [join(target, "node_modules")],
  legalComments: "none",
  logLevel: "warning",
};
const forPages = { ...common, minify: true, target: "es2022", metafile: true };
const forNode = { ...common, platform: "node", packages: "external" };

for (const folder of ["bundles", "samples", "tests"]) {
  await rm(join(target, folder), { recursive: true, force: true });
  await mkdir(join(target, folder), { recursive: true });
}

const explorables = await listed(".", ".js");
const [pages] = await Promise.all([
  build({
    ...forPages,
    entryPoints: [...explorables, join(source, "page/host.js")],
    entryNames: "[name]",
    outdir: join(target, "bundles"),
  }),
  build({
    ...forPages,
    entryPoints: await samples(),
    outdir: join(target, "samples"),
  }),
  build({
    ...forNode,
    packages: "bundle",
    entryPoints: await listed("tests", ".test.js"),
    entryNames: "[name]",
    outdir: join(target, "tests"),
  }),
  build({ ...forNode, entryPoints: [join(source, "tools/still.js")], outdir: target }),
]);
await cp(join(source, "explorables.css"), join(target, "bundles/explorables.css"));

// The page unpacks the module itself: few servers send .wasm files compressed.
const mujoco = join(target, "node_modules/@mujoco/mujoco");
await build({
  ...forPages,
  bundle: false,
  entryPoints: [join(mujoco, "mujoco.js")],
  outdir: join(target, "bundles/mujoco"),
  banner: { js: "/* MuJoCo (Apache-2.0; ./LICENSE), minified */" },
});
const wasm = gzipSync(await readFile(join(mujoco, "mujoco.wasm")), { level: 9 });
await writeFile(join(target, "bundles/mujoco/mujoco.wasm.gzip"), wasm);

const manifest = {};
for (const [folder, names] of [
  ["bundles", explorables.map((path) => basename(path, ".js"))],
  ["samples", (await samples()).map(({ out }) => out)],
]) {
  for (const name of names) {
    const path = join(target, folder, `${name}.js`);
    const code = await readFile(path);
    const module = (await import(pathToFileURL(path))).default;
    if (module.name !== name) throw new Error(`${name}.js calls itself ${module.name}`);
    manifest[name] = {
      file: `${folder}/${name}.js`,
      state: module.state,
      version: createHash("sha256").update(code).digest("hex").slice(0, 12),
      bytes: code.length,
      gzipped: gzipSync(code).length,
    };
  }
}
await writeFile(join(target, "bundles/manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
await writeFile(join(target, "bundles/licences.txt"), await licences(pages.metafile));

/** The licence of every package that went into a bundle. */
async function licences({ inputs }) {
  const folders = new Set(
    [...Object.keys(inputs), join(mujoco, "mujoco.js")]
      .map((path) => path.replaceAll("\\", "/").match(/.*node_modules\/(@[^/]+\/)?[^/]+/)?.[0])
      .filter(Boolean),
  );
  const texts = await Promise.all(
    [...folders].sort().map(async (folder) => {
      const { name, version, license } = JSON.parse(
        await readFile(join(folder, "package.json"), "utf8"),
      );
      const files = (await readdir(folder)).filter((entry) => /^(licen[cs]e|notice)/i.test(entry));
      const read = files.sort().map((file) => readFile(join(folder, file), "utf8"));
      // MuJoCo's package has no such file; `copy_bundles` puts those of the Python package there.
      const elsewhere = "The texts are in mujoco/LICENSE and mujoco/LICENSES_THIRD_PARTY.md.";
      const text = read.length ? (await Promise.all(read)).join("\n").trim() : elsewhere;
      return { title: `${name} ${version} (${license})`, text };
    }),
  );
  const same = Map.groupBy(texts, ({ text }) => text);
  return [...same]
    .map(([text, group]) => `${group.map(({ title }) => title).join("\n")}\n\n${text}\n`)
    .join(`\n${"-".repeat(72)}\n\n`);
}
