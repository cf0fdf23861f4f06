// A recorded decision on a call, as it is evaluated again.

import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";

/** What the trail stamps on every entry. */
export const stamp = {
  v: 1,
  id: "01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c",
  time: "2026-11-23T09:30:00.000Z",
  instance: "inst_1",
} as const;

export const facts = {
  message_count: 1,
  input_tokens: 5,
  stream: false,
  tools: [],
  has_images: false,
  has_audio: false,
  has_files: false,
  labels: [],
  time: Date.parse(stamp.time),
};

/** Permitted by the policy `calls` of this revision. */
export function decidedCall(revision: string) {
  return {
    ...leafSamples["call.decided"],
    ...stamp,
    application: "assistant",
    target: "demo/assistant",
    user: null,
    facts,
    policies: { ids: ["calls"], more: 0 },
    revision,
  };
}
