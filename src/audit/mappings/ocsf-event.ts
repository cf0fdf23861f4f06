// Entries as events of the Open Cybersecurity Schema Framework, 1.6.0 (https://schema.ocsf.io/1.6.0): calls and approvals as API
// Activity, administration as Entity Management, the gateway's own life as Application Lifecycle. The entry stands in `unmapped`.

import type { Leaf } from "portcullis-verify/leaves/leaf-schema.ts";
import { actorName, type MappedEntry, subjectOf, wasRefused } from "./mapped-entry.ts";

interface Class {
  readonly category: number;
  readonly class: number;
  readonly activity: number;
  readonly attributes: object;
}

const other = 99;
/** What needs attention is for a rule of whoever reads them to say. */
const informational = 1;

export function ocsfEvent({ index, leaf, origin }: MappedEntry): object {
  const { category, class: classId, activity, attributes } = classOf(leaf);
  const refused = wasRefused(leaf);
  return {
    category_uid: category,
    class_uid: classId,
    activity_id: activity,
    ...(activity === other ? { activity_name: leaf.type } : {}),
    type_uid: classId * 100 + activity,
    time: Date.parse(leaf.time),
    severity_id: informational,
    ...(refused === null ? {} : { status_id: refused ? 2 : 1 }),
    ...statusOf(leaf),
    metadata: {
      version: "1.6.0",
      product: { name: "Portcullis", vendor_name: "Portcullis" },
      uid: leaf.id,
      event_code: leaf.type,
      original_time: leaf.time,
      sequence: index,
      log_name: origin,
      ...("call" in leaf && typeof leaf.call === "string" ? { correlation_uid: leaf.call } : {}),
    },
    ...attributes,
    unmapped: leaf,
  };
}

function statusOf(leaf: Leaf): object {
  if ("reasons" in leaf && leaf.reasons.length > 0) return { status_detail: leaf.reasons.join("; ") };
  if (leaf.type === "call.completed")
    return {
      status_code: String(leaf.status),
      ...(leaf.reason === null ? {} : { status_detail: leaf.reason }),
    };
  return leaf.type === "approval.vote_refused" ? { status_detail: leaf.refused } : {};
}

function classOf(leaf: Leaf): Class {
  const [kind = ""] = leaf.type.split(".");
  switch (kind) {
    case "key":
    case "secret":
    case "operator":
    case "policy":
    case "config":
      return entityManagement(leaf);
    case "log":
    case "payload":
      return applicationLifecycle(leaf);
    default:
      return apiActivity(leaf);
  }
}

function apiActivity(leaf: Leaf): Class {
  const subject = subjectOf(leaf);
  const operation = "endpoint" in leaf ? leaf.endpoint : leaf.type;
  const call = "call" in leaf && typeof leaf.call === "string" ? { request: { uid: leaf.call } } : {};
  const response = leaf.type === "call.completed" ? { response: { code: leaf.status } } : {};
  return {
    category: 6,
    class: 6003,
    activity: other,
    attributes: {
      actor: actorOf(leaf),
      api: { operation, service: { name: "portcullis" }, ...call, ...response },
      // The address is personal: an entry only commits to it.
      src_endpoint: { name: actorName(leaf) },
      ...(subject === null ? {} : { resources: [subject] }),
    },
  };
}

/** By the end of an entry's type. */
const entityActivities: Readonly<Record<string, number>> = {
  created: 1,
  set: 3,
  rotated: 3,
  revoked: 4,
  destroyed: 4,
  removed: 4,
  invited: 6,
  activated: 10,
};

function entityManagement(leaf: Leaf): Class {
  const subject = subjectOf(leaf) ?? { type: leaf.type, name: leaf.id };
  return {
    category: 3,
    class: 3004,
    activity: entityActivities[leaf.type.split(".")[1] ?? ""] ?? other,
    attributes: {
      actor: actorOf(leaf),
      entity: { name: subject.name, uid: subject.name, type: subject.type, type_id: other },
    },
  };
}

function applicationLifecycle(leaf: Leaf): Class {
  const activity =
    leaf.type === "log.opened" || leaf.type === "log.joined" ? 3 : leaf.type === "log.closed" ? 4 : other;
  const app = { name: "portcullis", vendor_name: "Portcullis", uid: leaf.instance };
  return { category: 6, class: 6002, activity, attributes: { app } };
}

function actorOf(leaf: Leaf): object {
  // On record is a pseudonym.
  if (leaf.actor.kind === "operator")
    return { user: { uid: leaf.actor.id, type: "Operator", type_id: other } };
  return { app_name: actorName(leaf) };
}
