import { isIndexStale } from "./index_file.ts";
import { askGit, type GitAnswer, type GitContext, statusEntries } from "./git.ts";

/** What git says of a checkout's commit and files. Each question is asked once, when somebody needs it. */
export interface GitTree {
  /** The commit of HEAD. */
  head(): Promise<TreeHead>;
  /** What `git status --porcelain -z` prints. */
  status(): Promise<GitAnswer>;
  /**
   * The same with every file of new directories, and with files that only the user's own list of ignored
   * files hides: Go compiles those.
   */
  everything(): Promise<GitAnswer>;
  /** Asks for the commit and the status, which takes long; the answers are those of the others, errors too. */
  begin(): Promise<void>;
}

/** A commit, or why git does not say which. */
export type TreeHead =
  | {
    readonly commit: string;
    /** Seconds since 1970. */
    readonly time: number;
    readonly failure?: undefined;
  }
  | { readonly commit?: undefined; readonly failure: NonNullable<GitAnswer["failure"]> };

/**
 * Makes a {@linkcode GitTree}. It does not notice later changes: use it for one plan.
 *
 * @param options.everything Whether `everything()` will be asked for, too. If nothing in it is new to git,
 * it answers `status()`.
 */
export function openTree(
  context: GitContext,
  { everything = false }: { everything?: boolean } = {},
): GitTree {
  let head: Promise<TreeHead> | undefined;
  let status: Promise<GitAnswer> | undefined;
  let all: Promise<GitAnswer> | undefined;
  let stale: Promise<boolean> | undefined;
  // In a copied checkout git reads every file, in a fresh clone thousands: each time until it may write down that
  // they are the same. That is so once in the life of a checkout, so git is at work while its index is looked at,
  // and begins again if it may write.
  const askAboutFiles = async (args: readonly string[]) => {
    if (stale !== undefined) return await askGit(context, args, { mayWriteIndex: await stale });
    const only = new AbortController();
    const asking = askGit(context, args, { signal: only.signal });
    // It may fail before the index is known, as after Ctrl-C.
    const asked = Promise.allSettled([asking]);
    stale = isIndexStale(context.root);
    try {
      if (!await stale) return await asking;
    } finally {
      only.abort();
      await asked;
    }
    return await askGit(context, args, { mayWriteIndex: true });
  };
  const askAll = () =>
    all ??= askAboutFiles([
      ...["-c", "core.excludesFile=/dev/null"],
      ...["status", "--porcelain", "-z", "--untracked-files=all"],
    ]);
  const tree: GitTree = {
    head: () => head ??= askHead(context),
    status: () => status ??= askStatus(askAboutFiles, everything ? askAll() : undefined),
    everything: askAll,
    begin: async () => void await Promise.allSettled([tree.head(), tree.status()]),
  };
  return Object.freeze(tree);
}

async function askHead(context: GitContext): Promise<TreeHead> {
  // Without its parents, which a damaged repository may lack.
  const { text, failure } = await askGit(context, [
    ...["rev-list", "--no-walk", "--timestamp", "HEAD^{commit}"],
  ]);
  if (failure !== undefined) return Object.freeze({ failure });
  const [time = "", commit = ""] = text.trim().split(" ");
  return Object.freeze({ commit, time: Number(time) });
}

async function askStatus(
  askAboutFiles: (args: readonly string[]) => Promise<GitAnswer>,
  everything: Promise<GitAnswer> | undefined,
): Promise<GitAnswer> {
  const all = await everything;
  // The user's list hides nothing that git knows.
  const hasNew = statusEntries(all?.text ?? "??").some(({ code }) => code === "??");
  return all?.text !== undefined && !hasNew
    ? all
    : await askAboutFiles(["status", "--porcelain", "-z"]);
}
