// SPDX-License-Identifier: Apache-2.0
//
// Finds the types that C++ files define, by their braces and without a parser,
// and checks that a name belongs to one type, and that no two types befriend
// each other.

#ifndef HERALD_TESTS_TIDY_TYPE_NAMES_H_
#define HERALD_TESTS_TIDY_TYPE_NAMES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tests/tidy/checks.h"
#include "tests/tidy/generic_names.h"
#include "tests/tidy/source_file.h"

namespace herald::tidy {

// A class, struct, union, enum or alias.
struct TypeDefinition {
  std::string name;     // Unqualified.
  std::string aliased;  // The text behind the `=` of an alias; empty: none.
  bool nested = false;  // In a type or in a function.
  size_t line = 0;      // Where it begins, counted from 0.
  std::vector<std::string> friends = {};  // Classes, unqualified.
};

// The types that `file` defines, in order. Not among them are declarations
// without a body, specializations, and `using`s that only import a name, as
// `using A::B;` and `using B = A::B;` do.
std::vector<TypeDefinition> FindTypes(const SourceFile& file);

// In the C++ files of `kProductFolders`, no name has two types, unless it is in
// `generic` and all of them are nested. Aliases of the same text are one type,
// if the text has no name of `generic` in it. A name of `generic` that fewer
// than two types have is a finding as well.
Findings CheckTypeNames(const std::vector<SourceFile>& files,
                        const std::vector<GenericName>& generic);

// No two types are friends of each other. Types of one name are one type.
Findings CheckFriends(const std::vector<SourceFile>& files);

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_TYPE_NAMES_H_
