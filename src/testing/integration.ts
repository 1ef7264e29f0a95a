import { join } from "@std/path";
import {
  type Checkout,
  type IntegrationScript,
  readEtcdWanted,
  readIntegrationScript,
} from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { isDirectory } from "../files/mod.ts";
import { goList, workspaceModules } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoTool } from "../toolchain/mod.ts";
import { type EtcdPlan, planEtcd } from "./etcd.ts";
import { planTests, type TestPlan, type TestRequest } from "./plan.ts";

/** Integration tests that were planned. */
export interface IntegrationPlan extends TestPlan {
  /** The etcd that they use. */
  readonly etcd: EtcdPlan;
}

/** What the script does where it cannot be read (v1.28.7). */
const FALLBACK = {
  KUBE_TEST_ARGS: "-short=true",
  KUBE_TIMEOUT: "-timeout=600s",
  KUBE_RACE: "",
} as const;
/** Import paths of packages with tests (v1.35 hack/make-rules/test-integration.sh). */
const WITH_TESTS =
  "{{if or (gt (len .TestGoFiles) 0) (gt (len .XTestGoFiles) 0)}}{{.ImportPath}}{{end}}";

/**
 * Plans the integration tests of a checkout: what its own `hack/make-rules/test-integration.sh` would test, with
 * an etcd. Nothing is written.
 *
 * @throws {UsageError} A package does not exist; `ETCD_PORT` is not a port.
 * @throws {KbuildError} There is no etcd; the script cannot be read and no package is named.
 */
export async function planIntegrationTests(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  request: TestRequest,
): Promise<IntegrationPlan> {
  const { gopath, host } = context;
  // Packages are named apart.
  const { WHAT: _what, ...env } = context.env;
  const read = await readIntegrationScript(checkout, { host, variables: env, gopath });
  const notes = "why" in read
    ? [`${read.why}: integration tests run with kbuild's own values, -short and a timeout of 600 s`]
    : [];
  const variables = {
    ..."why" in read ? FALLBACK : read.variables,
    // 1.7 ignores a timeout that is given.
    ...context.strictParity ? {} : given(env, ["KUBE_TIMEOUT"]),
    ..."why" in read ? given(env, Object.keys(FALLBACK)) : {},
  };
  const isNamed = request.words.length > 0 || request.failures !== undefined;
  const words = isNamed ? request.words : await defaultPackages(context, checkout, go, read);
  const plan = await planTests({ ...context, env: { ...env, ...variables } }, checkout, go, {
    ...request,
    words,
  });
  const etcd = await planEtcd(context, await readEtcdWanted(checkout, env));
  const set = { ...exported(variables), ...etcd.testEnv };
  return Object.freeze({
    ...plan,
    etcd,
    notes: Object.freeze([...notes, ...plan.notes]),
    processes: Object.freeze(plan.processes.map((each) =>
      Object.freeze({
        ...each,
        env: Object.freeze({ ...each.env, ...set }),
        shownEnv: Object.freeze({ ...each.shownEnv, ...set }),
      })
    )),
  });
}

function given(
  env: Readonly<Record<string, string>>,
  names: readonly string[],
): Record<string, string> {
  const found = names.map((name) => [name, env[name]] as const);
  return Object.fromEntries(found.filter((pair): pair is [string, string] => Boolean(pair[1])));
}

/** What programs read themselves, of the variables that are handed to `make test`. */
function exported(variables: Readonly<Record<string, string>>): Record<string, string> {
  const limit = variables["GOMAXPROCS"];
  return limit === undefined ? {} : { GOMAXPROCS: limit };
}

/** The packages that the script tests when none is named. */
async function defaultPackages(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  read: IntegrationScript | { readonly why: string },
): Promise<readonly string[]> {
  const failed = (why: string) =>
    new KbuildError(`Cannot tell which packages have integration tests: ${why}`, {
      notes: ["Name them: kbuild test-integration ./test/integration/..."],
    });
  if ("why" in read) throw failed(read.why);
  if (read.packages !== undefined) {
    if (read.packages.length > 0) return read.packages;
    throw failed("there is no test in test/integration");
  }
  const modules = [["", checkout.goPackage.value], ...await workspaceModules(checkout.root)];
  const patterns: string[] = [];
  for (const [directory = "", name] of modules) {
    const isThere = await isDirectory(join(checkout.root, directory, "test/integration"));
    if (isThere) patterns.push(`${name}/test/integration/...`);
  }
  const args = ["-find", "-f", WITH_TESTS, ...patterns];
  const listed = patterns.length === 0
    ? ""
    : await goList(context, checkout, go, args, { GO111MODULE: "on" });
  if (listed === undefined) throw failed("go list failed");
  const names = listed.split("\n").filter((line) => line !== "");
  if (names.length === 0) throw failed("no module has a test in test/integration");
  return names;
}
