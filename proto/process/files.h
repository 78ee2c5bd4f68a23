// SPDX-License-Identifier: Apache-2.0
//
// The standard files of the process, how many files it may have, and how many
// of them it keeps for itself: connections to other processes, the log, files
// that are read again.

#ifndef HERALD_PROTO_PROCESS_FILES_H_
#define HERALD_PROTO_PROCESS_FILES_H_

#include <cstdint>

namespace herald::process {

// Gives standard files that are closed a file that fails, as a closed one does:
// else a socket of ours gets the number, and the log is written into it.
//
// Called first in main(), before anything is opened.
void FillStandardFiles();

// Raises the soft limit to the hard one. Called early in main().
void RaiseFileLimit();

// The soft limit (RLIMIT_NOFILE).
int64_t FilesMax();

// From which descriptor on none is given to a peer: 64 below the limit, or a
// quarter below where that is less. The system hands out the lowest free one.
int PeerDescriptorsMax();

// Whether an error of accept(2) is a want of files or memory, which passes.
// Other errors concern one connection only, which has failed before.
bool IsShortage(int error);

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_FILES_H_
