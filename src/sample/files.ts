import { cluster } from "./cluster.ts";
import { documents } from "./documents.ts";
import { eraFacts } from "./eras.ts";
import { generators } from "./generators.ts";
import { makefiles } from "./makefiles.ts";
import { modules } from "./modules.ts";
import { packages } from "./packages.ts";
import { programs } from "./programs.ts";
import { buildScripts } from "./scripts_build.ts";
import { hackScripts } from "./scripts_hack.ts";
import { libScripts } from "./scripts_lib.ts";
import { testTree } from "./test_tree.ts";
import { joinTrees } from "./tree.ts";
import type { EraParameter, SampleCommit, SampleFiles } from "./types.ts";

/** What varies in a sample apart from its era. */
export interface SampleFilesOptions {
  /** Text for `docs/seed.txt`: another seed is another commit id. Default: no such file. */
  seed?: string;
  /** The versions that the change log tells of, newest first. Default: all of the sample's. */
  changes?: readonly string[];
}

/** All files of a sample checkout at HEAD. */
export function sampleFiles(era: EraParameter, options: SampleFilesOptions = {}): SampleFiles {
  const facts = eraFacts(era);
  const { changes = [facts.version, ...facts.earlier.toReversed()], seed } = options;
  return joinTrees(
    documents(facts, { changes, ...(seed === undefined ? {} : { seed }) }),
    makefiles(facts),
    libScripts(facts),
    hackScripts(facts),
    buildScripts(facts),
    cluster(facts),
    testTree(facts),
    modules(facts),
    packages(facts),
    generators(facts),
    programs(facts),
  );
}

const DAY = 24 * 60 * 60;

/**
 * The history of a sample, oldest first: an alpha tag, a released tag, a commit without a tag, and
 * HEAD, which has the version's own tag.
 */
export function sampleHistory(
  era: EraParameter,
  options: { seed?: string } = {},
): readonly SampleCommit[] {
  const { version, earlier: [alpha, released], firstCommit } = eraFacts(era);
  const commit = (day: number, message: string, changes: readonly string[], tag?: string) => ({
    message,
    time: firstCommit + day * DAY,
    files: sampleFiles(era, { ...options, changes }),
    ...(tag === undefined ? {} : { tag }),
  });
  return [
    commit(0, "Start the sample", [alpha], alpha),
    commit(30, `Release ${released}`, [released, alpha], released),
    commit(60, "Write down what comes next", ["Unreleased", released, alpha]),
    commit(90, `Release ${version}`, [version, released, alpha], version),
  ];
}
