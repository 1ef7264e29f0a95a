/**
 * Every command that has a plan does what `kbuild plan --json` printed just before: the programs that
 * it starts and the files that it leaves are compared with the plan, in both directions.
 */
import { assert, assertEquals } from "@std/assert";
import { basename, join } from "@std/path";
import { runCli } from "../../src/cli/mod.ts";
import { COMMANDS, makeCommandContext, targetCommand } from "../../src/commands/mod.ts";
import { FILES, writeFiles } from "../generate/_codegen.ts";
import type { EraParameter } from "../../src/sample/mod.ts";
import type { Start } from "../../src/shell/mod.ts";
import { addIntegrationTests, NO_ETCD } from "../e2e/_etcd.ts";
import { ENV, inScratch, makeSample, missingFor, unless, which } from "../e2e/_program.ts";
import { NOTHING, Taker } from "../registry/_push.ts";
import { digestOf, withRegistry } from "../registry/_world.ts";
import { answer, usualFiles } from "../download/_site.ts";
import { SCRIPTS } from "../checks/_scripts.ts";
import { EXECUTES, fakeEngine } from "../container/_engines.ts";

/** Programs that only answer questions: a plan need not list their starts. */
const QUESTIONS: readonly (readonly [what: string, asks: (words: readonly string[]) => boolean])[] =
  [
    [
      "what git knows of the checkout",
      ([program, command = ""]) => program === "git" && GIT_QUESTIONS.includes(command),
    ],
    [
      "what Go is",
      ([program, command = ""]) => program === "go" && ["version", "env"].includes(command),
    ],
    [
      "what an engine is and has",
      ([program, command = ""]) => program === "docker" && ENGINE_QUESTIONS.includes(command),
    ],
    ["etcd's version", ([program, first = ""]) => program === "etcd" && first === "--version"],
    ["what a container has", ([program]) => program === "sh"],
    ["what Go would build", ([program, command = ""]) => program === "go" && command === "list"],
  ];
const GIT_QUESTIONS = [
  ...[
    "cat-file",
    "check-ignore",
    "config",
    "describe",
    "diff",
    "ls-files",
    "rev-list",
    "rev-parse",
    "status",
  ],
  ...["for-each-ref", "reflog", "symbolic-ref"],
];
const ENGINE_QUESTIONS = ["container", "context", "image", "info", "ps", "volume"];

/** Commands whose standard output is another program's. */
const PASSING = ["run", "shell"];

/** Files that are not results: a plan need not list them. Paths below the checkout. */
const BOOKKEEPING: readonly (readonly [what: string, path: RegExp])[] = [
  ["kbuild's lock, marks, records and cache", /^_output\/([^/]+\/)?\.kbuild[^/]*(\/|$)/],
  ["Go's caches", /^_output\/(dockerized|local)\/go\/(cache|pkg)\//],
];

/** What `kbuild plan --json` prints, as far as it is compared. */
interface Plan {
  readonly processes: readonly {
    readonly argv: readonly string[];
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
  }[];
  readonly files: readonly {
    readonly kind: string;
    readonly path: string;
    readonly from?: string;
  }[];
  readonly pushes: readonly { readonly name: string }[];
}

/** What a run did. */
interface Run {
  readonly starts: readonly Start[];
  /** Absolute paths of files and links that are new or changed. */
  readonly written: readonly string[];
  readonly stdout: string;
}

/** `go install …` as ["go", "install"], `git -c x --work-tree y status` as ["git", "status"]. */
function questionOf(argv: readonly string[]): readonly string[] {
  const [program = "", ...words] = argv;
  const name = basename(program);
  if (name === "docker" && words[0] === "exec") return questionOf(startedIn(words));
  if (name !== "git") return [name, words[0] ?? ""];
  let at = 0;
  while (words[at]?.startsWith("-") === true) {
    at += /^(-c|-C|--git-dir|--work-tree)$/.test(words[at]!) ? 2 : 1;
  }
  return [name, words[at] ?? ""];
}

/** What `docker exec` starts. */
function startedIn(words: readonly string[]): readonly string[] {
  let at = 1;
  while (words[at]?.startsWith("-") === true) at += words[at] === "--env" ? 2 : 1;
  const [first, ...rest] = words.slice(at + 1);
  if (first !== "env") return [first ?? "", ...rest];
  const end = rest.findIndex((word, index) => word !== "-u" && rest[index - 1] !== "-u");
  return rest.slice(end);
}

/** A line for everything that was done and not planned, or planned and not done. */
function differences(root: string, plan: Plan, run: Run): readonly string[] {
  const line = ({ argv, cwd }: Pick<Start, "argv" | "cwd">) => `${cwd}: ${argv.join(" ")}`;
  const starts = run.starts.filter(({ argv }) =>
    !QUESTIONS.some(([, asks]) => asks(questionOf(argv)))
  );
  const left = [...plan.processes];
  const found: string[] = [];
  for (const start of starts) {
    const at = left.findIndex((planned) =>
      line(planned) === line(start) &&
      Object.entries(planned.env).every(([name, value]) => start.env[name] === value)
    );
    if (at < 0) found.push(`started, not planned: ${line(start)}`);
    else left.splice(at, 1);
  }
  found.push(...left.map((planned) => `planned, not started: ${line(planned)}`));

  const directories = plan.files.filter(({ kind }) => kind === "directory").map(({ path }) =>
    `${path}/`
  );
  const files = new Set(plan.files.flatMap(({ path, from }) => from ? [path, from] : [path]));
  for (const path of run.written) {
    const own = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
    const known = files.has(path) || directories.some((directory) => path.startsWith(directory)) ||
      BOOKKEEPING.some(([, pattern]) => pattern.test(own));
    if (!known) found.push(`written, not planned: ${path}`);
  }
  for (const { kind, path } of plan.files) {
    // Directories for work in between are gone when it is done.
    if (kind !== "directory" && isThere(path) === (kind === "remove")) {
      found.push(`planned, not done: ${kind} ${path}`);
    }
  }
  return found.sort();
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Every file and link below a checkout, without git's own: path to what changes with its content. */
function snapshot(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (directory: string) => {
    for (const { name, isDirectory, isSymlink } of Deno.readDirSync(directory)) {
      const path = join(directory, name);
      if (path === join(root, ".git")) continue;
      if (isDirectory) visit(path);
      else if (isSymlink) found.set(path, Deno.readLinkSync(path));
      else {
        const { ino, mtime, size } = Deno.lstatSync(path);
        found.set(path, `${ino} ${mtime?.getTime()} ${size}`);
      }
    }
  };
  visit(root);
  return found;
}

/** Runs a command line in this process, with a recorder; it must succeed. */
async function record(
  root: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Run> {
  const starts: Start[] = [];
  const said: string[] = [];
  const printed: string[] = [];
  const { signal } = new AbortController();
  const before = snapshot(root);
  const code = await runCli({
    commands: COMMANDS,
    fallback: (name, start) => targetCommand(name, start ?? root),
    argv,
    env: { ...ENV, ...env },
    stdout: { write: (text) => void printed.push(text) },
    stderr: { write: (text) => void said.push(text) },
    version: "0.0.0",
    signal,
    makeContext: (globals, command, input) =>
      makeCommandContext(globals, command, input, {
        cwd: root,
        signal,
        onStart: (start) => void starts.push(start),
      }),
  });
  assertEquals(code, 0, `kbuild ${argv.join(" ")}:\n${said.join("")}`);
  const written = [...snapshot(root)].filter(([path, text]) => before.get(path) !== text)
    .map(([path]) => path);
  return { starts, written, stdout: printed.join("") };
}

/** The answer to a GET of a manifest that was pushed; `Taker` only says that it is there. */
function pulled({ manifests }: Taker, { method }: Request, url: URL): Response | undefined {
  const [, repository, which] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url.pathname) ?? [];
  if (method !== "GET" || which === undefined) return undefined;
  const found = manifests.get(`${repository}:${which}`) ??
    manifests.values().find((bytes) => digestOf(bytes) === which);
  if (found === undefined) return undefined;
  const { mediaType } = JSON.parse(new TextDecoder().decode(found));
  const headers = { "docker-content-digest": digestOf(found), "content-type": mediaType };
  return new Response(found.slice(), { headers });
}

/** What a site of releases has. */
const RELEASES = usualFiles();

function published(request: Request, url: URL): Response | undefined {
  const bytes = RELEASES.get(url.pathname);
  return bytes === undefined ? undefined : answer(bytes, request);
}

/** Command lines in the order in which a checkout meets them; each builds what the next one needs. */
const SEQUENCES: Readonly<Partial<Record<EraParameter, readonly (readonly string[])[]>>> = {
  "1.20": [
    ["kubectl", "kube-apiserver"],
    ["clean"],
    ["verify_generated_files"],
    ["generated_files"],
    ["verify_generated_files", "--from-nothing"],
    ["clean_generated"],
    ["clean_meta"],
    ["clean"],
    ["all", "cmd/kubectl", "test/e2e/e2e.test"],
    ["clean"],
    ["cross", "WHAT=cmd/kubectl", "KUBE_BUILD_PLATFORMS=linux/amd64"],
    ["cross-in-a-container", "WHAT=cmd/kubectl", "KUBE_BUILD_PLATFORMS=linux/amd64"],
    ["clean"],
    ["test", "pkg/util/slice"],
    ...NO_ETCD === undefined ? [["test-integration", "ETCD_PORT=PORT", "ETCD_VERSION=3.0.0"]] : [],
    ["vet", "./pkg/util/slice"],
    ...which("make") === undefined ? [] : [["verify", "pkg-names"]],
    ["quick-verify"],
    ["update", "first"],
    ["clean"],
    ["release", "WHAT=cmd/kubectl", "KUBE_BUILD_PLATFORMS=linux/amd64"],
    ["clean"],
    ["release-in-a-container", "WHAT=cmd/kubectl", "KUBE_BUILD_PLATFORMS=linux/amd64"],
    ["clean"],
    ["quick-release-images", "KUBE_EXTRA_WHAT=cmd/kubeadm"],
    ["clean"],
    ["release-images", "KUBE_BUILD_PLATFORMS=linux/amd64"],
    ["clean"],
    ["quick-release", "--oci-layout", "../layout"],
    ["package-tarballs", "--compression-level", "1", "--sbom"],
    ["packages", "--repository"],
    ["rpm", "--revision", "2"],
    [
      ...["download", "stable", "--what", "client,bin/kubectl", "--to", "../published", "--lock"],
      ...["KUBERNETES_RELEASE_URL=http://REGISTRY/release"],
    ],
    ["sbom"],
    ["bundle", "--without", "images,kubernetes-cni,cri-tools"],
    ["images", "load"],
    ["all", "cmd/kubectl", "--container", "--build-image", "kbuild.test/go:1"],
    ["run", "make", "all"],
    ["shell"],
    ["make-build-image"],
    ["images", "push", "--attest", "--registry", "REGISTRY/r"],
    ["images", "manifest", "--registry", "REGISTRY/r"],
    ["clean"],
  ],
  "1.7": [["quick-release"], ["clean"]],
  "1.35": [
    ["kubectl"],
    ["test", "KUBE_TEST_ARGS=-run Slice"],
    ["update-codegen"],
    ["verify-codegen"],
    ["verify-codegen", "--from-nothing"],
    ["quick-release"],
    ["make-clean"],
  ],
};

/** A port that is free, and not one of those that systems give away by themselves: from 32768 on. */
function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

for (const [era, lines] of Object.entries(SEQUENCES) as [EraParameter, string[][]][]) {
  Deno.test({
    ...unless(missingFor(era), `every command does what its plan says: ${era}`),
    fn: (t) =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        const bin = join(dir, "bin");
        Deno.mkdirSync(bin);
        await fakeEngine(bin, "docker", EXECUTES);
        if (era === "1.20") {
          await addIntegrationTests(root);
          for (const [path, text] of Object.entries(SCRIPTS)) {
            await Deno.writeTextFile(join(root, path), text.replace(">> updated", "> /dev/null"));
          }
        }
        if (era === "1.35") await writeFiles(root, FILES);
        const env = { PATH: `${bin}:${ENV["PATH"]}`, KBUILD_CACHE: join(dir, "cache") };
        const taker = new Taker();
        const port = String(freePort());
        await withRegistry(
          NOTHING,
          async ({ host }) => {
            for (const words of lines) {
              const argv = words.map((word) =>
                word.replace("REGISTRY", host).replace("=PORT", `=${port}`)
              );
              await t.step(`kbuild ${words.join(" ")}`, async () => {
                const looked = await record(root, ["plan", "--json", ...argv], env);
                assertEquals(looked.written, [], "the plan wrote something");
                const plan: Plan = JSON.parse(looked.stdout);
                const json = PASSING.includes(argv[0] ?? "") ? [] : ["--json"];
                const run = await record(root, [...argv, ...json], env);
                assertEquals(differences(root, plan, run), []);
                if (words[1] !== "push" && words[1] !== "manifest") return;
                const { images } = JSON.parse(run.stdout) as { images: { name: string }[] };
                const names = images.map(({ name }) => name).sort();
                assertEquals(names, plan.pushes.map(({ name }) => name).sort());
                assert(names.length > 0, "nothing is pushed");
              });
            }
          },
          async (request, url) =>
            pulled(taker, request, url) ?? published(request, url) ??
              await taker.respond(request, url),
        );
      }),
  });
}

Deno.test("every command that has a plan is held to it", () => {
  const tried = new Set(Object.values(SEQUENCES).flat().map(([name = ""]) => name));
  if (NO_ETCD !== undefined) tried.add("test-integration");
  const planned = COMMANDS.filter(({ plan }) => plan !== undefined).map(({ name }) => name);
  assertEquals(planned.filter((name) => !tried.has(name)), []);
});

Deno.test("differences() names what is done without a plan, and what is not done", () => {
  const [root, env] = ["/k8s", { GOOS: "linux" }];
  const go = { argv: ["/go/bin/go", "install", "./cmd/a"], cwd: root, env };
  const plan: Plan = {
    processes: [go],
    files: [{ kind: "directory", path: "/k8s/_output/release-stage" }],
    pushes: [],
  };
  const run = (starts: readonly Start[], written: readonly string[] = []): Run => (
    { starts, written, stdout: "" }
  );
  const asked = { argv: ["git", "-c", "a=b", "--work-tree", "/k8s", "status"], cwd: root, env };
  const fine = ["/k8s/_output/release-stage/a", "/k8s/_output/local/.kbuild/builds.json"];
  assertEquals(differences(root, plan, run([go, asked], fine)), []);
  const archive = { ...asked, argv: ["git", "archive", "HEAD"] };
  assertEquals(differences(root, plan, run([go, go, archive])), [
    "started, not planned: /k8s: /go/bin/go install ./cmd/a",
    "started, not planned: /k8s: git archive HEAD",
  ]);
  assertEquals(differences(root, plan, run([{ ...go, env: { GOOS: "darwin" } }])), [
    "planned, not started: /k8s: /go/bin/go install ./cmd/a",
    "started, not planned: /k8s: /go/bin/go install ./cmd/a",
  ]);
  assertEquals(differences(root, plan, run([go], ["/k8s/_output/bin/kubectl", "/k8s/cmd/a.go"])), [
    "written, not planned: /k8s/_output/bin/kubectl",
    "written, not planned: /k8s/cmd/a.go",
  ]);
  const more = { ...plan, files: [{ kind: "binary", path: "/k8s/_output/local/bin/a" }] };
  assertEquals(differences(root, more, run([go])), [
    "planned, not done: binary /k8s/_output/local/bin/a",
  ]);
});
