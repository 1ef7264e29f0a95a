/** The checkout that is measured: a copy of a real one, or the sample. */
import { join } from "@std/path";
import { createSample } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { goBin, which } from "../../tests/real/_tree.ts";
import { Bench } from "./bench.ts";

/** The copy that is measured, and what it is. */
export interface Subject {
  readonly bench: Bench;
  readonly title: string;
  /** Whether the checkout's own scripts can run here. */
  readonly scripts: boolean;
  /** Whether the goals hold for it: on the sample, starting programs is most of the work. */
  readonly real: boolean;
}

/**
 * @param source The checkout; undefined: the sample.
 * @param options.inPlace Whether it is measured itself, not a copy: with what earlier runs have left.
 */
export async function openSubject(
  top: string,
  source: string | undefined,
  { inPlace = false }: { inPlace?: boolean } = {},
): Promise<Subject> {
  const bin = source === undefined ? undefined : goBin();
  const env = {
    PATH: bin === undefined ? Deno.env.get("PATH") ?? "" : `${bin}:${Deno.env.get("PATH")}`,
    HOME: join(top, "home"),
    TMPDIR: join(top, "tmp"),
    DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "/", ".cache/deno"),
    GOTOOLCHAIN: "local",
    SOURCE_DATE_EPOCH: "1600000000",
    KBUILD_BASES: "scratch",
  };
  for (const name of ["home", "tmp"]) await Deno.mkdir(join(top, name), { recursive: true });
  const missing = ["make", "bash", "rsync"].filter((program) => which(program) === undefined);
  if (missing.length > 0) console.error(`make is not measured: it needs ${missing.join(", ")}`);
  const shell = createShell({ cwd: top, env });
  const tree = inPlace && source !== undefined ? source : join(top, "kubernetes");
  if (source === undefined) {
    console.error("Measuring the sample; name a real checkout with KBUILD_REAL_TREE");
    await createSample({ dir: tree, era: "1.20", git: shell, env });
  } else if (!inPlace) {
    await shell.$`git clone --quiet --no-hardlinks ${source} ${tree}`;
  }
  const described = await shell.$`git describe --tags --always`.with({ cwd: tree }).text();
  const go = await shell.$`go version`.text();
  return {
    bench: new Bench(tree, env),
    title: `${source === undefined ? "sample " : ""}${described}, ` +
      go.replace("go version ", ""),
    scripts: missing.length === 0,
    real: source !== undefined,
  };
}
