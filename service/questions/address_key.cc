// SPDX-License-Identifier: Apache-2.0

#include "service/questions/address_key.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace herald::authorizer {

std::string AddressKey(absl::string_view address) {
  std::string text(address);
  if (address.find(':') == absl::string_view::npos) return text;
  in6_addr parsed = {};
  const std::string bare = text.substr(0, text.find('%'));  // Without a zone.
  if (inet_pton(AF_INET6, bare.c_str(), &parsed) != 1) return text;
  const auto* const bytes = reinterpret_cast<const char*>(parsed.s6_addr);
  if (!IN6_IS_ADDR_V4MAPPED(&parsed)) return std::string(bytes, 8);
  char v4[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, bytes + 12, v4, sizeof(v4));
  return v4;
}

}  // namespace herald::authorizer
