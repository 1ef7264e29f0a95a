/** A release in an environment that is in the way wherever it can be: the same bytes as in a clean one. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { hostileGit } from "../git/_hostile.ts";
import {
  digestsOf,
  discard,
  inScratch,
  kbuildArgv,
  kbuildOk,
  listing,
  missingFor,
  output,
  run,
  unless,
  which,
} from "./_program.ts";

/** Somebody who owns nothing of the machine. */
const NOBODY = "65534";

/** What go must not take over; two of them would also write, or fetch, elsewhere. */
function goEnvFile(bin: string, proxy: string): string {
  return [
    `GOBIN=${bin}`,
    "GO111MODULE=auto",
    "GOAMD64=v3",
    "GOARCH=arm64",
    "GOEXPERIMENT=nodwarf5",
    "GOFLAGS=-mod=mod",
    "GOOS=windows",
    "GOPATH=/nonexistent",
    `GOPROXY=${proxy}`,
    "GOTOOLCHAIN=go1.99.0",
    "GOWORK=/nonexistent/go.work",
    "CGO_ENABLED=0",
  ].map((line) => `${line}\n`).join("");
}

/** As an ordinary user where root runs the tests, with umask 0077. */
function ordinary(argv: readonly string[]): string[] {
  const umasked = ["sh", "-c", 'umask 0077; exec "$@"', "sh", ...argv];
  if (Deno.uid() !== 0) return umasked;
  return ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", ...umasked];
}

/** Why an ordinary user cannot start what is tested; undefined where one can. */
async function cannotStart(): Promise<string | undefined> {
  if (Deno.uid() === 0 && which("setpriv") === undefined) return "needs setpriv, as root runs it";
  const program = ordinary(["sh", "-c", 'test -r "$1" && test -x "$2"', "sh"]);
  const [deno = ""] = kbuildArgv();
  const main = kbuildArgv().findLast((word) => word.startsWith("/")) ?? deno;
  const { code } = await run([...program, main, deno]);
  return code === 0 ? undefined : "an ordinary user cannot read the clone";
}

const unable = await cannotStart();

for (const era of ["1.20", "1.35"] as const) {
  Deno.test({
    ...unless(
      missingFor(era) ?? unable,
      `a release of ${era} has the same bytes in a hostile environment`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        await Deno.chmod(dir, 0o755);
        const root = join(dir, "kubernetes");
        const demo = ["demo", "--era", era, "--dir", root, "--json"];
        const wanted = digestsOf(await kbuildOk(demo));
        discard(root);

        // A proxy that answers everything with something else.
        await using server = Deno.serve(
          { hostname: "127.0.0.1", port: 0, onListen: () => {} },
          () => new Response("<html>Log in first</html>", { status: 200 }),
        );
        const proxy = `http://127.0.0.1:${server.addr.port}`;

        const home = join(dir, "home");
        const bin = join(dir, "their-bin");
        const git = await hostileGit(join(dir, "git"));
        await Deno.mkdir(bin);
        await Deno.writeTextFile(join(bin, "kubectl"), "theirs\n");
        for (const path of [".config/go", "Library/Application Support/go"]) {
          await Deno.mkdir(join(home, path), { recursive: true });
          await Deno.writeTextFile(join(home, path, "env"), goEnvFile(bin, proxy));
        }
        const work = join(dir, "work");
        await Deno.mkdir(work);
        if (Deno.uid() === 0) await output(["chown", "-R", `${NOBODY}:${NOBODY}`, dir]);
        await output(["chmod", "-R", "a-w", home]);
        const before = listing(home);
        try {
          const { code, stdout, stderr } = await run(ordinary(kbuildArgv(...demo)), {
            cwd: work,
            env: {
              ...git.env,
              HOME: home,
              TMPDIR: work,
              DENO_DIR: join(work, "deno"),
              GOCACHE: join(work, "go-cache"),
              GOENV: "",
              HTTP_PROXY: proxy,
              HTTPS_PROXY: proxy,
              http_proxy: proxy,
              https_proxy: proxy,
              TZ: "Asia/Kathmandu",
            },
          });
          assertEquals(code, 0, stderr);
          assertEquals(digestsOf(stdout), wanted);
          // Ignored settings are named.
          for (const name of ["GOFLAGS=-mod=mod", "GOAMD64=v3", "GOEXPERIMENT=nodwarf5"]) {
            assert(stderr.includes(`${name} of "`), `${name} is not said:\n${stderr}`);
          }
          assertEquals(await git.started(), []);
          assertEquals(listing(home), before);
          assertEquals(await Deno.readTextFile(join(bin, "kubectl")), "theirs\n");
          assertEquals(listing(bin).length, 1);
        } finally {
          await output(["chmod", "-R", "u+w", home]);
        }
      }),
  });
}
