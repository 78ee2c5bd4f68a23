// SPDX-License-Identifier: Apache-2.0
//
// The first part of a program that link_javascript.mjs makes: the functions
// that the rest calls. That fills in BRANCHES, and the addon.

import { tracer } from "@jazzer.js/fuzzer/dist/trace.js";
import { addon } from "./addon";

const STACK_FRAMES = 20;

const counters = Buffer.alloc(BRANCHES);
addon.count(counters);

/** libFuzzer takes 0 for a branch that was not taken, so 1 follows 255. */
function incrementCounter(branch) {
  counters[branch] += counters[branch] === 255 ? 2 : 1;
}

/** Half of the time would be spent on the stacks of errors that are caught. */
function withStack(fuzz, bytes) {
  Error.stackTraceLimit = 0;
  try {
    fuzz(bytes);
  } catch (error) {
    Error.stackTraceLimit = STACK_FRAMES;
    fuzz(bytes);
    throw error; // The second time it has not failed.
  }
}

/** Runs the target with the options of the command line. Never returns. */
const run = ({ fuzz, mutate }, program) =>
  addon.run((bytes) => withStack(fuzz, bytes), mutate, [
    program,
    ...process.argv.slice(2),
  ]);

globalThis.Fuzzer = { coverageTracker: { incrementCounter }, run, tracer };
