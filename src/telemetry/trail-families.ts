// What putting things on record costs.

import { counterFamily, histogramFamily } from "./metric.ts";

const appendBounds = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4];
const groupBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

export type TrailFamilies = ReturnType<typeof trailFamilies>;

export function trailFamilies() {
  return {
    append: histogramFamily(
      "portcullis_trail_append_seconds",
      "From handing entries to the trail to their being durable.",
      appendBounds,
    ),
    group: histogramFamily(
      "portcullis_trail_group_entries",
      "Entries that became durable together.",
      groupBounds,
    ),
    failures: counterFamily("portcullis_trail_append_failures_total", "Appends that the trail did not take."),
  };
}
