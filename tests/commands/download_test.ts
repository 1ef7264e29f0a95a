/** `kbuild download` as a user starts it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  ended,
  inScratch,
  kbuild,
  kbuildArgv,
  kbuildOk,
  makeSample,
  run,
  start,
  unless,
  which,
} from "../e2e/_program.ts";
import { noMount, withTmpfs } from "../e2e/_tmpfs.ts";
import { contentOf, digestOf, filesIn, usualFiles, withSite } from "../download/_site.ts";

const needs = unless(which("git") === undefined && "needs git", "");

const KUBECTL = "bin/linux/amd64/kubectl";
const CLIENT = "kubernetes-client-linux-amd64.tar.gz";
const PATH = `/release/v1.30.2/${KUBECTL}`;

Deno.test("download takes a version, keeps its digests, and says what it did", () =>
  inScratch(async (dir) => {
    await withSite(usualFiles(), async ({ url, env, requests }) => {
      const words = ["download", "stable", "--what", "client,bin/kubectl"];
      const platform = ["--platform", "linux/amd64"];
      const first = await kbuild([...words, ...platform, "--lock"], { cwd: dir, env });
      assertEquals([first.code, first.code === 0 ? "" : first.stderr], [0, ""]);
      const kubectl = digestOf("sha512", contentOf("v1.30.2", KUBECTL));
      assertEquals(filesIn(dir), [
        ...["kbuild.lock", "kubernetes-v1.30.2/kubectl"],
        "kubernetes-v1.30.2/release-tars/kubernetes-client-linux-amd64.tar.gz",
      ]);
      const row = first.stdout.split("\n").find((line) => line.includes("/kubectl "));
      assertEquals(row?.split(/ {2,}/), [
        ...["kubernetes-v1.30.2/kubectl", "50 kB", `sha512:${kubectl.slice(0, 12)}…`, "origin"],
      ]);
      const lock = await Deno.readTextFile(join(dir, "kbuild.lock"));
      assertStringIncludes(lock, `\nsha512:${kubectl} ${url}${PATH}\n`);

      requests.length = 0;
      const again = await kbuildOk([
        "download",
        "v1.30.2",
        ...words.slice(2),
        ...platform,
        "--json",
      ], {
        cwd: dir,
        env,
      });
      const { version, marker, files } = JSON.parse(again);
      assertEquals([version, marker, requests], ["v1.30.2", null, []]);
      assertEquals(
        files.map((
          { path, reused, digestFrom }: Record<string, unknown>,
        ) => [path, reused, digestFrom]),
        [
          "release-tars/kubernetes-client-linux-amd64.tar.gz",
          "kubectl",
        ].map((path) => [join(dir, "kubernetes-v1.30.2", path), true, "lock"]),
      );
    });
  }));

Deno.test("download --print-urls asks for nothing, --dry-run prints what does the same", () =>
  inScratch(async (dir) => {
    await withSite(usualFiles(), async ({ url, env, requests }) => {
      const words = ["download", "v1.30.2", "--what", "bin/kubectl", "--platform", "linux/amd64"];
      const mirrored = {
        ...env,
        KBUILD_MIRRORS: `${url.slice("http://".length)}=mirror.example/k8s`,
      };
      const urls = await kbuildOk([...words, "--print-urls"], { cwd: dir, env: mirrored });
      assertEquals([urls, requests], [`https://mirror.example/k8s${PATH}\n`, []]);
      const to = join(dir, "a b $(x)");
      const script = await kbuildOk([...words, "--dry-run", "--to", to], { cwd: dir, env });
      assertEquals(filesIn(dir), []);
      if (which("curl") === undefined || which("sha512sum") === undefined) return;
      const { code, stderr } = await run(["sh", "-ec", script], { cwd: dir });
      assertEquals([code, code === 0 ? "" : stderr], [0, ""]);
      assertEquals(
        digestOf("sha512", await Deno.readFile(join(to, "kubectl"))),
        digestOf("sha512", contentOf("v1.30.2", KUBECTL)),
      );
    });
  }));

Deno.test({
  ...needs,
  name: `download keeps a checkout clean that it is started in${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kube $(x)"));
      await withSite(usualFiles(), async ({ env }) => {
        const words = ["download", "v1.30.2", "--what", "client", "--platform", "linux/amd64"];
        const version = await kbuildOk(["version", "--json"], { cwd: root });
        const place = "release-downloads/kubernetes-v1.30.2";
        const inCheckout = await kbuildOk(words, { cwd: join(root, "cmd"), env });
        assertStringIncludes(inCheckout, `${root}/_output/${place}/release-tars/`);
        assertEquals(filesIn(join(root, "_output")), [`${place}/release-tars/${CLIENT}`]);
        assertEquals(await kbuildOk(["version", "--json"], { cwd: root }), version);
        // Where git ignores it, the current directory is as good as any.
        await Deno.mkdir(join(root, "_output/mine"));
        await kbuildOk(words, { cwd: join(root, "_output/mine"), env });
        const mine = `mine/kubernetes-v1.30.2/release-tars/${CLIENT}`;
        assertEquals(filesIn(join(root, "_output")), [mine, `${place}/release-tars/${CLIENT}`]);
        await kbuildOk(["clean"], { cwd: root });
        assertEquals(filesIn(join(root, "_output")), [mine]);
      });
    }),
});

Deno.test("download downloads nothing if KUBERNETES_SKIP_DOWNLOAD is set, as get-kube.sh does", () =>
  inScratch(async (dir) => {
    await withSite(usualFiles(), async ({ env: site, requests }) => {
      const env = { ...site, KUBERNETES_SKIP_DOWNLOAD: "y" };
      const words = ["download", "stable", "--what", "client"];
      const { code, stdout, stderr } = await kbuild(words, { cwd: dir, env });
      assertEquals([code, stdout, requests, filesIn(dir)], [0, "", [], []]);
      assertStringIncludes(stderr, "Nothing is downloaded: KUBERNETES_SKIP_DOWNLOAD is set");
      const json = await kbuildOk([...words, "--json"], { cwd: dir, env });
      assertEquals(JSON.parse(json).files, []);
      const plan = await kbuildOk([...words, "--dry-run", "--json"], { cwd: dir, env });
      assertEquals(JSON.parse(plan).downloads, []);
    });
  }));

Deno.test("a killed download leaves nothing under a final name, and is resumed", () =>
  inScratch(async (dir) => {
    const bytes = contentOf("v1.30.2", KUBECTL, 3_000_000);
    const files = usualFiles();
    files.set(PATH, bytes);
    files.set("/release/v1.30.2/SHA512SUMS", `${digestOf("sha512", bytes)}  ${KUBECTL}`);
    const isHalf = Promise.withResolvers<void>();
    let isSlow = true;
    const half = (): Response => {
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(bytes.subarray(0, 1_500_000)),
        pull: () => {
          isHalf.resolve();
          return new Promise(() => {});
        },
      }, { highWaterMark: 0 });
      return new Response(body, { headers: { "content-length": `${bytes.length}` } });
    };
    await withSite(
      files,
      async ({ env, requests }) => {
        const words = ["download", "v1.30.2", "--what", "bin/kubectl", "--platform", "linux/amd64"];
        for (const signal of ["SIGKILL", "SIGINT"] as const) {
          const child = start(kbuildArgv(...words, "--to", signal), { cwd: dir, env });
          const end = ended(child);
          await isHalf.promise;
          const part = () => filesIn(dir).find((path) => path.startsWith(signal));
          while (part() === undefined || Deno.statSync(join(dir, part()!)).size < 1_000_000) {
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          child.kill(signal);
          const { code } = await end;
          assert(code !== 0);
          assertEquals(part()!.includes(".kbuild-part-"), true);
          isSlow = false;
          const resumed = await kbuild([...words, "--to", signal], { cwd: dir, env });
          assertEquals([resumed.code, resumed.code === 0 ? "" : resumed.stderr], [0, ""]);
          assertEquals(filesIn(join(dir, signal)), ["kubectl"]);
          assertEquals(await Deno.readFile(join(dir, signal, "kubectl")), bytes);
          assert(/\+1\d{6}$/.test(requests.at(-1)!), requests.at(-1));
          isSlow = true;
        }
      },
      (path, request) =>
        isSlow && path === PATH && !request.headers.has("range") ? half() : undefined,
    );
  }));

Deno.test("two downloads into one directory fetch a file once", () =>
  inScratch(async (dir) => {
    await withSite(usualFiles(), async ({ env, requests }) => {
      const words = ["download", "v1.30.2", "--what", "bin/kubectl", "--platform", "linux/amd64"];
      const both = await Promise.all([1, 2].map(() => kbuild(words, { cwd: dir, env })));
      assertEquals(both.map(({ code }) => code), [0, 0], both.map(({ stderr }) => stderr).join());
      assertEquals(requests.filter((request) => request === `GET ${PATH}`).length, 1);
      assertEquals(filesIn(dir), ["kubernetes-v1.30.2/kubectl"]);
    }, async (path, request) => {
      if (path !== PATH || request.method !== "GET") return undefined;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return undefined;
    });
  }));

Deno.test({
  ...unless(noMount, "a full disk: an error that says so, and the rest is fetched later"),
  fn: () =>
    inScratch(async (dir) => {
      const bytes = contentOf("v1.30.2", KUBECTL, 400_000);
      const files = usualFiles();
      files.set(PATH, bytes);
      files.set("/release/v1.30.2/SHA512SUMS", `${digestOf("sha512", bytes)}  ${KUBECTL}`);
      const disk = join(dir, "disk");
      await withTmpfs("200k", disk, () =>
        withSite(files, async ({ env }) => {
          const words = [
            "download",
            "v1.30.2",
            "--what",
            "bin/kubectl",
            "--platform",
            "linux/amd64",
          ];
          const full = await kbuild([...words, "--to", disk], { cwd: dir, env });
          assertEquals(full.code, 1);
          assertStringIncludes(full.stderr, `Cannot write "kubectl" in "${disk}": no space left`);
          assertStringIncludes(full.stderr, "what has come is kept");
          assert(filesIn(disk).every((path) => path.startsWith(".kbuild-part-")));
          await run(["mount", "-o", "remount,size=2m", disk]);
          const { code } = await kbuild([...words, "--to", disk], { cwd: dir, env });
          assertEquals([code, filesIn(disk)], [0, ["kubectl"]]);
        }));
    }),
});

Deno.test("download refuses what it does not understand before it asks anybody", () =>
  inScratch(async (dir) => {
    await withSite(usualFiles(), async ({ env, requests }) => {
      for (
        const [words, said] of [
          [["stable", "--what", "clients"], 'Did you mean "client"?'],
          [["stable", "--lock-file", "nowhere.lock"], "does not exist"],
        ] as const
      ) {
        const { code, stderr } = await kbuild(["download", ...words], { cwd: dir, env });
        assert(code !== 0, words.join(" "));
        assertStringIncludes(stderr, said);
      }
      assertEquals([requests, filesIn(dir)], [[], []]);
    });
  }));
