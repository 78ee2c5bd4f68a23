// SPDX-License-Identifier: Apache-2.0
//
// For a <script> tag: puts `Herald` on the page, with the error classes on it, as
// `error instanceof Herald.SubscriptionError`.

import {
  AuthorizeError,
  HandlerError,
  HeraldError,
  LostError,
  ProtocolError,
  SubscriptionError,
  WhisperError,
} from "./errors.js";
import { Herald } from "./herald.js";

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
