// SPDX-License-Identifier: Apache-2.0
//
// One value of a rule in a JSON file. Which values a field accepts is decided
// here and not by protobuf, whose releases differ:
//
//   bool      true or false
//   int64     an integer without a point and an exponent; also as a string,
//             which is how protobuf writes it
//   string    a string
//   Duration  a string: seconds, with up to nine digits after the point, and
//             "s"
//   enum      a string: the name of a value; not of its first one, UNSPECIFIED
//   any       null, which leaves the field unset

#ifndef HERALD_SERVICE_RULES_RULES_VALUE_H_
#define HERALD_SERVICE_RULES_RULES_VALUE_H_

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "herald/config/v1/config.pb.h"

namespace herald::rules {

// Sets `field` of `rule`. False if `value` is not of the field's type; then the
// rule is unchanged. Ranges are not checked, except that of int64.
// REQUIRES: json::IsJson(value), without spaces around it.
bool SetFromJson(const google::protobuf::FieldDescriptor& field,
                 absl::string_view value, config::v1::ChannelRule* rule);

// The values that the field accepts, for an error: "a whole number".
absl::string_view AllowedFor(const google::protobuf::FieldDescriptor& field);

}  // namespace herald::rules

#endif  // HERALD_SERVICE_RULES_RULES_VALUE_H_
