/** Pushing to registries that limit or refuse ways of sending a blob. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { KbuildError } from "../../../src/errors.ts";
import { pushing, randomBytes, writeArchives } from "../_push.ts";
import { digestOf, inWorld, type Misbehave, textOf, type World } from "../_world.ts";

const MIB = 1 << 20;

/** What a server sees of an upload. */
interface Upload {
  readonly method: string;
  readonly length: number;
  readonly ranged: boolean;
  /** Whether the same upload has had a PATCH before. */
  readonly again: boolean;
}

interface Server {
  readonly what: string;
  /** A refusal; undefined: it is taken. */
  refuse(upload: Upload): number | undefined;
  /** Headers that a taken PATCH is answered with. */
  readonly headers?: Record<string, string>;
  /** Uploads of the large layer that are taken, in their order. */
  readonly taken: readonly string[];
}

const tooLarge = (most: number) => ({ length }: Upload) => length > most ? 413 : undefined;

const SERVERS: readonly Server[] = [
  { what: "takes everything", refuse: () => undefined, taken: ["PUT 9"] },
  {
    what: "takes no ranges",
    refuse: ({ ranged }) => ranged ? 405 : undefined,
    taken: ["PUT 9"],
  },
  {
    what: "takes parts of 4 MiB at most, and any whole",
    refuse: ({ ranged, length }) => ranged && length > 4 * MIB ? 416 : undefined,
    taken: ["PUT 9"],
  },
  {
    what: "takes one PATCH only",
    refuse: ({ method, length, again }) =>
      method === "PUT" ? length > 0 ? 405 : undefined : again ? 416 : undefined,
    taken: ["PATCH 9", "PUT 0"],
  },
  {
    what: "takes no PATCH",
    refuse: ({ method }) => method === "PATCH" ? 405 : undefined,
    taken: ["PUT 9"],
  },
  ...[5, 4, 1].map((most): Server => ({
    what: `takes ${most} MiB at a time (413)`,
    refuse: tooLarge(most * MIB),
    taken: [
      ...Array.from({ length: 9 / Math.min(most, 4) | 0 }, () => `PATCH* ${Math.min(most, 4)}`),
      ...(most === 1 ? [] : ["PATCH* 1"]),
      "PUT 0",
    ],
  })),
  {
    what: "takes 4 MiB at a time, and says 416",
    refuse: ({ method, length }) => length > 4 * MIB ? method === "PUT" ? 413 : 416 : undefined,
    taken: ["PATCH* 4", "PATCH* 4", "PATCH* 1", "PUT 0"],
  },
  {
    what: "takes 4 MiB at a time, and answers with an old Range",
    refuse: tooLarge(4 * MIB),
    headers: { range: "0-0" },
    taken: ["PATCH* 4", "PATCH* 4", "PATCH* 1", "PUT 0"],
  },
  {
    what: "wants parts of at least 3 MiB, and takes 4",
    refuse: tooLarge(4 * MIB),
    headers: { "oci-chunk-min-length": String(3 * MIB) },
    taken: ["PATCH* 4", "PATCH* 4", "PATCH* 1", "PUT 0"],
  },
];

/** Pushes an image with a layer of 9 MiB; the uploads of it that were taken. */
async function uploads(world: World, server: Server, early: boolean): Promise<string[]> {
  const paths = await writeArchives(world, ["big"], () => randomBytes(9 * MIB - 4000));
  const taken: string[] = [];
  const seen = new Set<string>();
  const misbehave: Misbehave = async (request, url) => {
    const { method } = request;
    if (method !== "PUT" && method !== "PATCH") return undefined;
    if (!url.pathname.includes("/uploads/")) return undefined;
    assert(request.headers.has("content-length"), `${method} without a length`);
    const length = Number(request.headers.get("content-length"));
    const ranged = request.headers.has("content-range");
    const status = server.refuse({ method, length, ranged, again: seen.has(url.pathname) });
    if (method === "PATCH") seen.add(url.pathname);
    if (status !== undefined) {
      if (!early) await request.arrayBuffer();
      return Response.json({ errors: [{ code: "UNSUPPORTED", message: "not so" }] }, { status });
    }
    const mebibytes = Math.round(length / MIB);
    taken.push(`${method}${ranged ? "*" : ""} ${mebibytes}`);
    return undefined;
  };
  await pushing(world, paths, misbehave, async (push, taker) => {
    const [pushed] = await push({ lists: false });
    const manifest = taker.manifests.get("r/big-amd64:v1")!;
    assertEquals(digestOf(manifest), pushed!.digest);
    const { layers, config } = JSON.parse(new TextDecoder().decode(manifest));
    for (const { digest, size } of [...layers, config]) {
      const bytes = taker.blobs.get(`r/big-amd64 ${digest}`)!;
      assertEquals([digestOf(bytes), bytes.length], [digest, size]);
    }
    assertEquals(
      pushed!.sent,
      [...taker.blobs.values()].reduce((sum, { length }) => sum + length, 0),
    );
  }, server.headers);
  // The small blobs are a kibibyte or less; each is one PUT, or a PATCH and an empty PUT.
  const from = taken.findIndex((upload) => !/ 0$/.test(upload));
  const last = taken.findLastIndex((upload) => !/ 0$/.test(upload));
  const end = taken[last]!.startsWith("PUT") ? last : last + 1;
  return taken.slice(from, end + 1);
}

for (const server of SERVERS) {
  const isEarly = /413\)|one PATCH/.test(server.what);
  for (const early of isEarly ? [false, true] : [false]) {
    const when = early ? ", and answers before the body has come" : "";
    Deno.test(`pushImages() to a registry that ${server.what}${when}`, () =>
      inWorld(async (world) => {
        assertEquals(await uploads(world, server, early), server.taken);
      }));
  }
}

Deno.test("pushImages() says what helps where even the smallest part is too large", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["big"], () => randomBytes(3 * MIB));
    const misbehave: Misbehave = (request, url) =>
      Number(request.headers.get("content-length")) > 100_000 && url.pathname.includes("uploads")
        ? new Response("<html>413 Request Entity Too Large</html>", { status: 413 })
        : undefined;
    await pushing(world, paths, misbehave, async (push, taker) => {
      const text = textOf(await assertRejects(() => push(), KbuildError));
      assertMatch(text, /the server said 413/);
      assertStringIncludes(text, "its limit has to be raised (nginx: client_max_body_size)");
      assertEquals(text.includes("run the same command"), false);
      assertEquals([...taker.manifests.keys()], []);
    });
  }));
