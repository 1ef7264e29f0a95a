/** The registry's own words, on pulls and pushes. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KbuildError } from "../../../src/errors.ts";
import { pushing, writeArchives } from "../_push.ts";
import { fetchOne, inWorld, makeImage, type Misbehave, textOf, withRegistry } from "../_world.ts";

const image = await makeImage(["amd64"], 1000);

interface Refusal {
  readonly what: string;
  readonly status: number;
  readonly body: string;
  readonly type: string;
  readonly says: string;
}

const json = (code: string, message: string) => JSON.stringify({ errors: [{ code, message }] });

const REFUSALS: readonly Refusal[] = [
  {
    what: "too many pulls",
    status: 429,
    body: json(
      "TOOMANYREQUESTS",
      "You have reached your pull rate limit. Log in to raise the limit",
    ),
    type: "application/json",
    says: "429: TOOMANYREQUESTS: You have reached your pull rate limit. Log in to raise the limit",
  },
  {
    what: "a policy",
    status: 403,
    body: json("DENIED", "blocked by\r\n \u001b[31mpolicy 7"),
    type: "application/json",
    says: "403: DENIED: blocked by [31mpolicy 7",
  },
  {
    what: "a missing name",
    status: 404,
    body: json("MANIFEST_UNKNOWN", "manifest unknown"),
    type: "application/json",
    says: "404: MANIFEST_UNKNOWN: manifest unknown",
  },
  {
    what: "plain text",
    status: 403,
    body: "Your licence has ended\nsee the portal",
    type: "text/plain",
    says: "403: Your licence has ended",
  },
  {
    what: "a page",
    status: 403,
    body: "<html>Forbidden</html>",
    type: "text/html",
    says: "said 403",
  },
  {
    what: "a body without end",
    status: 403,
    body: "x".repeat(1 << 20),
    type: "text/plain",
    says: `403: ${"x".repeat(300)}`,
  },
];

for (const { what, status, body, type, says } of REFUSALS) {
  Deno.test(`the registry's own words are shown: ${what}`, () =>
    inWorld(async (world) => {
      const answer = () => new Response(body, { status, headers: { "content-type": type } });
      await withRegistry(image, async (server) => {
        const error = await assertRejects(() => fetchOne(world, server.host), KbuildError);
        assertStringIncludes(textOf(error), says);
        assertEquals(textOf(error).includes("x".repeat(301)), false);
      }, answer);
      const paths = await writeArchives(world, ["a"]);
      const misbehave: Misbehave = (request) => request.method === "POST" ? answer() : undefined;
      await pushing(world, paths, misbehave, async (push) => {
        assertStringIncludes(textOf(await assertRejects(() => push(), KbuildError)), says);
      });
    }));
}

Deno.test("the registry's own words are shown after a log-in, too", () =>
  inWorld(async (world) => {
    await withRegistry(image, async (server) => {
      const error = await assertRejects(() => fetchOne(world, server.host), KbuildError);
      assertStringIncludes(
        textOf(error),
        "it refuses the log-in that it asked for (401): UNAUTHORIZED: the account is closed",
      );
    }, (_, url) => {
      if (url.pathname === "/token") return Response.json({ token: "t" });
      const challenge = `Bearer realm="http://${url.host}/token"`;
      return new Response(json("UNAUTHORIZED", "the account is closed"), {
        status: 401,
        headers: { "www-authenticate": challenge },
      });
    });
  }));
