// SPDX-License-Identifier: Apache-2.0
//
// A file with channel rules for a service that a test starts.

#ifndef HERALD_TESTS_SUPPORT_RULES_FILE_H_
#define HERALD_TESTS_SUPPORT_RULES_FILE_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/temporary_folder.h"

namespace herald::testing_support {

// **Lifetime:** the file is removed with the object.
class RulesFile {
 public:
  // `rules` are JSON objects with commas between them.
  explicit RulesFile(const std::string& rules) { Write(rules); }

  // Replaces the rules.
  void Write(const std::string& rules) const {
    folder_.Write(kName, absl::StrCat(R"({"channels":[)", rules, "]}"));
  }

  std::string path() const { return folder_.Path(kName); }

  // The flag that names the file to a service.
  std::string flag() const { return absl::StrCat("--config=", path()); }

 private:
  static constexpr char kName[] = "rules.json";

  const TemporaryFolder folder_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_RULES_FILE_H_
