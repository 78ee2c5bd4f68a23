// SPDX-License-Identifier: Apache-2.0
//
// A port for a server that a test stops and starts again.
//
// Port 0 does for all others. But a port that the system chose can be given to
// another test's socket while its server is down, and a redial to it may even
// connect to itself; so this one comes from below the range the system chooses
// from.

#ifndef HERALD_TESTS_SUPPORT_RESTARTABLE_PORT_H_
#define HERALD_TESTS_SUPPORT_RESTARTABLE_PORT_H_

namespace herald::testing_support {

// A port of 127.0.0.1 without a listener, another one each time. Fails the test
// if there is none.
int RestartablePort();

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_RESTARTABLE_PORT_H_
