// SPDX-License-Identifier: Apache-2.0
//
// Keeps protobuf from a line in the log for each text that is no UTF-8.

#include "google/protobuf/stubs/logging.h"

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}
