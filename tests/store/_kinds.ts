import { join } from "@std/path";
import { createLogger } from "../../src/lib/logging.ts";
import { openStore, type OpenStoreOptions, type Store } from "../../src/store/mod.ts";

/** A real store of one kind, alone in the world. */
export interface World extends AsyncDisposable {
  /** Its address. */
  readonly url: string;
  /** A directory for files of the test. */
  readonly dir: string;
  /** All warnings. */
  readonly log: readonly string[];
  /** Opens it, as another machine would. */
  open(options?: Partial<OpenStoreOptions>): Promise<Store>;
  /** Replaces the stored bytes of a blob (by digest) or of an entry (by key); undefined removes them. */
  tamper(
    what: { digest: string } | { key: string },
    change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | undefined,
  ): Promise<void>;
}

/** A kind of store. */
export interface Kind {
  readonly name: string;
  /** Why it cannot be tested here; undefined if it can. */
  readonly missing?: string | undefined;
  start(): Promise<World>;
}

const folder: Kind = {
  name: "a directory",
  async start(): Promise<World> {
    const dir = await Deno.makeTempDir({ prefix: "kbuild store " });
    const url = join(dir, "the store");
    return {
      ...opened(url, dir),
      async tamper(what, change) {
        const path = "key" in what
          ? join(url, "ac", what.key)
          : join(url, "cas", what.digest.slice("sha256:".length));
        const bytes = change(await Deno.readFile(path));
        if (bytes === undefined) await Deno.remove(path);
        else await Deno.writeFile(path, bytes);
      },
      [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
    };
  },
};

/** What all worlds have. */
export function opened(url: string, dir: string): Pick<World, "url" | "dir" | "log" | "open"> {
  const lines: string[] = [];
  const log = createLogger({ write: (text) => void lines.push(text) });
  return {
    url,
    dir,
    log: lines,
    async open(options = {}) {
      const store = await openStore(url, { log, cwd: dir, ...options });
      if (store === undefined) throw new Error(`Not opened: ${lines.join("")}`);
      return store;
    },
  };
}

/** All kinds. */
export const KINDS: readonly Kind[] = [folder];
