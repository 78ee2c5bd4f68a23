// SPDX-License-Identifier: Apache-2.0
//
// For a <script> tag: puts `Herald` on the page, with the error classes on it, as
// `error instanceof Herald.SubscriptionError`.

import * as errors from "./errors.js";
import { Herald } from "./herald.js";

const {
  AuthorizeError,
  HandlerError,
  HeraldError,
  LostError,
  ProtocolError,
  SubscriptionError,
  WhisperError,
} = errors;

Object.assign(globalThis, {
  Herald: Object.assign(Herald, {
    AuthorizeError,
    HandlerError,
    HeraldError,
    LostError,
    ProtocolError,
    SubscriptionError,
    WhisperError,
  }),
});
