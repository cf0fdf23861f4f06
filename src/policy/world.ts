// What policies can speak of besides facts: the applications, groups, tools and sign-offs that the config names.

export interface PolicyWorld {
  readonly applications: readonly PolicyApplication[];
  /** Names of all groups. */
  readonly groups: readonly string[];
  /** The catalog's tools, by name. */
  readonly tools: readonly string[];
  /** Declared sign-offs in config order; `default` is always one of them. */
  readonly signOffs: readonly string[];
}

export interface PolicyApplication {
  readonly name: string;
  readonly groups: readonly string[];
  readonly environment: string;
  readonly owner: string;
}

export const uncataloguedTool = "uncatalogued_tool";
