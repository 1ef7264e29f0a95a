/** Variables of Kubernetes' scripts and of docker: each changes what `kbuild run` would start, as documented. */
import { assert } from "@std/assert";
import { join } from "@std/path";
import { ENV, inScratch, kbuildOk, makeSample } from "../e2e/_program.ts";
import { ANSWERS, fakeEngine } from "./_engines.ts";

/** Starts of docker that are planned with variables set. */
type Planned = readonly (readonly string[])[];

/** What a plan must have with a variable, and must not have without it. */
interface Row {
  readonly name: string;
  readonly value: string;
  readonly words?: readonly string[];
  /** Whether the plan is as the variable makes it. */
  readonly isSo: (planned: Planned, value: string) => boolean;
}

/** Whether a variable of the container has a value. */
const inside = (variable: string): Row["isSo"] => (planned, value) =>
  planned.some((argv) =>
    argv.some((word, at) => word === `${variable}=${value}` && argv[at - 1] === "--env")
  );

const passed = (name: string, value: string): Row => ({ name, value, isSo: inside(name) });
const copies = (planned: Planned) => planned.some((argv) => argv.join().includes("zz_generated"));

const ROWS: readonly Row[] = [
  {
    name: "DOCKER_OPTS",
    value: "--log-level error",
    isSo: ([first = []]) => first.slice(0, 3).join(" ") === "docker --log-level error",
  },
  {
    name: "DOCKER_HOST",
    value: "tcp://build.example:2376",
    isSo: (planned) => planned.flat().some((word) => word.startsWith("type=volume,")),
  },
  {
    name: "DOCKER_CGROUP_PARENT",
    value: "/builds",
    isSo: ([first = []], value) => first[first.indexOf("--cgroup-parent") + 1] === value,
  },
  {
    name: "KUBE_CROSS_IMAGE",
    value: "a.example/cross",
    isSo: (planned, value) => planned.flat().some((word) => word.startsWith(`${value}:`)),
  },
  {
    name: "KUBE_CROSS_VERSION",
    value: "v3",
    isSo: (planned, value) => planned.flat().some((word) => word.endsWith(`/kube-cross:${value}`)),
  },
  {
    name: "KUBE_RUN_COPY_OUTPUT",
    value: "n",
    words: ["--sync", "volume"],
    isSo: (planned) => !copies(planned),
  },
];

/** The same of variables of the container. */
const INSIDE: readonly Row[] = [
  ...([["HTTPS", "https"], ["HTTP", "http"], ["NO", "no"]] as const).map(([name, lower]): Row => ({
    name: `KUBERNETES_${name}_PROXY`,
    value: "http://proxy.example:3128",
    isSo: inside(`${lower}_proxy`),
  })),
  passed("KUBE_FASTBUILD", "true"),
  passed("KUBE_BUILD_PLATFORMS", "linux/arm64 linux/amd64"),
  passed("KUBE_BUILD_WITH_COVERAGE", "y"),
  passed("KUBE_CGO_OVERRIDES", "kubelet"),
  passed("KUBE_STATIC_OVERRIDES", "kubelet kubectl"),
  passed("KUBE_RACE", "-race"),
  passed("KUBE_VERBOSE", "5"),
  passed("GOFLAGS", "-tags=a,b"),
  passed("GOGCFLAGS", "all=-N -l"),
  passed("GOLDFLAGS", ""),
  passed("GO_VERSION", "1.99.1"),
  passed("FORCE_HOST_GO", "y"),
  passed("GOTOOLCHAIN", "local"),
  passed("GOPROXY", "https://proxy.example"),
  passed("SOURCE_DATE_EPOCH", "1600000000"),
];

Deno.test("each variable of the scripts decides over the container of kbuild run", (t) =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const bin = join(dir, "bin");
    const endpoint =
      '"context inspect") echo "\\"${DOCKER_HOST:-unix:///var/run/docker.sock}\\"" ;;';
    // DOCKER_OPTS come first.
    const answers = `while :; do case "$1" in --log-level) shift 2 ;; *) break ;; esac; done
${ANSWERS.replace(/"context inspect"\) .*/, endpoint)}`;
    await fakeEngine(bin, "docker", answers);
    // What tests set for all of kbuild's builds.
    const unset = { FORCE_HOST_GO: "", GOTOOLCHAIN: "", GOFLAGS: "" };
    const plan = async (words: readonly string[], set: Record<string, string>) => {
      const env = { ...unset, ...set, PATH: `${bin}:${ENV["PATH"]}` };
      const args = ["plan", "--json", "run", "--engine", "docker", ...words, "true"];
      const { processes } = JSON.parse(await kbuildOk(args, { cwd: root, env }));
      return (processes as { argv: string[] }[]).map(({ argv }) => argv);
    };
    const without = new Map<string, Planned>();
    const alone = async (words: readonly string[]) => {
      const key = words.join(" ");
      const planned = without.get(key) ?? await plan(words, {});
      without.set(key, planned);
      return planned;
    };
    // What only comes to be in the container can do so together.
    const together = await plan(
      [],
      Object.fromEntries(INSIDE.map(({ name, value }) => [name, value])),
    );
    for (const { name, value, words = [], isSo } of [...ROWS, ...INSIDE]) {
      await t.step(`${name}=${value}`, async () => {
        const isInside = INSIDE.some((row) => row.name === name);
        const planned = isInside ? together : await plan(words, { [name]: value });
        assert(isSo(planned, value), JSON.stringify(planned));
        assert(!isSo(await alone(words), value), "it is so without it, too");
      });
    }
  }));
