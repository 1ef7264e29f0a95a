/** Documents that are attached to pushed images. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import { attachmentsOf, pushing, type Taker, writeArchives } from "./_push.ts";
import { digestOf, inWorld } from "./_world.ts";

const decoder = new TextDecoder();
const encode = (text: string) => new TextEncoder().encode(text);
const TYPE = "application/spdx+json";
const FOREIGN = {
  ...{ mediaType: "application/vnd.oci.image.manifest.v1+json", size: 2, artifactType: "a/b" },
  ...{ digest: digestOf(encode("{}")), annotations: { by: "another" } },
};

/** A registry without the interface for referrers also answers GET of a manifest. */
function served(taker: () => Taker | undefined, referrers: number) {
  return ({ method }: Request, url: URL): Response | undefined => {
    if (url.pathname.includes("/referrers/")) return new Response("{}", { status: referrers });
    const [, repository, which] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url.pathname) ?? [];
    if (method !== "GET" || which === undefined) return undefined;
    const found = taker()?.manifests.values().find((bytes) => digestOf(bytes) === which) ??
      taker()?.manifests.get(`${repository}:${which}`);
    return found === undefined
      ? undefined
      : new Response(found.slice(), { headers: { "docker-content-digest": digestOf(found) } });
  };
}

Deno.test("pushImages() attaches documents, with the fallback tag where there are no referrers", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["a"]);
    let now: Taker | undefined;
    await pushing(world, paths, served(() => now, 404), async (push, taker) => {
      now = taker;
      const attachments = attachmentsOf(TYPE);
      const [image] = await push({ attachments });
      assertEquals(image?.attached, 1);
      const tag = image!.digest.replace(":", "-");
      for (const repository of ["r/a-amd64", "r/a"]) {
        const index = JSON.parse(decoder.decode(taker.manifests.get(`${repository}:${tag}`)));
        assertEquals(index.manifests.length, 1);
        const { digest, artifactType } = index.manifests[0];
        assertEquals(artifactType, TYPE);
        const manifest = JSON.parse(
          decoder.decode(taker.manifests.get(`${repository}:${digest}`)),
        );
        assertEquals([manifest.artifactType, manifest.subject.digest], [TYPE, image!.digest]);
        const document = taker.blobs.get(`${repository} ${manifest.layers[0].digest}`);
        assertEquals(decoder.decode(document), `about ${image!.name} ${image!.digest}`);
        assert(taker.blobs.has(`${repository} ${manifest.config.digest}`));
      }
      // Again: nothing is added, and what others have attached stays.
      const key = `r/a-amd64:${tag}`;
      const index = JSON.parse(decoder.decode(taker.manifests.get(key)));
      index.manifests.unshift(FOREIGN);
      taker.manifests.set(key, encode(JSON.stringify(index)));
      taker.answers.length = 0;
      await push({ attachments });
      assertEquals(taker.answers.filter((answer) => /^(PUT|POST|PATCH)/.test(answer)), []);
      await push({ attachments: attachmentsOf(TYPE, "application/vnd.cyclonedx+json") });
      const more = JSON.parse(decoder.decode(taker.manifests.get(key)));
      assertEquals(more.manifests.length, 3);
      assertEquals(more.manifests[0], FOREIGN);
    });
  }));

Deno.test("pushImages() leaves the list to a registry that has referrers", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["a"]);
    await pushing(world, paths, served(() => undefined, 200), async (push, taker) => {
      const [image] = await push({ attachments: attachmentsOf(TYPE), lists: false });
      const tags = [...taker.manifests.keys()].filter((name) => name.includes(":sha256-"));
      assertEquals(tags, []);
      const about = [...taker.manifests.values()].map((bytes) => JSON.parse(decoder.decode(bytes)))
        .filter(({ subject }) => subject?.digest === image!.digest);
      assertEquals(about.map(({ artifactType }) => artifactType), [TYPE]);
    });
  }));

/** Asks of a registry whether it lists referrers. */
const asked = (requests: readonly string[]) =>
  requests.filter((request) => request.includes("/referrers/")).length;

Deno.test("pushImages() asks a registry once whether it lists referrers, and not if it has said so", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["a"]);
    const attachments = attachmentsOf(TYPE, "application/vnd.cyclonedx+json", "a/b");
    const lists = served(() => undefined, 200);
    await pushing(world, paths, lists, async (push, _taker, { requests }) => {
      await push({ attachments });
      assertEquals(asked(requests), 1);
    });
    let now: Taker | undefined;
    const says = async (request: Request, url: URL) => {
      if (url.pathname.includes("/referrers/")) return new Response("{}", { status: 500 });
      if (request.method !== "PUT" || !url.pathname.includes("/manifests/")) return undefined;
      const answer = await now!.respond(request, url);
      answer.headers.set("oci-subject", "sha256:0");
      return answer;
    };
    await pushing(world, paths, says, async (push, taker, { requests }) => {
      now = taker;
      await push({ attachments });
      assertEquals(asked(requests), 0);
    });
  }));

Deno.test("pushImages() takes no refusal for a registry without referrers", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["a"]);
    for (const status of [400, 403, 500]) {
      await pushing(world, paths, served(() => undefined, status), async (push, taker) => {
        const error = await assertRejects(
          () => push({ attachments: attachmentsOf(TYPE) }),
          KbuildError,
        );
        assertStringIncludes(error.message, `${status}`);
        assertEquals([...taker.manifests.keys()].filter((name) => name.includes(":sha256-")), []);
      });
    }
  }));
