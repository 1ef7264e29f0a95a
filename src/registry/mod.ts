/**
 * Registries of images over HTTP: fetching into a cache that all checkouts share, and pushing.
 *
 * @module
 */
export { type ArchivedName, archivedNames } from "./archived_image.ts";
export type { Attachment } from "./attach.ts";
export { fetchImages, type FetchImagesOptions, ImageError } from "./fetch_images.ts";
export { DIGESTS, type LockedDigests, parseDigests } from "./locked_digests.ts";
export { lookUpImage } from "./look_up_image.ts";
export { pushArchives, pushImages, pushLists, type PushOptions } from "./push_images.ts";
export { type PlannedName, planPush, type TargetOptions } from "./push_names.ts";
export type { AttachmentSource } from "./prepare_push.ts";
export type { PushResult } from "./pusher.ts";
export { planFetch, type PlannedFetch, type PlannedUrl } from "./plan_fetch.ts";
export { type Endpoint, endpointsFor, parseReference, type Reference, urlOf } from "./reference.ts";
export { registryOpener } from "./results.ts";
export type { FetchedImage, RegistryContext, WantedImage } from "./types.ts";
