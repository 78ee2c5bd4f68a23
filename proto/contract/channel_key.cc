// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/channel_key.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace herald::contract {
namespace {

constexpr char kSeparator = '/';

bool IsAppId(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
           c == '-';
  });
}

// The length of the app's id in the text of a key.
size_t AppBytes(absl::string_view text) {
  const size_t slash = text.find(kSeparator);
  if (slash == absl::string_view::npos) return 0;
  return IsAppId(text.substr(0, slash)) ? slash : 0;
}

}  // namespace

ChannelKeyView ChannelKeyView::FromText(absl::string_view text) {
  const size_t app_bytes = AppBytes(text);
  if (app_bytes == 0) return {kFirstApp, text};
  return {text.substr(0, app_bytes), text.substr(app_bytes + 1)};
}

std::string ChannelKeyView::Text() const {
  if (app.empty()) return std::string(name);
  return absl::StrCat(app, "/", name);
}

absl::string_view ChannelKeyView::TextIn(std::string* space) const {
  if (app.empty()) return name;
  *space = Text();
  return *space;
}

ChannelKey ChannelKey::FromText(std::string text) {
  ChannelKey key;
  key.app_bytes_ = static_cast<uint32_t>(AppBytes(text));
  key.text_ = std::move(text);
  return key;
}

}  // namespace herald::contract
