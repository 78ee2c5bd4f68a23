// SPDX-License-Identifier: Apache-2.0
//
// The examples in the doc comments of the package's types, as a program that can be compiled.

import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { dist, root } from "./library.mjs";

const require = createRequire(new URL("clients/typescript/package.json", root));
export const ts = require("typescript");

export const entry = fileURLToPath(new URL("index.d.ts", dist));

/** The options of a user's own strict project. */
export const strictOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
};

/** The errors in a program, as lines of text. */
export function complaints(program) {
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, "\n");
    if (!file) return text;
    const { line } = file.getLineAndCharacterOfPosition(start);
    return `${file.fileName}:${line + 1}: ${text}`;
  });
}

const isPublic = (declaration) =>
  !ts.isPrivateIdentifier(declaration.name ?? declaration) &&
  !(ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private);

/** The members that are symbols of their own: of classes all, of options each. */
function membersOf(symbol, declaration) {
  const isListed = ts.isClassDeclaration(declaration) || symbol.name.endsWith("Options");
  return isListed ? declaration.members.filter(isPublic) : [];
}

const isName = (declaration) =>
  ts.isIdentifier(declaration.name ?? {}) && declaration.name.text === "name";

/** `[{ id, code }]` of every public symbol; `code` is undefined where there is no example. */
export function publicSymbols() {
  const program = ts.createProgram([entry], strictOptions);
  const checker = program.getTypeChecker();
  const found = [];
  const add = (id, declaration) => {
    const tags = ts.getJSDocTags(declaration);
    const example = tags.find(({ tagName }) => tagName.text === "example");
    const code = example && ts.getTextOfJSDocComment(example.comment);
    const summary = ts.getJSDocCommentsAndTags(declaration).some(({ comment }) => comment);
    found.push({ id, code, summary });
  };
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry));
  for (const exported of checker.getExportsOfModule(module)) {
    const symbol =
      exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const declaration = symbol.declarations[0];
    add(symbol.name, declaration);
    for (const member of membersOf(symbol, declaration)) {
      // `name` of errors is JavaScript's own.
      if (symbol.name.endsWith("Error") && isName(member)) continue;
      add(`${symbol.name}.${member.name?.getText() ?? "constructor"}`, member);
    }
  }
  return found;
}

/** `expression; // → value` becomes a comparison. */
const withComparisons = (code) =>
  code.replace(/^(\s*)(\S.*); \/\/ → (.+)$/gm, "$1equal($2, $3);");

// Names that an example may use without declaring them.
const SURROUNDINGS = `
declare const url: string;
declare function show(...values: unknown[]): void;
declare function equal(actual: unknown, expected: unknown): void;
`;

function moduleOf(code, names) {
  const types = names.types.map((name) => `type ${name}`);
  return `import { ${[...names.values, ...types].join(", ")} } from ${JSON.stringify(
    fileURLToPath(new URL("index.js", dist)),
  )};
${SURROUNDINGS}
export default async function example(herald: Herald): Promise<void> {
  {
${withComparisons(code)}
  }
}
`;
}

/**
 * Compiles examples, `[{ id, code }]`, strictly. Returns the errors, and for each id a loader of
 * its function. `remove` takes the files away again.
 */
export function compile(examples) {
  const folder = mkdtempSync(join(tmpdir(), "herald-examples-"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const exported = publicSymbols().filter(({ id }) => !id.includes("."));
  const isValue = ({ id }) => id === "Herald" || id.endsWith("Error");
  const names = {
    values: exported.filter(isValue).map(({ id }) => id),
    types: exported.filter((one) => !isValue(one)).map(({ id }) => id),
  };
  const files = examples.map(({ id, code }) => {
    const file = join(folder, `${id}.ts`);
    writeFileSync(file, moduleOf(code, names));
    return file;
  });
  const program = ts.createProgram(files, strictOptions);
  const wrong = complaints(program);
  program.emit();
  return {
    complaints: wrong,
    load: async (id) => (await import(pathToFileURL(join(folder, `${id}.js`)).href)).default,
    remove: () => rmSync(folder, { recursive: true }),
  };
}
