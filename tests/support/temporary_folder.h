// SPDX-License-Identifier: Apache-2.0
//
// A folder for the files of one test.

#ifndef HERALD_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
#define HERALD_TESTS_SUPPORT_TEMPORARY_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::testing_support {

// **Lifetime:** the folder and everything in it are removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(absl::StrCat(::testing::TempDir(), "herald-XXXXXX")) {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }

  // The path of the file `name` in the folder.
  std::string Path(const std::string& name) const {
    return absl::StrCat(path_, "/", name);
  }

  // Creates or replaces the file `name` in one step, so that no reader finds it
  // half written, and returns its path.
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string unfinished = Path(name + ".unfinished");
    std::ofstream(unfinished) << text;
    std::filesystem::rename(unfinished, Path(name));
    return Path(name);
  }

 private:
  std::string path_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
