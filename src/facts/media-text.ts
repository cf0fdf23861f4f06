// What can be read of an image, a sound or a file in a request: where it lies and what it is called, not what it shows.

import { isObject, member } from "./json-shape.ts";
import type { Texts } from "./texts.ts";

/** Members that hold a medium itself, in base64. */
const contents: ReadonlySet<string> = new Set(["data", "file_data"]);

/** Adds the text of what a part is about: the `image_url`, `input_audio` or `file` of it, or a message's `audio`. */
export function addMedium(texts: Texts, medium: unknown): void {
  if (!isObject(medium)) return addUnlessData(texts, medium);
  for (const key in medium) {
    const value = medium[key];
    if (typeof value === "string" && contents.has(key)) continue;
    texts.add(key);
    addUnlessData(texts, value);
  }
}

/** Adds the text of the images that an assistant has made, as it is sent back: parts of a message, or their addresses. */
export function addImages(texts: Texts, images: unknown): void {
  for (const image of Array.isArray(images) ? images : [images]) {
    if (!isObject(image)) addUnlessData(texts, image);
    else {
      addMedium(texts, member(image, "image_url"));
      for (const key in image) if (key !== "image_url") addUnlessData(texts, image[key]);
    }
  }
}

/** An image whose address is a `data:` URL (RFC 2397) is in the address. */
function addUnlessData(texts: Texts, value: unknown): void {
  if (typeof value !== "string" || !/^data:/i.test(value)) texts.addAll(value);
}
