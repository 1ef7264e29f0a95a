import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { planSingleFile } from "../../src/download/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { contextOf, digestOf, HASTY, withSite } from "./_site.ts";

Deno.test("planSingleFile() takes the digest that is published beside a file", () =>
  withSite(
    new Map([
      ["/v1/a.tgz.sha512", `${digestOf("sha512", "a")}  a.tgz\n`],
      ["/v1/b.tgz.sha256", digestOf("sha256", "b")],
      ["/v1/c.tgz.sha1", digestOf("sha1", "c")],
    ]),
    async ({ url }) => {
      const plan = (name: string, env: Record<string, string> = {}) =>
        planSingleFile(contextOf(env).context, {
          ...{ url: `${url}/v1/${name}.tgz`, path: `/nowhere/${name}`, retryPolicy: HASTY },
        });
      const [a, b] = [await plan("a"), await plan("b")];
      assertEquals([a.digest.algorithm, a.digest.hex], ["sha512", digestOf("sha512", "a")]);
      assertEquals([b.digest.algorithm, b.digest.digestFrom], ["sha256", "origin"]);
      const fails = async (name: string, env: Record<string, string>, said: string) => {
        const { message } = await assertRejects(() => plan(name, env), KbuildError);
        assertStringIncludes(message, said);
      };
      await fails("c", {}, "no digest of it is published");
      await fails("a", { KBUILD_OFFLINE: "y" }, "without a network");
      // A mirror, and no way to the origin: the mirror's own digest does not count.
      const [dead, alive] = ["http://127.0.0.1:1", url];
      const mirrored = { KBUILD_MIRRORS: `127.0.0.1:1=${alive}` };
      await assertRejects(
        () => planSingleFile(contextOf(mirrored).context, { url: `${dead}/v1/a.tgz`, path: "/x" }),
        KbuildError,
        "Cannot verify what mirrors serve",
      );
    },
  ));
