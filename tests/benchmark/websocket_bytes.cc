// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/websocket_bytes.h"

#include <array>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/require.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {
namespace {

// The example of RFC 6455 section 1.3: a key and the answer that it wants.
constexpr char kKey[] = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr char kAccept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr absl::string_view kEndOfHead = "\r\n\r\n";
// The browsers of a crowd, and the languages of their users.
constexpr std::array<absl::string_view, 4> kAgents = {
    "(X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "(Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "(X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36",
    "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/119.0.0.0 Safari/537.36"};
constexpr std::array<absl::string_view, 5> kLanguages = {
    "en-US,en;q=0.5", "de,en;q=0.7", "fr-FR,fr;q=0.9", "es;q=0.9", "nl,en"};

constexpr std::array<char, 4> kMask = {0x17, 0x2B, 0x5C, 0x71};

void AppendHead(Opcode opcode, size_t length, int mask_bit, std::string* out) {
  contract::Require(length < 65536);
  out->push_back(static_cast<char>(0x80 | static_cast<int>(opcode)));
  if (length < 126) {
    out->push_back(static_cast<char>(mask_bit | static_cast<int>(length)));
    return;
  }
  out->push_back(static_cast<char>(mask_bit | 126));
  out->push_back(static_cast<char>(length >> 8));
  out->push_back(static_cast<char>(length & 0xFF));
}

}  // namespace

std::string UpgradeRequest(absl::string_view host, absl::string_view path,
                           size_t bytes, int number) {
  const std::string needed =
      absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", host,
                   "\r\nConnection: Upgrade\r\nUpgrade: websocket"
                   "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ",
                   kKey, "\r\n");
  const auto user = static_cast<size_t>(number);
  const std::string browser = absl::StrCat(
      "Origin: http://", host, "\r\nUser-Agent: Mozilla/5.0 ",
      kAgents[user % kAgents.size()], "\r\nAccept: */*\r\nAccept-Language: ",
      kLanguages[user / kAgents.size() % kLanguages.size()],
      "\r\nAccept-Encoding: gzip, deflate, br"
      "\r\nSec-Fetch-Dest: websocket\r\nSec-Fetch-Mode: websocket"
      "\r\nSec-Fetch-Site: same-origin"
      "\r\nPragma: no-cache\r\nCache-Control: no-cache\r\nCookie: session=");
  const size_t least = needed.size() + browser.size() + kEndOfHead.size();
  if (bytes <= least) return absl::StrCat(needed, "\r\n");
  // Nothing that repeats itself, as a session's key would not.
  std::string cookie;
  std::minstd_rand random(static_cast<unsigned>(number) + 1);
  while (cookie.size() < bytes - least) {
    absl::StrAppend(&cookie, absl::Hex(random(), absl::kZeroPad8));
  }
  cookie.resize(bytes - least);
  return absl::StrCat(needed, browser, cookie, kEndOfHead);
}

size_t UpgradeAnswerBytes(absl::string_view bytes) {
  const size_t end = bytes.find(kEndOfHead);
  if (end == absl::string_view::npos) return 0;
  const absl::string_view head = bytes.substr(0, end);
  if (!absl::StartsWith(head, "HTTP/1.1 101 ") ||
      !absl::StrContains(head, kAccept)) {
    Fail("the upgrade was refused: ", head);
  }
  return end + kEndOfHead.size();
}

std::string ClientFrame(Opcode opcode, absl::string_view payload) {
  std::string frame;
  AppendHead(opcode, payload.size(), 0x80, &frame);
  frame.append(kMask.data(), kMask.size());
  for (size_t i = 0; i < payload.size(); ++i) {
    frame.push_back(static_cast<char>(payload[i] ^ kMask[i % kMask.size()]));
  }
  return frame;
}

std::string ServerTextFrame(absl::string_view payload) {
  std::string frame;
  AppendHead(Opcode::kText, payload.size(), 0, &frame);
  return absl::StrCat(frame, payload);
}

}  // namespace herald::benchmark
