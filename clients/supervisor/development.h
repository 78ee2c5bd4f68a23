// SPDX-License-Identifier: Apache-2.0
//
// Herald on a developer's machine: its programs, their settings, and commands
// to try. The settings come from the environment and from .env, as those of the
// programs do.
//
// Threads: one thread.

#ifndef HERALD_CLIENTS_SUPERVISOR_DEVELOPMENT_H_
#define HERALD_CLIENTS_SUPERVISOR_DEVELOPMENT_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "clients/supervisor/supervisor.h"

namespace herald::supervisor {

struct DevelopmentOptions {
  std::string programs;  // The folder of herald-service and the others.
  std::string examples;  // The folder clients/examples; empty: no chat.
  std::string data;      // Where the chat keeps messages; empty: in memory.
  bool chat = true;      // False: herald-example-authorizer instead.
  bool authorizer =
      true;  // False: neither; BROADCAST_AUTHORIZER is the user's.
};

// An address that a program will listen on, and the variable that sets it.
struct ListenSetting {
  std::string variable;
  std::string address;
};

class Development {
 public:
  // Reads the settings. A value that cannot be used counts as not given here:
  // the program that it belongs to prints it and ends.
  explicit Development(DevelopmentOptions options);

  // OK, or INVALID_ARGUMENT if the programs together cannot work with a setting
  // that is valid for each: the message names it, and the remedy.
  absl::Status Check() const;

  // In the order of their start: the authorizer (the chat is one), the service,
  // the gateway.
  std::vector<Program> Programs() const;

  const std::vector<ListenSetting>& listeners() const { return listeners_; }

  // Longest time for one of the programs to stop.
  std::chrono::seconds stop_within() const { return stop_within_; }

  // The addresses, and commands to try.
  std::string Welcome(pid_t service) const;

 private:
  std::string Path(const std::string& program) const;
  bool HasChat() const;
  Program Authorizer() const;

  const DevelopmentOptions options_;
  std::vector<ListenSetting> listeners_;
  Environment environment_;      // Of all programs.
  std::string chat_;             // An address, as all of these.
  std::string authorizer_;       // Where it listens.
  std::string service_;          // To dial; may be a list.
  std::string default_service_;  // Which `herald` dials without a flag.
  std::string service_probes_;
  std::string gateway_probes_;
  bool gateway_answers_http_ = true;
  std::string websocket_url_;  // Or unix:path, which has none.
  std::string token_;
  std::chrono::seconds stop_within_{0};
};

}  // namespace herald::supervisor

#endif  // HERALD_CLIENTS_SUPERVISOR_DEVELOPMENT_H_
