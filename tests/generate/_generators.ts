import type { KubeContext } from "../../src/lib/init.ts";
import {
  type GeneratorsOptions,
  type GeneratorsPlan,
  type GeneratorsVerdict,
  planGenerators,
  runGenerators,
  verifyGenerators,
} from "../../src/generate/mod.ts";
import { verifyGoVersion } from "../../src/lib/golang/mod.ts";
import { getVersionVars } from "../../src/lib/version/mod.ts";
import { findProgram } from "../../src/lib/util.ts";
import { type OpenSample, openSample } from "../lib/_open.ts";

/** Why tests that generate are skipped; undefined where they are not. */
export const noGo: string | undefined = await findProgram("go", Deno.env.get("PATH")) === undefined
  ? "needs go"
  : undefined;

/** A checkout up to 1.25 with its generators. */
export interface GeneratorSample {
  readonly root: string;
  readonly context: KubeContext;
  plan(options?: Partial<GeneratorsOptions>): Promise<GeneratorsPlan>;
  /** Generates; returns what was written. */
  run(
    options?: Partial<GeneratorsOptions>,
    env?: Readonly<Record<string, string>>,
  ): Promise<readonly string[]>;
  /** Generates aside, and compares. */
  verify(options?: Partial<GeneratorsOptions>): Promise<GeneratorsVerdict>;
  /** Writes a file below the root. */
  write(path: string, text: string): Promise<void>;
  read(path: string): Promise<string>;
  remove(): Promise<void>;
}

/** Makes a sample; builds share the machine's cache of Go. */
export async function openGenerators(): Promise<GeneratorSample> {
  return await generatorsOf(await openSample("1.20"));
}

/** The generators of an open checkout; builds share the machine's cache of Go. */
export async function generatorsOf(sample: OpenSample): Promise<GeneratorSample> {
  const cache = Deno.env.get("GOCACHE");
  const shared = cache === undefined ? {} : { GOCACHE: cache };
  const context = sample.withEnv(shared);
  const { checkout } = sample;
  const { root } = context;
  const go = await verifyGoVersion(context, checkout);
  const planIn = (context: KubeContext, options: Partial<GeneratorsOptions> = {}) =>
    planGenerators(context, checkout, {
      go,
      stamp: async () => ({ vars: await getVersionVars(context), epoch: 0 }),
      ...options,
    });
  return {
    root,
    context,
    plan: (options) => planIn(context, options),
    async run(options, env = {}) {
      const context = sample.withEnv({ ...shared, ...env });
      const { written } = await runGenerators(context, checkout, await planIn(context, options));
      return written;
    },
    verify: async (options) =>
      await verifyGenerators(context, checkout, await planIn(context, options)),
    async write(path, text) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    },
    read: (path) => Deno.readTextFile(`${root}/${path}`),
    remove: sample.remove,
  };
}
