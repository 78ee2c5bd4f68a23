// SPDX-License-Identifier: Apache-2.0

#include "proto/http/http_rules.h"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace herald::process {
namespace {

// As Apache has it; a browser behind two proxies sends some 40.
constexpr std::ptrdiff_t kFieldsMax = 100;

HttpRefusal BadRequest(absl::string_view text) {
  return {http::status::bad_request, std::string(text)};
}

bool IsPort(absl::string_view text) {
  return text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// uri-host [ ":" port ], or nothing (RFC 9110 section 7.2). Only characters
// that end a host are refused; its users check the others.
bool IsHost(absl::string_view host) {
  if (host.find_first_of(" \t/\\?#@<>\"{}|^`") != absl::string_view::npos) {
    return false;
  }
  if (absl::StartsWith(host, "[")) {
    const size_t end = host.find(']');
    if (end == absl::string_view::npos || end == 1) return false;
    const absl::string_view rest = host.substr(end + 1);
    return rest.empty() || (rest[0] == ':' && IsPort(rest.substr(1)));
  }
  const size_t colon = host.find(':');
  return host.find_first_of("[]") == absl::string_view::npos &&
         (colon == absl::string_view::npos || IsPort(host.substr(colon + 1)));
}

// A field that comes once, and how often it came.
struct SingleField {
  void Add(beast::string_view text) {
    ++count;
    value = View(text);
  }

  int count = 0;
  absl::string_view value;
};

// Found in one pass: to look one up costs as much.
struct FramingFields {
  explicit FramingFields(const HttpRequest& request) {
    for (const auto& field : request) {
      if (field.name() == http::field::host) host.Add(field.value());
      if (field.name() == http::field::expect) expect.Add(field.value());
      if (field.name() == http::field::transfer_encoding) {
        coding.Add(field.value());
      }
    }
  }

  SingleField host;
  SingleField coding;
  SingleField expect;
};

std::optional<HttpRefusal> CheckHost(const SingleField& host,
                                     unsigned version) {
  if (host.count > 1) return BadRequest("there are two Host headers");
  if (host.count == 0 && version < 11) return std::nullopt;
  if (host.count == 0) return BadRequest("a request needs a Host header");
  if (IsHost(host.value)) return std::nullopt;
  return BadRequest("the Host header is no host");
}

std::optional<HttpRefusal> CheckCoding(const SingleField& coding,
                                       unsigned version) {
  if (coding.count == 0) return std::nullopt;
  // Beast takes a body in a coding that it does not know for none at all.
  if (coding.count > 1 || !absl::EqualsIgnoreCase(coding.value, "chunked")) {
    return BadRequest("chunked is the only Transfer-Encoding");
  }
  if (version >= 11) return std::nullopt;
  return BadRequest("HTTP/1.0 has no Transfer-Encoding");
}

std::optional<HttpRefusal> CheckExpect(const SingleField& expect,
                                       unsigned version) {
  if (expect.count == 0 || version < 11 ||
      absl::EqualsIgnoreCase(expect.value, "100-continue")) {
    return std::nullopt;
  }
  return HttpRefusal{http::status::expectation_failed,
                     "100-continue is the only expectation"};
}

bool IsHttpUrl(absl::string_view target) {
  constexpr absl::string_view kSchemes[] = {"http://", "https://", "ws://",
                                            "wss://"};
  return std::any_of(std::begin(kSchemes), std::end(kSchemes),
                     [target](absl::string_view scheme) {
                       return absl::StartsWithIgnoreCase(target, scheme);
                     });
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = absl::ascii_tolower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> Decode(absl::string_view path) {
  std::string decoded;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      decoded.push_back(path[i]);
      continue;
    }
    if (path.size() - i < 3) return std::nullopt;
    const int high = HexDigit(path[i + 1]);
    const int low = HexDigit(path[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

// Whether a request line ends in a version from HTTP/1.2 on.
bool HasHigherMinorVersion(absl::string_view line) {
  if (line.empty() || line.back() < '2' || line.back() > '9') return false;
  line.remove_suffix(1);
  return absl::EndsWith(line, " HTTP/1.");
}

// Whether the request line is whole and ends in a version (RFC 9112 section
// 2.3).
bool HasVersion(absl::string_view header) {
  const absl::string_view line = header.substr(0, header.find("\r\n"));
  if (line.size() < 9) return false;
  const absl::string_view end = line.substr(line.size() - 9);
  return absl::StartsWith(end, " HTTP/") && absl::ascii_isdigit(end[6]) &&
         end[7] == '.' && absl::ascii_isdigit(end[8]);
}

}  // namespace

HeaderEnd FindHeaderEnd(absl::string_view bytes, HeaderScan* scan) {
  size_t end = bytes.find('\n', scan->searched);
  while (end != absl::string_view::npos) {
    absl::string_view line = bytes.substr(scan->line, end - scan->line);
    const bool ends_in_cr = absl::ConsumeSuffix(&line, "\r");
    if (scan->line == 0) scan->has_cr = ends_in_cr;
    if (scan->has_cr != ends_in_cr ||
        (!scan->has_cr && absl::StrContains(line, "\r"))) {
      return {0, /*is_broken=*/true};
    }
    if (line.empty()) return {end + 1, /*is_broken=*/false};
    scan->line = end + 1;
    end = bytes.find('\n', scan->line);
  }
  scan->searched = bytes.size();
  return {};
}

std::optional<std::string> NormalizeHeader(absl::string_view header) {
  absl::string_view line = header.substr(0, header.find('\n'));
  const bool has_cr = absl::ConsumeSuffix(&line, "\r");
  const bool is_higher = HasHigherMinorVersion(line);
  if (has_cr && !is_higher) return std::nullopt;
  std::string text = has_cr ? std::string(header)
                            : absl::StrReplaceAll(header, {{"\n", "\r\n"}});
  if (is_higher) text[line.size() - 1] = '1';
  return text;
}

std::optional<HttpRefusal> CheckRequest(absl::string_view header,
                                        const HttpRequest& request) {
  if (request.method() == http::verb::unknown) {
    return HttpRefusal{http::status::not_implemented,
                       "the method is not known; use GET"};
  }
  if (absl::StrContains(header, "\r\n ") ||
      absl::StrContains(header, "\r\n\t")) {
    return BadRequest("header lines must not be folded");
  }
  // Each lookup of a field is a walk over all of them.
  if (std::distance(request.begin(), request.end()) > kFieldsMax) {
    return HttpRefusal{http::status::request_header_fields_too_large,
                       "there are too many header fields"};
  }
  const FramingFields fields(request);
  const unsigned version = request.version();
  if (auto refusal = CheckHost(fields.host, version)) return refusal;
  if (auto refusal = CheckCoding(fields.coding, version)) return refusal;
  return CheckExpect(fields.expect, version);
}

HttpRefusal RefusalOf(const error_code& ec, absl::string_view header) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    return absl::StrContains(header, "\n")
               ? HttpRefusal{http::status::request_header_fields_too_large,
                             "the header is too large"}
               : HttpRefusal{http::status::uri_too_long,
                             "the request line is too long"};
  }
  if (ec == http::error::bad_version && HasVersion(header)) {
    return {http::status::http_version_not_supported,
            "HTTP/1.1 is spoken here"};
  }
  return BadRequest(ec.message());
}

std::optional<std::string> PathOf(absl::string_view target) {
  if (target == "*") return "*";
  if (absl::StrContains(target, "#")) return std::nullopt;
  target = target.substr(0, target.find('?'));
  if (IsHttpUrl(target)) {
    target.remove_prefix(target.find("//") + 2);
    const size_t slash = target.find('/');
    if (slash == 0 || target.empty()) return std::nullopt;  // There is no host.
    target = slash == absl::string_view::npos ? "/" : target.substr(slash);
  }
  if (!absl::StartsWith(target, "/")) return std::nullopt;
  return Decode(target);
}

}  // namespace herald::process
