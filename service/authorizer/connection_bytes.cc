// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/connection_bytes.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/contract/names.h"

namespace herald::authorizer {
namespace {

// One field, in protobuf's encoding.
struct WireField {
  uint64_t number = 0;
  bool is_bytes = false;  // Length-delimited: a text or a message.
  absl::string_view value;
};

bool TakeVarint(const char*& next, const char* end, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && next < end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*next++);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) [[likely]] {
      return true;
    }
  }
  return false;
}

// Takes the next field off `rest`. False if there is none.
bool TakeField(absl::string_view& rest, WireField& field) {
  const char* next = rest.data();
  const char* const end = next + rest.size();
  uint64_t key = 0;
  uint64_t size = 0;
  if (!TakeVarint(next, end, key)) return false;
  field.number = key >> 3;
  const uint64_t type = key & 7;
  field.is_bytes = type == 2;
  if (type == 0 || type == 2) {
    if (!TakeVarint(next, end, size)) return false;
    if (type == 0) size = 0;
  } else if (type == 1 || type == 5) {
    size = type == 1 ? 8 : 4;
  } else {
    return false;
  }
  const auto left = static_cast<size_t>(end - next);
  if (field.number == 0 || size > left) return false;
  field.value = absl::string_view(next, size);
  rest = absl::string_view(next + size, left - size);
  return true;
}

// Whether `entry` is one of `headers`: a map's key is field 1, its value 2.
bool IsHeader(absl::string_view entry) {
  WireField field;
  while (!entry.empty()) {
    if (!TakeField(entry, field)) return false;
    const bool is_text = field.is_bytes && field.number <= 2;
    if (is_text && !contract::IsUtf8(field.value)) return false;
  }
  return true;
}

bool IsValid(const WireField& field) {
  if (!field.is_bytes) return true;
  switch (field.number) {
    case v1::Connection::kRemoteAddressFieldNumber:
    case v1::Connection::kOriginFieldNumber:
      return contract::IsUtf8(field.value);
    case v1::Connection::kHeadersFieldNumber:
      return IsHeader(field.value);
    default:
      return true;  // Of a later release.
  }
}

}  // namespace

absl::StatusOr<absl::string_view> RemoteAddressOf(
    absl::string_view connection) {
  absl::string_view address;
  WireField field;
  while (!connection.empty()) {
    if (!TakeField(connection, field) || !IsValid(field)) {
      return absl::InvalidArgumentError(
          "the gateway sent a connection that cannot be parsed");
    }
    if (field.is_bytes &&
        field.number == v1::Connection::kRemoteAddressFieldNumber) {
      address = field.value;
    }
  }
  return address;
}

}  // namespace herald::authorizer
