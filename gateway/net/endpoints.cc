// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/endpoints.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace herald::gateway {

const Dialect* Endpoints::Find(absl::string_view path) const {
  const absl::string_view shorter = absl::StripSuffix(path, "/");
  for (const auto& [known, dialect] : endpoints_) {
    if (path == known || shorter == known) return dialect;
  }
  return nullptr;
}

std::string Endpoints::Describe() const {
  std::string text;
  for (const auto& [path, dialect] : endpoints_) {
    absl::StrAppend(&text, path, " (WebSocket), ");
  }
  return text;
}

}  // namespace herald::gateway
