// SPDX-License-Identifier: Apache-2.0
//
// Text for people: aligned columns, and values that cannot upset a terminal.

#ifndef HERALD_CLIENTS_CLI_TABLE_H_
#define HERALD_CLIENTS_CLI_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace herald::cli {

// `text` with control characters and broken UTF-8 as `\xNN`: output of browsers
// must not control the terminal.
std::string Printable(absl::string_view text);

// Columns two spaces apart, headings first, no spaces at the end of lines. A
// column with a heading that begins with `#` (not shown) is aligned to the
// right. Rows have as many cells as there are headings.
std::string FormatTable(const std::vector<std::string>& headings,
                        const std::vector<std::vector<std::string>>& rows);

}  // namespace herald::cli

#endif  // HERALD_CLIENTS_CLI_TABLE_H_
