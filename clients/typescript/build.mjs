// SPDX-License-Identifier: Apache-2.0
//
// `npm run build`: src/ becomes
//
//   dist/index.js, dist/*.d.ts   ES modules and their types
//   dist/herald.min.js           one file for a <script> tag, global `Herald`
//   dist/*.map                   source maps for debuggers and editors
//
// and the licence of the repository is copied to where `npm pack` looks for it.

import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { build } from "esbuild";

const here = new URL("./", import.meta.url);
const require = createRequire(import.meta.url);
const { name, version, license } = JSON.parse(readFileSync(new URL("package.json", here), "utf8"));

rmSync(new URL("dist", here), { recursive: true, force: true });
copyFileSync(new URL("../../LICENSE", here), new URL("LICENSE", here));

const compiled = spawnSync(process.execPath, [require.resolve("typescript/bin/tsc")], {
  cwd: here,
  stdio: "inherit",
});
if (compiled.status !== 0) process.exit(1);

await build({
  absWorkingDir: new URL(".", here).pathname,
  entryPoints: ["src/browser.ts"],
  outfile: "dist/herald.min.js",
  bundle: true,
  format: "iife",
  target: "es2022",
  minify: true,
  sourcemap: "linked",
  // Names that end in an underscore are private to our modules.
  mangleProps: /_$/,
  banner: { js: `/*! ${name} ${version} | ${license} */` },
  logLevel: "warning",
});
