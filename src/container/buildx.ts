import { join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPresent, readText, removeTree, writeFileAtomic } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { findProgram } from "../lib/util.ts";
import { CommandError } from "../shell/mod.ts";
import type { BakeNode } from "./bake.ts";

/** A builder of buildx, and how it is started. */
export interface Buildx {
  /** The words that start buildx: `docker buildx`. */
  readonly program: readonly string[];
  /** The builder's name; undefined: the one that buildx uses. */
  readonly builder: string | undefined;
}

/** A node as `buildx inspect` prints it. */
export interface ListedNode {
  readonly name: string;
  /** `running`, `inactive`. */
  readonly status: string;
  readonly error: string | undefined;
  /** In its order: those that the user has given are in front. */
  readonly platforms: readonly string[];
}

const NOTES = Object.freeze([
  "Builders and their nodes: docker buildx ls; a new one: docker buildx create",
]);

/**
 * The name in `--engine buildx:NAME`.
 *
 * @returns undefined if it is another engine.
 */
export function buildxNamed(
  text: string | undefined,
): { readonly builder: string | undefined } | undefined {
  const match = /^buildx(?::(.+))?$/.exec(text ?? "");
  return match === null ? undefined : { builder: match[1] };
}

/**
 * Finds buildx: docker's plugin, else the program alone, which needs no docker.
 *
 * @throws {KbuildError} There is none.
 */
export async function findBuildx(
  { env, shell }: Pick<KubeContext, "env" | "shell">,
  builder: string | undefined,
): Promise<Buildx> {
  if (await findProgram("docker", env["PATH"]) !== undefined) {
    const program = ["docker", "buildx"];
    const { code } = await shell.run([...program, "version"], { allowed: "any" });
    if (code === 0) return Object.freeze({ program, builder });
  }
  for (const name of ["docker-buildx", "buildx"]) {
    const path = await findProgram(name, env["PATH"]);
    if (path !== undefined) return Object.freeze({ program: [path], builder });
  }
  throw new KbuildError('Cannot use buildx: "docker buildx" does not answer', {
    notes: [
      "It is a plugin of docker, or a program docker-buildx in PATH, which needs no docker",
      "Without it: kbuild builds on this machine, or with --container in docker or podman",
    ],
  });
}

/** Arguments that choose the builder. */
export function builderArguments({ builder }: Buildx): readonly string[] {
  return builder === undefined ? [] : ["--builder", builder];
}

/** What buildx sees: bake files may name any directory, and no attestations come with outputs. */
export function buildxEnvironment(env: KubeContext["env"]): Readonly<Record<string, string>> {
  return { ...env, BUILDX_BAKE_ENTITLEMENTS_FS: "0", BUILDX_NO_DEFAULT_ATTESTATIONS: "1" };
}

/** Reads what `buildx inspect` prints. */
export function readNodes(text: string): readonly ListedNode[] {
  const [, nodes = ""] = text.split(/^Nodes:$/m, 2);
  return nodes.split(/^(?=Name: )/m).flatMap((part) => {
    const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(part)?.[1]?.trim();
    const name = field("Name");
    if (name === undefined) return [];
    const platforms = (field("Platforms") ?? "").split(",").map((each) =>
      each.trim().replace(/\*$/, "")
    ).filter((each) => each !== "");
    const error = field("Error");
    return [Object.freeze({ name, status: field("Status") ?? "", error, platforms })];
  });
}

/** Has a node say which programs it runs. */
const PROBE = `FROM --platform=$BUILDPLATFORM scratch
ARG BUILDPLATFORM
COPY <<KBUILD /native
\${BUILDPLATFORM}
KBUILD
`;

/**
 * Asks a builder for its nodes, and each node for the platform of its programs. Starts its nodes if they do not run.
 *
 * @throws {KbuildError} There is no such builder, or a node does not answer.
 */
export async function askNodes(
  context: Pick<KubeContext, "env" | "root" | "shell">,
  buildx: Buildx,
): Promise<readonly BakeNode[]> {
  const { shell } = context;
  const env = buildxEnvironment(context.env);
  const name = buildx.builder ?? "of docker buildx use";
  const { builder } = buildx;
  const inspect = [
    ...buildx.program,
    ...["inspect", "--bootstrap", ...builder === undefined ? [] : [builder]],
  ];
  const inspected = await shell.run(inspect, { env, allowed: "any" });
  const listed = readNodes(inspected.stdout);
  const broken = listed.find(({ error, platforms }) =>
    error !== undefined || platforms.length === 0
  );
  if (inspected.code !== 0 || listed.length === 0 || broken !== undefined) {
    const why = broken === undefined
      ? errorLine(inspected.tail)
      : `node "${broken.name}": ${broken.error ?? (broken.status || "it names no platforms")}`;
    throw new KbuildError(`Cannot use the builder "${name}": ${why}`, { notes: NOTES });
  }
  // Of two nodes for the same platform, buildx takes the first.
  const routes = [...new Set(listed.map(({ platforms }) => platforms[0]!))];
  const work = await Deno.makeTempDir({ prefix: "kbuild-buildx-" });
  try {
    const target = Object.fromEntries(routes.map((route, index) => [`probe-${index}`, {
      ...{ context: work, dockerfile: "Dockerfile", platforms: [route] },
      output: [`type=local,dest=${join(work, String(index))}`],
      "no-cache": false,
    }]));
    await writeFileAtomic(join(work, "Dockerfile"), PROBE);
    await writeFileAtomic(join(work, "bake.json"), JSON.stringify({ target }));
    await shell.run([
      ...[...buildx.program, "bake", ...builderArguments(buildx), "--progress=plain"],
      ...["--file", join(work, "bake.json"), ...Object.keys(target)],
    ], { cwd: work, env }).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      throw new KbuildError(`Cannot use the builder "${name}": ${errorLine(error.tail)}`, {
        notes: NOTES,
        cause: error,
      });
    });
    return await Promise.all(routes.map(async (route, index) => {
      const native = (await ifPresent(readText(join(work, String(index), "native"))))?.trim();
      if (native === undefined || !/^\w+\/\w+(\/\w+)?$/.test(native)) {
        throw new KbuildError(
          `Cannot use the builder "${name}": its node for ${route} says nothing`,
          {
            notes: NOTES,
          },
        );
      }
      const { platforms } = listed.find((node) => node.platforms[0] === route)!;
      return Object.freeze({ route, native: native.split("/").slice(0, 2).join("/"), platforms });
    }));
  } finally {
    await removeTree(work);
  }
}

/** What buildx gives as the reason. */
export function errorLine(lines: readonly string[]): string {
  const words = lines.filter((line) => line.trim() !== "" && !line.startsWith("{"));
  const line = words.findLast((each) => /^ERROR:/.test(each)) ?? words.at(-1) ?? "it says nothing";
  return line.replace(/^ERROR: */, "");
}
