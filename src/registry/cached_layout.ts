import { KbuildError } from "../errors.ts";
import type { ImageFiles, Platform } from "../image/mod.ts";
import type { BlobStore } from "./blob_store.ts";
import type { Descriptor } from "./manifest.ts";

/** The manifest of an image whose platform is known. */
export type ImageDescriptor = Descriptor & { readonly platform: Platform };

/**
 * Images in the cache as an OCI layout whose index has nothing else.
 *
 * @param digest What their name stands for.
 */
export function cachedLayout(
  store: BlobStore,
  { label, digest, images }: {
    label: string;
    digest: string;
    images: readonly ImageDescriptor[];
  },
): ImageFiles {
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: images.map(({ mediaType, digest, size, platform }) => (
      { mediaType, digest, size, platform }
    )),
  });
  const documents: Readonly<Record<string, string>> = {
    "index.json": index,
    "oci-layout": '{"imageLayoutVersion":"1.0.0"}',
  };
  const digestIn = (name: string) => {
    const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
    return hex === undefined ? undefined : `sha256:${hex}`;
  };
  return Object.freeze({
    label,
    digest,
    async has(name: string) {
      if (Object.hasOwn(documents, name)) return true;
      const blob = digestIn(name);
      return blob !== undefined && await store.has(blob);
    },
    async *read(name: string) {
      const document = documents[name];
      if (document !== undefined) {
        yield new TextEncoder().encode(document);
        return;
      }
      const blob = digestIn(name);
      if (blob === undefined || !await store.has(blob)) {
        throw new KbuildError(`Cannot use base image "${label}": "${name}" is not in the cache`, {
          notes: ["Run again: what is missing is fetched anew"],
        });
      }
      yield* store.read(blob);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}
