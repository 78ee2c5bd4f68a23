// SPDX-License-Identifier: Apache-2.0
//
// Lines on standard error. They never wait long for its reader: a command ends
// on time even if nothing reads them.
//
// Threads: any. The lines of one call stay together.

#ifndef HERALD_CLIENTS_CLI_COMPLAINT_H_
#define HERALD_CLIENTS_CLI_COMPLAINT_H_

#include "absl/strings/string_view.h"

namespace herald::cli {

// Prints `lines`, which lack the last line break. They are dropped if standard
// error does not accept them within 0.3 s, or immediately if it did not accept
// the previous ones; the next lines that it accepts follow a note with the
// count.
void Complain(absl::string_view lines);

}  // namespace herald::cli

#endif  // HERALD_CLIENTS_CLI_COMPLAINT_H_
