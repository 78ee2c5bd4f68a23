// SPDX-License-Identifier: Apache-2.0
//
// Where the product keeps its types, and the names that several of them may
// have, as data.

#ifndef HERALD_TESTS_TIDY_GENERIC_NAMES_H_
#define HERALD_TESTS_TIDY_GENERIC_NAMES_H_

#include <string>
#include <vector>

namespace herald::tidy {

// In these folders, all together, a name belongs to one type of C++. Messages
// are not counted, since their namespaces are those of the protos: a value of
// the core has the name of the wire message that carries it, as `Publication`
// has that of `link::v1::Publication`.
inline const std::vector<std::string> kProductFolders = {
    "proto/", "service/", "gateway/", "clients/"};

// A name that only nested types have: the class around it completes it, so that
// `Quarantine::Entry` needs no other name than `Mirror::Entry`.
struct GenericName {
  std::string name;
  std::string reason;
};

// A new name needs a reason here. Most types have a name of their own instead.
inline const std::vector<GenericName> kGenericNames = {
    {"Done", "the callback of the class's asynchronous calls"},
    {"Entry", "one element of the container that the class is"},
    {"Handle", "the way back to the object, for timers that may outlive it"},
    {"Host", "the port by which the class calls its owner"},
    {"Impl", "the hidden part of the class, which its source defines"},
    {"Kind", "the alternatives of the class"},
    {"Options", "the settings of the class's constructor"},
    {"State", "the data that the class shares with callbacks, or its phase"},
};

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_GENERIC_NAMES_H_
