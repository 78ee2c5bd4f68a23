// SPDX-License-Identifier: Apache-2.0
//
// Finds the functions of a C++ file by its braces, without a parser.

#ifndef HERALD_TESTS_TIDY_FUNCTION_FINDER_H_
#define HERALD_TESTS_TIDY_FUNCTION_FINDER_H_

#include <cstddef>
#include <string>
#include <vector>

namespace herald::tidy {

// The lines of one function, counted from 0 and both included: from the first
// line of its declaration, with the initializers of a constructor, to the brace
// that ends it.
struct FunctionSpan {
  size_t first = 0;
  size_t last = 0;
};

// The functions in `code` (SourceFile::code), in order. Lambdas and classes in
// a function are a part of it. Some tables of one line are taken for functions;
// no bound depends on those.
std::vector<FunctionSpan> FindFunctions(const std::vector<std::string>& code);

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_FUNCTION_FINDER_H_
