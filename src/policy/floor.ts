// The floor: built-in policies that are always present. Teams can only add to them.

export const floorFile = "portcullis/floor";

/** Ids that begin with this are ours. */
export const reservedPrefix = "portcullis/";

export const floorPolicies = `@id("portcullis/floor")
@reason("a tool that may change state needs a sign-off")
@approval("default")
forbid (principal, action in Portcullis::Action::"call_tool", resource)
when { context.effect != "read" && !context.unattended }
unless { context.signed_off };
`;
