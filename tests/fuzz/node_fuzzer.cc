// SPDX-License-Identifier: Apache-2.0
//
// An addon of Node with Clang's libFuzzer, for targets in JavaScript: the
// engine, the options and the exit codes are those of the targets in C++.
//
// Threads: all functions are called on Node's main thread, which never returns
// from run(). So promises of a target are not continued.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "napi.h"

// libFuzzer, and the parts of it that Clang calls from instrumented code.
extern "C" {
int LLVMFuzzerRunDriver(int* argc, char*** argv,
                        int (*target)(const uint8_t* data, size_t size));
size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);
void __sanitizer_cov_8bit_counters_init(uint8_t* begin, uint8_t* end);
void __sanitizer_cov_pcs_init(const uintptr_t* begin, const uintptr_t* end);
void __sanitizer_cov_trace_const_cmp8(uint64_t left, uint64_t right);
void __sanitizer_cov_trace_pc_indir(uintptr_t callee);
void __sanitizer_weak_hook_strcmp(void* place, const char* left,
                                  const char* right, int result);
void __sanitizer_weak_hook_strstr(void* place, const char* text,
                                  const char* part, char* result);
}

namespace herald::fuzz {
namespace {

using Bytes = Napi::Buffer<uint8_t>;

// Set once, by run() and count(), and never freed.
const Napi::Function* fuzz = nullptr;
const Napi::Function* mutate = nullptr;
Napi::Reference<Bytes>* counters = nullptr;

// libFuzzer keeps the input, and exits with 77.
[[noreturn]] void Fail(const Napi::Error& error) {
  const std::string stack = error.Get("stack").ToString();
  std::fprintf(stderr, "\n%s\n", stack.c_str());
  std::abort();
}

int RunTarget(const uint8_t* data, size_t size) {
  const Napi::Env env = fuzz->Env();
  const Napi::HandleScope scope(env);
  try {
    fuzz->Call({Bytes::Copy(env, data, size)});
  } catch (const Napi::Error& error) {
    Fail(error);
  }
  return 0;
}

// Returns the new size, or 0 if the target leaves this one to libFuzzer.
size_t Mutate(uint8_t* data, size_t size, size_t size_max, unsigned int seed) {
  const Napi::Env env = mutate->Env();
  const Napi::HandleScope scope(env);
  try {
    const Napi::Value made = mutate->Call(
        {Bytes::Copy(env, data, size), Napi::Number::New(env, seed)});
    if (!made.IsBuffer()) return 0;
    const auto bytes = made.As<Bytes>();
    if (bytes.Length() > size_max) return 0;
    std::copy_n(bytes.Data(), bytes.Length(), data);
    return bytes.Length();
  } catch (const Napi::Error& error) {
    Fail(error);
  }
}

// run(fuzz, mutate, arguments): like main() of a target in C++. Ends the
// process. mutate(bytes, seed) returns other bytes, or undefined.
void Run(const Napi::CallbackInfo& info) {
  const auto fuzz_function = info[0].As<Napi::Function>();
  const auto mutate_function = info[1].As<Napi::Function>();
  fuzz = &fuzz_function;
  mutate = &mutate_function;
  std::vector<std::string> arguments;
  const auto given = info[2].As<Napi::Array>();
  for (uint32_t i = 0; i < given.Length(); ++i) {
    arguments.push_back(given.Get(i).ToString());
  }
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  int argc = static_cast<int>(arguments.size());
  char** argv = pointers.data();
  std::_Exit(LLVMFuzzerRunDriver(&argc, &argv, RunTarget));
}

// count(buffer): a byte for each branch, which counts how often it is taken.
void Count(const Napi::CallbackInfo& info) {
  auto buffer = info[0].As<Bytes>();
  counters = new auto(Napi::Persistent(buffer));
  // A pair for each branch: its address, of which JavaScript has none, and 0.
  static std::vector<uintptr_t> places(2 * buffer.Length());
  for (size_t i = 0; i < buffer.Length(); ++i) places[2 * i] = i + 1;
  __sanitizer_cov_8bit_counters_init(buffer.Data(),
                                     buffer.Data() + buffer.Length());
  __sanitizer_cov_pcs_init(places.data(), places.data() + places.size());
}

// The rest is called by @jazzer.js/fuzzer, with an id of the place first.
void* PlaceOf(const Napi::Value& id) {
  return reinterpret_cast<void*>(id.ToNumber().Int64Value());
}

void TraceUnequalStrings(const Napi::CallbackInfo& info) {
  const std::string left = info[1].ToString();
  const std::string right = info[2].ToString();
  __sanitizer_weak_hook_strcmp(PlaceOf(info[0]), left.c_str(), right.c_str(),
                               1);
}

void TraceStringContainment(const Napi::CallbackInfo& info) {
  const std::string part = info[1].ToString();
  const std::string text = info[2].ToString();
  __sanitizer_weak_hook_strstr(PlaceOf(info[0]), text.c_str(), part.c_str(),
                               nullptr);
}

void TraceIntegerCompare(const Napi::CallbackInfo& info) {
  __sanitizer_cov_trace_const_cmp8(
      static_cast<uint64_t>(info[1].ToNumber().Int64Value()),
      static_cast<uint64_t>(info[2].ToNumber().Int64Value()));
}

void TracePcIndir(const Napi::CallbackInfo& info) {
  __sanitizer_cov_trace_pc_indir(
      static_cast<uintptr_t>(info[1].ToNumber().Int64Value()));
}

Napi::Object Export(Napi::Env env, Napi::Object exports) {
  exports["run"] = Napi::Function::New<Run>(env);
  exports["count"] = Napi::Function::New<Count>(env);
  exports["traceUnequalStrings"] =
      Napi::Function::New<TraceUnequalStrings>(env);
  exports["traceStringContainment"] =
      Napi::Function::New<TraceStringContainment>(env);
  exports["traceIntegerCompare"] =
      Napi::Function::New<TraceIntegerCompare>(env);
  exports["tracePcIndir"] = Napi::Function::New<TracePcIndir>(env);
  exports["addon"] = exports;  // The name by which Jazzer.js imports it.
  return exports;
}

}  // namespace

// Called by libFuzzer, which else mutates by itself.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t size_max, unsigned int seed) {
  const size_t made = Mutate(data, size, size_max, seed);
  return made > 0 ? made : LLVMFuzzerMutate(data, size, size_max);
}

NODE_API_MODULE(node_fuzzer, Export)

}  // namespace herald::fuzz
