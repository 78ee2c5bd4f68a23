// SPDX-License-Identifier: Apache-2.0
//
// The types that the package ships, in the hands of a strict project.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { complaints, entry, strictOptions, ts } from "./examples.mjs";
import { dist } from "./library.mjs";

const usage = fileURLToPath(new URL("types.mts", import.meta.url));

const { Bundler } = ts.ModuleResolutionKind;

for (const [who, options] of [
  ["Node's resolution", {}],
  ["a bundler's resolution", { module: ts.ModuleKind.ESNext, moduleResolution: Bundler }],
]) {
  test(`the promises of types.mts hold, with ${who}`, () => {
    const paths = { "herald-client": [entry] };
    const all = { ...strictOptions, noEmit: true, paths, ...options };
    assert.deepEqual(complaints(ts.createProgram([usage], all)), []);
  });
}

test("nothing of the inside is in the types", () => {
  const files = readdirSync(dist).filter((name) => name.endsWith(".d.ts"));
  assert.ok(files.includes("index.d.ts"));
  for (const file of files) {
    const text = readFileSync(new URL(file, dist), "utf8");
    assert.doesNotMatch(text, /\w_\b(?=[(:?;])/, file);
    assert.doesNotMatch(text, /@internal/, file);
  }
});
