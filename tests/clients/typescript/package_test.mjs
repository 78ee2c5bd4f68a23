// SPDX-License-Identifier: Apache-2.0
//
// The package that `npm pack` would publish: complete, and usable without the
// repository around it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { root } from "./library.mjs";

const folder = fileURLToPath(new URL("clients/typescript/", root));
const work = mkdtempSync(join(tmpdir(), "herald-package-"));
after(() => rmSync(work, { recursive: true }));

function run(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: work, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

// Built already; building again would disturb the tests that run beside this one.
const packed = run("npm", "pack", "--json", "--ignore-scripts", "--offline", folder);
const [{ filename, files }] = JSON.parse(packed);
const names = files.map(({ path }) => path);
run("tar", "-xzf", filename);
const home = join(work, "package");
const read = (name) => readFileSync(join(home, name), "utf8");
const about = JSON.parse(read("package.json"));

test("it has the licence, the README, the sources and the built files; nothing else", () => {
  const modules = readdirSync(join(folder, "src")).map((name) => name.replace(/\.ts$/, ""));
  const built = ["js", "js.map", "d.ts", "d.ts.map"];
  const expected = [
    ...["LICENSE", "README.md", "package.json", "dist/herald.min.js", "dist/herald.min.js.map"],
    ...modules.map((name) => `src/${name}.ts`),
    ...modules.flatMap((name) => built.map((extension) => `dist/${name}.${extension}`)),
  ];
  assert.deepEqual(names.sort(), expected.sort());
  assert.equal(read("LICENSE"), readFileSync(new URL("LICENSE", root), "utf8"));
});

test("it names its origin, its licence, and its homepage", () => {
  assert.equal(about.license, "Apache-2.0");
  assert.match(about.repository.url, /^git\+https:.*\.git$/);
  assert.ok(existsSync(new URL(about.repository.directory + "/package.json", root)));
  assert.ok(about.keywords.length >= 5 && about.keywords.includes("websocket"));
  assert.ok(about.homepage && about.bugs && about.description);
});

test("every file that package.json names is there", () => {
  const { ".": entry, ...others } = about.exports;
  for (const file of [about.main, about.types, ...Object.values(entry), ...Object.values(others)]) {
    assert.ok(names.includes(file.replace("./", "")), file);
  }
});

test("its README links to nothing outside of the package but by URL", () => {
  const text = read("README.md");
  const [, address] = about.repository.url.match(/^git\+(.*)\.git$/);
  const targets = [...text.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1]);
  assert.ok(targets.length >= 3);
  for (const target of targets) {
    const inRepository = target.startsWith(address) && target.slice(address.length);
    if (target.startsWith("#")) continue;
    assert.ok(inRepository !== false, target);
    const [, path] = inRepository.match(/^\/blob\/main\/([^#]*)/) ?? [, ""];
    assert.ok(existsSync(new URL(path, root)), target);
  }
});

test("every source map leads to a source that is in the package", () => {
  for (const name of names.filter((one) => one.endsWith(".map"))) {
    const { sources } = JSON.parse(read(name));
    assert.ok(sources.length > 0, name);
    for (const source of sources) assert.ok(existsSync(join(home, "dist", source)), source);
    const mapped = read(name.replace(/\.map$/, ""));
    assert.match(mapped, new RegExp(`sourceMappingURL=${name.replace("dist/", "")}\\s*$`), name);
  }
});

test("a project that has installed it can use it", () => {
  writeFileSync(join(work, "package.json"), '{"type":"module","private":true}');
  run("npm", "install", "--offline", "--no-audit", "--no-fund", `./${filename}`);
  writeFileSync(
    join(work, "app.js"),
    `import { Herald, SubscriptionError } from "herald-client";
     const herald = new Herald("ws://127.0.0.1/ws", { autoConnect: false });
     herald.channel("news").listen("created", () => {});
     console.log(herald.channels.join(), herald.state, SubscriptionError.name);`,
  );
  assert.equal(run(process.execPath, "app.js"), "news closed SubscriptionError\n");
});
