/** What tests of pushing share: a registry in memory, archives to push. */
import { join } from "@std/path";
import { bytesEntry } from "../../src/archive/mod.ts";
import { copyLayer, openBase, writeImageArchive } from "../../src/image/mod.ts";
import { type AttachmentSource, pushImages, type PushOptions } from "../../src/registry/mod.ts";
import {
  digestOf,
  HASTY,
  type MadeImage,
  type Misbehave,
  type TestServer,
  withRegistry,
  type World,
} from "./_world.ts";

/** A registry that has nothing. */
export const NOTHING: MadeImage = { blobs: new Map(), index: "", manifests: {}, layers: {} };

/** A registry that takes what is pushed, in memory. */
export class Taker {
  /** Headers of answers to POST and PATCH. */
  readonly headers: Readonly<Record<string, string>>;
  readonly blobs = new Map<string, Uint8Array>();
  readonly manifests = new Map<string, Uint8Array>();
  readonly #uploads = new Map<string, Uint8Array>();
  readonly answers: string[] = [];

  constructor(headers: Readonly<Record<string, string>> = {}) {
    this.headers = headers;
  }

  async respond(request: Request, url: URL): Promise<Response> {
    const body = new Uint8Array(await request.arrayBuffer());
    const answer = this.#respond(request.method, url, body);
    this.answers.push(`${request.method} ${answer.status}`);
    return answer;
  }

  #respond(method: string, url: URL, body: Uint8Array): Response {
    const { pathname: path } = url;
    const [, repository = "", kind, which = ""] =
      /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs)\/([^/]*)$/.exec(path) ?? [];
    const status = (status: number, headers: Record<string, string> = {}) =>
      new Response(null, { status, headers });
    const upload = (id: string) =>
      status(202, { ...this.headers, location: `/v2/${repository}/blobs/uploads/${id}` });
    if (kind === "manifests" && method === "PUT") {
      this.manifests.set(`${repository}:${which}`, body);
      return status(201, { "docker-content-digest": digestOf(body) });
    }
    if (kind === "manifests") {
      const found = this.manifests.get(`${repository}:${which}`);
      return found === undefined
        ? status(404)
        : status(200, { "docker-content-digest": digestOf(found) });
    }
    if (kind === "blobs") return status(this.blobs.has(`${repository} ${which}`) ? 200 : 404);
    if (method === "POST") {
      const [mount, from] = [url.searchParams.get("mount"), url.searchParams.get("from")];
      const mounted = this.blobs.get(`${from} ${mount}`);
      if (mounted !== undefined) {
        this.blobs.set(`${repository} ${mount}`, mounted);
        return status(201);
      }
      const id = crypto.randomUUID();
      this.#uploads.set(id, new Uint8Array());
      return upload(id);
    }
    const before = this.#uploads.get(which);
    if (before === undefined) return status(404);
    const whole = new Uint8Array(before.length + body.length);
    whole.set(before);
    whole.set(body, before.length);
    this.#uploads.set(which, whole);
    if (method === "PATCH") return upload(which);
    const digest = url.searchParams.get("digest") ?? "";
    if (digestOf(whole) !== digest) {
      return Response.json({ errors: [{ code: "DIGEST_INVALID", message: "not what it says" }] }, {
        status: 400,
      });
    }
    this.blobs.set(`${repository} ${digest}`, whole);
    return status(201);
  }
}

/** Bytes that do not compress. */
export function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

/** Archives of small images for two architectures, on one shared layer. */
export async function writeArchives(
  world: World,
  names = ["a", "b"],
  content = () => randomBytes(100),
): Promise<string[]> {
  const paths: string[] = [];
  for (const name of names) {
    await using base = await openBase("scratch", { arch: "amd64" });
    const shared = bytesEntry("etc/shared", new TextEncoder().encode("shared"), { mtime: 1 });
    const own = bytesEntry(`bin/${name}`, content(), { mtime: 1 });
    const out = join(world.dir, `${name}.tar`);
    await writeImageArchive({
      out,
      base,
      arch: "amd64",
      created: 1,
      layers: [shared, own].map((entry) => ({
        entries: copyLayer(base.tree, [entry], { created: 1 }),
        createdBy: "COPY",
      })),
      repoTags: [`x.io/${name}-amd64:v1`],
    });
    paths.push(out);
  }
  return paths;
}

/** Pushes archives to a server, which takes them where `misbehave` does nothing else. */
export async function pushing(
  world: World,
  paths: readonly string[],
  misbehave: Misbehave,
  body: (
    push: (options?: PushOptions) => ReturnType<typeof pushImages>,
    taker: Taker,
    server: TestServer,
  ) => Promise<void>,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const taker = new Taker(headers);
  await withRegistry(NOTHING, async (server) => {
    const push = (options: PushOptions = {}) =>
      pushImages(world.context(), paths, {
        registry: `${server.host}/r`,
        retryPolicy: HASTY,
        ...options,
      });
    await body(push, taker, server);
  }, async (request, url) => await misbehave(request, url) ?? await taker.respond(request, url));
}

/** Documents of these types, which name the image. */
export function attachmentsOf(...types: string[]): AttachmentSource {
  return (_path, { name, digest }) =>
    types.map((artifactType) => (
      { artifactType, bytes: new TextEncoder().encode(`about ${name} ${digest}`) }
    ));
}
