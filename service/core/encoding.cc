// SPDX-License-Identifier: Apache-2.0

#include "service/core/encoding.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "service/core/publication.h"
#include "simdjson.h"

namespace herald::core {
namespace {

bool ConsumeDigits(absl::string_view* text) {
  const size_t size =
      std::min(text->find_first_not_of("0123456789"), text->size());
  text->remove_prefix(size);
  return size > 0;
}

// Whether all of `text` is a number by RFC 8259, however large it is.
bool IsNumber(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  if (!absl::ConsumePrefix(&text, "0") && !ConsumeDigits(&text)) return false;
  if (absl::ConsumePrefix(&text, ".") && !ConsumeDigits(&text)) return false;
  if (absl::ConsumePrefix(&text, "e") || absl::ConsumePrefix(&text, "E")) {
    if (!absl::ConsumePrefix(&text, "+")) absl::ConsumePrefix(&text, "-");
    if (!ConsumeDigits(&text)) return false;
  }
  return text.empty();
}

// `text` with a 0 for each number outside of its strings. What only looks like
// a number stays as it is.
std::string WithoutNumbers(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  while (!text.empty()) {
    const char first = text[0];
    absl::string_view token =
        text.substr(0, in_string && first == '\\' ? 2 : 1);
    if (first == '"') in_string = !in_string;
    if (!in_string && (first == '-' || (first >= '0' && first <= '9'))) {
      token = text.substr(0, text.find_first_not_of("0123456789+-.eE"));
    }
    text.remove_prefix(token.size());
    absl::StrAppend(&out, IsNumber(token) && !in_string ? "0" : token);
  }
  return out;
}

simdjson::error_code Parse(absl::string_view text) {
  // The DOM parser, for On Demand looks only at what is asked of it. A parser
  // keeps its buffers, so one that has seen a large text is not kept.
  constexpr size_t kKeptBytesMax = 128 << 10;
  if (text.size() > kKeptBytesMax) {
    simdjson::dom::parser once;
    return once.parse(text.data(), text.size()).error();
  }
  thread_local simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).error();
}

}  // namespace

Chunk EncodeItem(link::v1::ServiceItem item) {
  link::v1::AttachResponse frame;
  *frame.add_items() = std::move(item);
  return std::make_shared<const std::string>(frame.SerializeAsString());
}

Chunk EncodeWatch(v1::ServerMessage message) {
  v1::WatchResponse response;
  *response.mutable_message() = std::move(message);
  return std::make_shared<const std::string>(response.SerializeAsString());
}

bool IsJson(absl::string_view text) {
  simdjson::error_code error = Parse(text);
  // A number may be too large for simdjson, but not for JSON.
  if (error == simdjson::NUMBER_ERROR) error = Parse(WithoutNumbers(text));
  return error == simdjson::SUCCESS;
}

const Chunk& Publication::LinkChunk() const {
  if (link_chunk_ == nullptr) {
    link::v1::ServiceItem item;
    link::v1::Publication& out = *item.mutable_publication();
    out.set_channel(channel);
    out.set_event(event);
    out.set_data(data);
    out.set_except_socket_id(except_socket_id);
    out.set_whisper(whisper);
    out.set_user_id(user_id);
    out.set_published_us(published_us);
    link_chunk_ = EncodeItem(std::move(item));
  }
  return link_chunk_;
}

const Chunk& Publication::WatchChunk() const {
  if (watch_chunk_ == nullptr) {
    v1::ServerMessage message;
    v1::Event& out = *message.mutable_event();
    out.set_event(event);
    out.set_channel(channel);
    out.set_data(data);
    out.set_whisper(whisper);
    out.set_user_id(user_id);
    watch_chunk_ = EncodeWatch(std::move(message));
  }
  return watch_chunk_;
}

}  // namespace herald::core
