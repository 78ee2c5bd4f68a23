// SPDX-License-Identifier: Apache-2.0
//
// The tidy checks: each takes files and returns their faults, one sentence for
// each finding that begins with `path:line:`. The rules are in rooms.h and
// budgets.h.

#ifndef HERALD_TESTS_TIDY_CHECKS_H_
#define HERALD_TESTS_TIDY_CHECKS_H_

#include <string>
#include <vector>

#include "tests/tidy/budgets.h"
#include "tests/tidy/rooms.h"
#include "tests/tidy/source_file.h"

namespace herald::tidy {

using Findings = std::vector<std::string>;

// Every `#include` is one that the file's room may have.
Findings CheckIncludes(const SourceFile& file);

// The licence stands first; a header goes on with prose.
Findings CheckTop(const SourceFile& file);

// A header's guard is its path, with `clients/cpp/include/` left out.
Findings CheckGuard(const SourceFile& file);

// At most 80 columns, but for an `#include`, a guard and an address.
Findings CheckColumns(const SourceFile& file);

// Neither the file nor a function in it is too long.
Findings CheckLength(const SourceFile& file);

// Each note of work to do has its kind, and none is due now.
Findings CheckTodos(const SourceFile& file);

// A core names no close code; only dialects do.
Findings CheckCloseCodes(const SourceFile& file);

// Only the files that may know the time of day do.
Findings CheckTimeOfDay(const SourceFile& file);

// The checks of one file alone: all of the above.
Findings CheckFile(const SourceFile& file);

// Each source of a core has its test.
Findings CheckMirrors(const std::vector<SourceFile>& files);

// The room of `file` has a budget. Tests need none.
Findings CheckHasBudget(const SourceFile& file,
                        const std::vector<Budget>& budgets);

// The files of `budget.folder`, without those of folders inside, keep its
// budget.
Findings CheckBudget(const std::vector<SourceFile>& files,
                     const Budget& budget);

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_CHECKS_H_
