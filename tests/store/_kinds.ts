import { join } from "@std/path";
import { createLogger } from "../../src/lib/logging.ts";
import type { RetryPolicy } from "../../src/net/mod.ts";
import { registryOpener } from "../../src/registry/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { openStore, type OpenStoreOptions, type Store } from "../../src/store/mod.ts";
import { NO_REGISTRY, withRealRegistry } from "../e2e/_registry.ts";
import { fileIn, NO_BAZEL_REMOTE, withBazelRemote } from "./_bazel_remote.ts";
import { NO_NGINX, withNginx } from "./_nginx.ts";

/** A real store of one kind, alone in the world. */
export interface World {
  /** Its address. */
  readonly url: string;
  /** A directory for files of the test. */
  readonly dir: string;
  /** All warnings. */
  readonly log: readonly string[];
  /** Whether damaged content can be written again. */
  readonly heals: boolean;
  /** Whether the server itself may find out that an entry is damaged, and has none then; default false. */
  readonly hides?: boolean;
  /** Opens it, as another machine would. */
  open(options?: Partial<OpenStoreOptions>): Promise<Store>;
  /** Replaces the stored bytes of a blob (by digest) or of an entry (by key); undefined removes them. */
  tamper(what: Stored, change: Change): Promise<void>;
}

/** Something in a store. */
export type Stored = { digest: string } | { key: string };

/** What happens to the bytes of it. */
export type Change = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | undefined;

/** A kind of store. */
export interface Kind {
  readonly name: string;
  /** Why it cannot be tested here; undefined if it can. */
  readonly missing?: string | undefined;
  run(test: (world: World) => Promise<void>): Promise<void>;
}

/** Short pauses; what hangs needs less time than a busy machine. */
export const HASTY: Partial<RetryPolicy> = {
  ...{
    headersMs: 10_000,
    stallMs: 10_000,
    slowMs: 10_000,
    attempts: 2,
    backoffMs: 20,
    waitMs: 2500,
  },
};

/** Runs `test` with a directory that is removed. */
export async function inTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "kbuild store " });
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function changeFile(path: string, change: Change): Promise<void> {
  const bytes = change(await Deno.readFile(path));
  if (bytes === undefined) await Deno.remove(path);
  else await Deno.writeFile(path, bytes);
}

/** The file of something below a directory with `ac` and `cas`. */
function fileOf(root: string, what: Stored): string {
  return "key" in what ? join(root, "ac", what.key) : join(root, "cas", hexOf(what.digest));
}

function hexOf(digest: string): string {
  return digest.slice("sha256:".length);
}

const folder: Kind = {
  name: "a directory",
  run: (test) =>
    inTempDir(async (dir) => {
      const url = join(dir, "the store");
      const tamper: World["tamper"] = (what, change) => changeFile(fileOf(url, what), change);
      await test({ ...opened(url, dir), tamper });
    }),
};

const nginx: Kind = {
  name: "nginx",
  missing: NO_NGINX,
  run: (test) =>
    inTempDir((dir) =>
      withNginx(dir, async ({ url, root }) => {
        const tamper: World["tamper"] = (what, change) => changeFile(fileOf(root, what), change);
        await test({ ...opened(`${url}/results/`, dir), tamper });
      })
    ),
};

const bazelRemote: Kind = {
  name: "bazel-remote",
  missing: NO_BAZEL_REMOTE,
  run: (test) =>
    inTempDir((dir) =>
      withBazelRemote(dir, async ({ url, root }) => {
        const tamper: World["tamper"] = (what, change) =>
          changeFile(
            "key" in what ? fileIn(root, "ac", what.key) : fileIn(root, "cas", hexOf(what.digest)),
            change,
          );
        await test({ ...opened(url, dir), hides: true, tamper });
      })
    ),
};

const registry: Kind = {
  name: "docker-registry",
  missing: NO_REGISTRY,
  run: (test) =>
    inTempDir((dir) =>
      withRealRegistry(dir, async ({ host }) => {
        const storage = join(dir, "registry", "docker", "registry", "v2");
        const blob = (digest: string) =>
          join(storage, "blobs", "sha256", hexOf(digest).slice(0, 2), hexOf(digest), "data");
        const tamper: World["tamper"] = async (what, change) => {
          if ("digest" in what) return await changeFile(blob(what.digest), change);
          // A server that answers with another manifest, or an entry of its own.
          const url = `http://${host}/v2/team/results/manifests/kbuild-${what.key}`;
          const accept = "application/vnd.oci.image.manifest.v1+json";
          const answer = await fetch(url, { headers: { accept } });
          const manifest = await answer.json();
          const bytes = Uint8Array.from(
            atob(manifest.config.data),
            (character) => character.charCodeAt(0),
          );
          const other = change(bytes);
          if (other === undefined) throw new Error("Not for registries");
          if (other === bytes) return;
          if (other.length > 1 << 20) manifest.config.size = other.length;
          else manifest.config.data = btoa(String.fromCharCode(...other));
          const put = await fetch(url, {
            method: "PUT",
            body: JSON.stringify(manifest),
            headers: { "content-type": accept },
          });
          if (!put.ok) throw new Error(await put.text());
          await put.body?.cancel();
        };
        const url = `oci://${host}/team/results`;
        await test({ ...opened(url, dir), heals: false, tamper });
      })
    ),
};

/** What all worlds have. */
export function opened(url: string, dir: string): Omit<World, "tamper"> {
  const lines: string[] = [];
  const log = createLogger({ write: (text) => void lines.push(text) });
  const env = { HOME: dir };
  const openRegistry = registryOpener(createShell({ cwd: dir, env }));
  return {
    url,
    dir,
    log: lines,
    heals: true,
    async open(options = {}) {
      const store = await openStore(url, {
        ...{ log, cwd: dir, env, openRegistry, retryPolicy: HASTY },
        ...options,
      });
      if (store === undefined) throw new Error(`Not opened: ${lines.join("")}`);
      return store;
    },
  };
}

/** All kinds. */
export const KINDS: readonly Kind[] = [folder, nginx, bazelRemote, registry];
