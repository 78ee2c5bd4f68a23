// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/session_writer.h"

namespace herald::gateway {

void SessionWriter::Send(ClientState* client, const ServerMessage& message) {
  SendFrame(client, Frame(EncodeFrames(*client->dialect, message)));
}

void SessionWriter::Send(ClientState* client,
                         const EncodedMessagePtr& message) {
  const FrameBytes& frames = message->For(*client->dialect);
  SendFrame(client, Frame(FrameBytes(message, frames.get())));
}

void SessionWriter::SendFrame(ClientState* client, const Frame& frame,
                              size_t written) {
  if (client->closing || frame.size() == 0) return;
  if (frame.whisper() != nullptr && written == 0 &&
      !TakesWhisper(client, frame)) {
    return;
  }
  if (client->socket()->Enqueue(frame, written)) {
    writes_.Add(&client->write_entry);
  } else {
    // Nothing more goes into a stream that has a hole.
    client->closing = true;
    overflowed_.push_back(client->number);
  }
  state_->RequestFlush();
}

void SessionWriter::SendAnswer(ClientState* client,
                               const Confirmed& confirmed) {
  bool recovers = confirmed.recovered != nullptr && !client->closing;
  MissedMessages::Part missed;
  if (recovers && confirmed.missed != nullptr) {
    missed = confirmed.missed->For(*client->dialect, confirmed.since,
                                   client->number);
    // A socket is not closed for having been away: if the missed messages do
    // not fit, the client is notified that they are lost.
    recovers =
        missed.size() == 0 ||
        client->socket()->HasRoomFor(
            confirmed.recovered->For(*client->dialect)->size() + missed.size());
  }
  if (confirmed.asked_to_recover && !client->closing) {
    state_->observer->OnRecovery(recovers);
  }
  Send(client, recovers ? confirmed.recovered : confirmed.subscribed);
  if (recovers && missed.size() > 0) {
    SendFrame(client, Frame(missed.frames, missed.from));
  }
  client->flow.OnAnswer(state_->options.rates, confirmed.answer_bytes(),
                        state_->now);
}

bool SessionWriter::TakesWhisper(ClientState* client, const Frame& frame) {
  if (client->socket()->HasRoomForWhisper(frame.size())) {
    client->flow.OnWhisperTaken();
    return true;
  }
  state_->observer->OnWhisperDropped(1);
  // Once for each whisper, however many clients drop it.
  WhisperOrigin& origin = *frame.whisper();
  if (client->flow.OnWhisperDropped(state_->now) &&
      !origin.is_reported.exchange(true)) {
    state_->router->ReportCongestion(origin);
  }
  return false;
}

}  // namespace herald::gateway
