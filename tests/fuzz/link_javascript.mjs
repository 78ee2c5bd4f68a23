// SPDX-License-Identifier: Apache-2.0
//
// node link_javascript.mjs SOURCE ADDON PROGRAM
//
// Makes a fuzz target of a module that exports fuzz(bytes), which throws if a
// promise is broken, and mutate(bytes, seed), which returns other bytes, or
// undefined to leave that to libFuzzer. PROGRAM is for Node, with all modules
// in it. As Clang does in C++, Jazzer.js inserts counters of branches and hooks
// of comparisons. ADDON holds libFuzzer (node_fuzzer.cc): the one in Jazzer.js
// needs glibc 2.38, and Debian 12 has 2.36.

import { chmodSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));
const packages = pathOf("../tools/node_modules/");
const tools = createRequire(packages);
const library = createRequire(pathOf("../../clients/typescript/"));
const esbuild = library("esbuild");
const babel = tools("@babel/core");
const plugins = "@jazzer.js/instrumentor/dist/plugins";
const { codeCoverage } = tools(`${plugins}/codeCoverage.js`);
const { compareHooks } = tools(`${plugins}/compareHooks.js`);
const { setSeed } = tools(`${plugins}/helpers.js`);

/** Returns a module, with all that it imports, as one script. */
async function bundle(entryPoint, options) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [entryPoint],
    bundle: true,
    platform: "node",
    target: "node18",
    nodePaths: [packages],
    write: false,
    ...options,
  });
  return outputFiles[0].text;
}

/** Returns the instrumented code, and the number of its branches. */
function instrument(code) {
  setSeed(1); // The same ids of comparisons in each build.
  let branches = 0;
  const ids = { nextEdgeId: () => branches++ };
  const made = babel.transformSync(code, {
    plugins: [codeCoverage(ids), compareHooks],
    configFile: false,
    babelrc: false,
    compact: false,
    sourceType: "script",
  });
  return { code: made.code, branches };
}

/** The functions that instrumented code calls, as a script. */
function bundleRuntime(addon, branches) {
  const onAddon = () => ({ path: addon, external: true });
  const setup = ({ onResolve }) => onResolve({ filter: /\/addon$/ }, onAddon);
  return bundle(pathOf("node_runtime.mjs"), {
    format: "iife",
    define: { BRANCHES: `${branches}` },
    plugins: [{ name: "addon", setup }],
  });
}

const [source, addon, program] = process.argv
  .slice(2)
  .map((path) => resolve(path));
const target = instrument(await bundle(source, { format: "cjs" }));
const runtime = await bundleRuntime(addon, target.branches);
writeFileSync(program, `#!/usr/bin/env node
${runtime}
${target.code}
Fuzzer.run(module.exports, __filename);
`);
chmodSync(program, 0o755);
