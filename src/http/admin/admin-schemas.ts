// The registry of the admin API's schemas: what has an `id` here is a component of the OpenAPI document.

import { z } from "zod";

export const adminSchemas = z.registry<{ readonly id?: string; readonly description?: string }>();

/** For routes that take no query: then an unknown parameter is refused instead of ignored. */
export const noQuery = z.strictObject({});

/** RFC 3339 in UTC with milliseconds. */
export const timestamp = z.iso.datetime({ precision: 3 });
