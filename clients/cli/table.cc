// SPDX-License-Identifier: Apache-2.0

#include "clients/cli/table.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "clients/cli/json.h"

namespace herald::cli {
namespace {

// Characters, which is close to columns for most scripts.
size_t Width(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string Line(const std::vector<std::string>& cells,
                 const std::vector<size_t>& widths,
                 const std::vector<bool>& right) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - Width(cells[i]), ' ');
    if (i > 0) line += "  ";
    line += right[i] ? padding + cells[i] : cells[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = Utf8CharacterSize(text);
    const auto first = static_cast<unsigned char>(text[0]);
    // C1 controls are U+0080 to U+009F: two bytes, the first of them C2.
    const bool c1 = size == 2 && first == 0xc2 &&
                    static_cast<unsigned char>(text[1]) < 0xa0;
    if (size == 0 || first < 0x20 || first == 0x7f || c1) {
      out += absl::StrFormat("\\x%02x", first);
      text.remove_prefix(1);
    } else {
      out.append(text.data(), size);
      text.remove_prefix(size);
    }
  }
  return out;
}

std::string FormatTable(const std::vector<std::string>& headings,
                        const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::string> names;
  std::vector<bool> right;
  std::vector<size_t> widths;
  for (absl::string_view heading : headings) {
    right.push_back(absl::ConsumePrefix(&heading, "#"));
    names.emplace_back(heading);
    widths.push_back(Width(heading));
  }
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  std::string table = Line(names, widths, right);
  for (const auto& row : rows) table += Line(row, widths, right);
  return table;
}

}  // namespace herald::cli
