/**
 * `kbuild download`, and curl followed by `sha512sum -c`, in turn, of one file from a server on this machine. Files are
 * in the page cache on both sides; what is measured is reading, hashing and writing.
 */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { which } from "../../tests/real/_tree.ts";
import { Bench, type Side } from "./bench.ts";
import { type Measure, wallOf } from "./measure.ts";
import { watch, type Watched } from "./watch.ts";

const VERSION = "v1.30.2";
const NAME = "kubernetes-server-linux-amd64.tar.gz";
/** About as large as a server tarball. */
const MEGABYTES = 400;
/** Bytes that all processes of kbuild together may have. */
const MAX_MEMORY = 300e6;

/**
 * Measures both sides.
 *
 * @param top A directory for work.
 * @throws {KbuildError} curl or sha512sum is missing.
 */
export async function measureDownload(top: string, runs: number): Promise<Measure> {
  for (const program of ["curl", "sha512sum", "sh"]) {
    if (which(program) !== undefined) continue;
    throw new KbuildError(`Cannot measure downloads: there is no "${program}" in PATH`);
  }
  const bytes = content();
  const digest = createHash("sha512").update(bytes).digest("hex");
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === `/release/${VERSION}/${NAME}`) {
      const headers = { "content-length": `${bytes.length}` };
      return new Response(request.method === "HEAD" ? null : bytes, { headers });
    }
    return pathname === `/release/${VERSION}/SHA512SUMS`
      ? new Response(`${digest}  ${NAME}\n`)
      : new Response(null, { status: 404 });
  });
  const site = `http://127.0.0.1:${server.addr.port}/release`;
  const env = { ...Deno.env.toObject(), KUBERNETES_RELEASE_URL: site, http_proxy: "" };
  const bench = new Bench(top, env);
  const directory = join(top, "to");
  const [url, path] = [`${site}/${VERSION}/${NAME}`, join(directory, NAME)];
  const script =
    'mkdir -p "$1" && curl -sSf -o "$2" "$3" && echo "$4  $2" | sha512sum -c --quiet -';
  const theirs = { argv: ["sh", "-c", script, "sh", directory, path, url, digest], cwd: top };
  const words = ["--what", "server", "--platform", "linux/amd64", "--to", directory];
  const ours = bench.kbuild("download", VERSION, ...words);
  const run = async (side: Side) => {
    const cost = await watch(side, env);
    await Deno.remove(directory, { recursive: true });
    return cost;
  };
  const [curl, kbuild]: [Watched[], Watched[]] = [[], []];
  try {
    await run(ours);
    for (let at = 0; at < runs; at++) {
      curl.push(await run(theirs));
      kbuild.push(await run(ours));
    }
  } finally {
    await server.shutdown();
  }
  const peak = Math.max(...kbuild.map(({ peakBytes }) => peakBytes));
  return {
    name: `download of ${MEGABYTES} MB; make: curl, sha512sum`,
    goal: `at most 1, ${MAX_MEMORY / 1e6} MB (${(peak / 1e6).toFixed(0)} MB)`,
    make: curl,
    kbuild,
    met: wallOf(kbuild) <= wallOf(curl) && peak <= MAX_MEMORY,
  };
}

/** Bytes that no one can compress. */
function content(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(MEGABYTES * 1_000_000);
  for (let at = 0; at < bytes.length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}
