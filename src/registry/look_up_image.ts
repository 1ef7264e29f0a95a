import {
  createClient,
  MIRRORS,
  parseMirrors,
  tryCandidates,
  WrongContentError,
} from "../net/mod.ts";
import { endpointsFor, parseReference } from "./reference.ts";
import { openSession } from "./session.ts";
import { lookUpTag } from "./tags.ts";
import type { RegistryContext } from "./types.ts";

/**
 * Asks whether an image is there, where a build would get it from. Nothing is fetched or remembered.
 *
 * @param reference "registry.k8s.io/pause:3.9".
 * @returns The host that has it, and the digest that it names.
 * @throws {KbuildError} No registry that the mirrors lead to has it.
 */
export async function lookUpImage(
  context: RegistryContext,
  reference: string,
): Promise<{ readonly host: string; readonly digest: string }> {
  const name = parseReference(reference);
  // Whoever asks waits for the answer.
  using client = await createClient(context, { attempts: 1, headersMs: 10_000 });
  const session = openSession(client, context);
  const endpoints = endpointsFor(parseMirrors(context.env[MIRRORS] ?? ""), name);
  return await tryCandidates(name.text, endpoints, async (endpoint) => {
    const { host } = new URL(endpoint.url);
    const found = await lookUpTag(session, endpoint, name.digest ?? name.tag!, "pull");
    if (found.state === "there") return { host, digest: found.digest };
    if (found.state === "unknown") throw found.why;
    throw new WrongContentError("It does not have this tag");
  }, client);
}
