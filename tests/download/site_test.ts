/** Downloads from a site of our own that has faults: the right file, or a clear error and no file. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  downloadFiles,
  type DownloadRequest,
  parseLockFile,
  prepareDownload,
} from "../../src/download/mod.ts";
import { inlineHasher } from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { partialPath } from "../../src/net/mod.ts";
import {
  contentOf,
  contextOf,
  digestOf,
  filesIn,
  HASTY,
  inDirectory,
  type Misbehave,
  NO_SUCH_KEY,
  publish,
  type Site,
  usualFiles,
  withSite,
} from "./_site.ts";

const KUBECTL = "bin/linux/amd64/kubectl";
const BASE = "/release/v1.30.2";
const PAGE = "<!DOCTYPE html><html><body>Log in to the network</body></html>";

type Files = Map<string, Uint8Array<ArrayBuffer> | string>;

/** One download. */
interface Case {
  /** Default: v1.30.2. */
  readonly version?: string;
  /** Default: kubectl alone. */
  readonly what?: readonly string[];
  readonly platforms?: readonly string[];
  /** Changes what the site has. */
  readonly change?: (files: Files) => void;
  readonly misbehave?: Misbehave;
  /** What is in the directory before. */
  readonly before?: (directory: string) => void;
  readonly env?: Readonly<Record<string, string>>;
  /** Files of a mirror, which has faults of its own; default: no mirror. */
  readonly mirror?: (files: Files) => void;
  /** Text of the lock file; `SITE` is the site's address. */
  readonly lock?: string;
  /** Files that are there in the end, as places. Default: kubectl. */
  readonly files?: readonly string[];
  /** Words of the error and its notes; undefined: it works. */
  readonly error?: readonly string[];
  /** Words of the log. */
  readonly said?: readonly string[];
  /** Words that the log does not have. */
  readonly unsaid?: readonly string[];
  /** Looks at more. */
  readonly check?: (site: Site, directory: string) => void;
}

const at =
  (path: string, response: (request: Request) => Response | undefined): Misbehave =>
  (asked, request) => asked === path ? response(request) : undefined;

/** Does something else the first time. */
function once(path: string, response: () => Response): Misbehave {
  let left = 1;
  return at(path, (request) => request.method === "GET" && left-- > 0 ? response() : undefined);
}

/** A body that breaks off: fewer bytes than its length says. */
function brokenOff(bytes: Uint8Array<ArrayBuffer>, count: number): Response {
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.subarray(0, count));
      controller.error(new Error("the line is cut"));
    },
  });
  return new Response(body, { headers: { "content-length": `${bytes.length}` } });
}

const kubectl = contentOf("v1.30.2", KUBECTL);
const sha512 = digestOf("sha512", kubectl);
const partial = (directory: string) =>
  partialPath({
    path: join(directory, "to", "kubectl"),
    digest: { algorithm: "sha512", hex: sha512 },
  });
const putPartial = (bytes: Uint8Array) => (directory: string) => {
  Deno.mkdirSync(join(directory, "to"), { recursive: true });
  Deno.writeFileSync(partial(directory), bytes);
};
const put = (bytes: Uint8Array) => (directory: string) => {
  Deno.mkdirSync(join(directory, "to"), { recursive: true });
  Deno.writeFileSync(join(directory, "to", "kubectl"), bytes, { mode: 0o755 });
};

const CASES: Readonly<Record<string, Case>> = {
  // Shapes of checksums.
  "1.30 has lists": {
    said: ["Digests come from the site that is given"],
    check: ({ requests }) =>
      assertEquals(requests, [`GET ${BASE}/SHA512SUMS`, `GET ${BASE}/${KUBECTL}`]),
  },
  "1.12 has digests beside files": { version: "v1.12.3" },
  "1.6 has SHA-1 alone, which is said": {
    version: "v1.6.13",
    said: ["Only SHA-1 is published of", "another file with the same SHA-1"],
  },
  "SHA-1 alone is not enough for 1.12": {
    version: "v1.12.3",
    change: (files) => void files.delete(`/release/v1.12.3/${KUBECTL}.sha512`),
    files: [],
    error: ["no digest of it is published", KUBECTL],
  },
  "a list of SHA-256 will do": {
    change: (files) => void files.delete(`${BASE}/SHA512SUMS`),
    check: ({ requests }) => assert(requests.includes(`GET ${BASE}/SHA256SUMS`)),
  },
  "digests beside files will do": {
    change: (files) =>
      ["SHA512SUMS", "SHA256SUMS"].forEach((name) => files.delete(`${BASE}/${name}`)),
  },
  "a list that lacks the file is not the end": {
    change: (files) => files.set(`${BASE}/SHA512SUMS`, `${"a".repeat(128)}  other.tar.gz`),
  },
  "a list with CRLF, binary marks, upper case and ./ is one": {
    change: (files) =>
      files.set(`${BASE}/SHA512SUMS`, `\r\n${sha512.toUpperCase()} *./${KUBECTL}\r\n`),
  },
  "buckets that may not be listed say 403 for what they do not have": {
    misbehave: (path) =>
      /SUMS$/.test(path) ? new Response(NO_SUCH_KEY, { status: 403 }) : undefined,
  },
  "no digest, no download": {
    change: (files) => {
      for (const path of [...files.keys()]) if (/SUMS$|\.sha/.test(path)) files.delete(path);
    },
    files: [],
    error: ["Cannot download v1.30.2: no digest of it is published", "cannot be verified"],
    check: ({ requests }) => assert(!requests.includes(`GET ${BASE}/${KUBECTL}`)),
  },
  // Wrong digests, and pages in their place.
  "a page in place of the list": {
    change: (files) => files.set(`${BASE}/SHA512SUMS`, PAGE),
    files: [],
    error: ["Cannot read a SHA-512", 'it has "<!DOCTYPE html>', "page of a proxy"],
  },
  "an empty list": {
    change: (files) => files.set(`${BASE}/SHA512SUMS`, ""),
    files: [],
    error: ["it is empty"],
  },
  "a list that is cut within a digest": {
    change: (files) => files.set(`${BASE}/SHA512SUMS`, `${sha512}  ${KUBECTL}\n${"a".repeat(50)}`),
    files: [],
    error: ["Cannot read a SHA-512"],
  },
  "a list with two digests of a file": {
    change: (files) =>
      files.set(`${BASE}/SHA512SUMS`, `${sha512}  ${KUBECTL}\n${"b".repeat(128)}  ${KUBECTL}`),
    files: [],
    error: ["two digests"],
  },
  "digests of another length": {
    change: (files) =>
      files.set(`${BASE}/SHA512SUMS`, `${digestOf("sha256", kubectl)}  ${KUBECTL}`),
    files: [],
    error: ["Cannot read a SHA-512"],
  },
  "a page in place of a digest": {
    version: "v1.12.3",
    change: (files) => files.set(`/release/v1.12.3/${KUBECTL}.sha512`, PAGE),
    files: [],
    error: ["Cannot read a SHA-512"],
  },
  "a digest with the name behind it, as sha512sum writes it": {
    version: "v1.12.3",
    change: (files) => {
      const hex = digestOf("sha512", contentOf("v1.12.3", KUBECTL));
      files.set(`/release/v1.12.3/${KUBECTL}.sha512`, `${hex}  kubectl\n`);
    },
  },
  "the wrong digest": {
    change: (files) => files.set(`${BASE}/SHA512SUMS`, `${"c".repeat(128)}  ${KUBECTL}`),
    files: [],
    error: [`its SHA-512 is ${sha512}, not cccc`],
  },
  // Wrong files.
  "another file than the digest says": {
    change: (files) => files.set(`${BASE}/${KUBECTL}`, contentOf("v1.30.1", KUBECTL)),
    files: [],
    error: ["its SHA-512 is"],
  },
  "a page in place of the file": {
    change: (files) => files.set(`${BASE}/${KUBECTL}`, PAGE),
    files: [],
    error: ["a web page or an error in XML came instead"],
  },
  "an error in XML with status 200": {
    change: (files) => files.set(`${BASE}/${KUBECTL}`, NO_SUCH_KEY),
    files: [],
    error: ["a web page or an error in XML came instead"],
  },
  "an empty file": {
    change: (files) => files.set(`${BASE}/${KUBECTL}`, new Uint8Array()),
    files: [],
    error: ["its SHA-512 is"],
  },
  "a shorter file, as the whole one": {
    change: (files) => files.set(`${BASE}/${KUBECTL}`, kubectl.slice(0, 40_000)),
    files: [],
    error: ["its SHA-512 is"],
  },
  "a longer file": {
    change: (files) => files.set(`${BASE}/${KUBECTL}`, new Uint8Array([...kubectl, 0])),
    files: [],
    error: ["its SHA-512 is"],
  },
  "no file, with a digest": {
    change: (files) => void files.delete(`${BASE}/${KUBECTL}`),
    files: [],
    error: ["the server said 404"],
  },
  "a version that does not exist": {
    version: "v1.30.99",
    files: [],
    error: ["Cannot download v1.30.99", "There may be no such release"],
  },
  "a platform that is not published": {
    platforms: ["linux/amd64", "plan9/mips"],
    files: [],
    error: ["bin/plan9/mips/kubectl", "not be published for this platform"],
  },
  // Connections.
  "a broken connection is resumed": {
    misbehave: once(`${BASE}/${KUBECTL}`, () => brokenOff(kubectl, 20_000)),
    check: ({ requests }) =>
      assertEquals(requests.at(-1)!.replace(/\+\d+$/, ""), `GET ${BASE}/${KUBECTL}`),
  },
  "a server that is overloaded for a moment": {
    misbehave: once(`${BASE}/${KUBECTL}`, () => new Response("later", { status: 503 })),
  },
  "a server that stays overloaded": {
    misbehave: at(`${BASE}/${KUBECTL}`, () => new Response("later", { status: 503 })),
    files: [],
    error: ["the server said 503", "3 times"],
  },
  "a list that fails for a moment": {
    misbehave: once(`${BASE}/SHA512SUMS`, () => new Response("later", { status: 500 })),
  },
  "a list that stays away is not one that does not exist": {
    misbehave: at(`${BASE}/SHA512SUMS`, () => new Response("later", { status: 500 })),
    files: [],
    error: ["the server said 500"],
  },
  "redirects are followed": {
    change: (files) => files.set("/moved/kubectl", kubectl),
    misbehave: at(
      `${BASE}/${KUBECTL}`,
      () => new Response(null, { status: 302, headers: { location: "/moved/kubectl" } }),
    ),
    check: ({ requests }) => assertEquals(requests.at(-1), "GET /moved/kubectl"),
  },
  "a circle of redirects ends": {
    misbehave: at(
      `${BASE}/${KUBECTL}`,
      () => new Response(null, { status: 302, headers: { location: `${BASE}/${KUBECTL}` } }),
    ),
    files: [],
    error: ["redirects more than 10 times"],
  },
  // What is there before.
  "what is there and right is not fetched": {
    before: put(kubectl),
    check: ({ requests }) => assert(!requests.includes(`GET ${BASE}/${KUBECTL}`)),
  },
  "what is there and something else stays": {
    before: put(new TextEncoder().encode("mine")),
    files: ["kubectl"],
    error: [
      "another file has this name",
      `Its SHA-512 is ${digestOf("sha512", new TextEncoder().encode("mine"))}, not ${sha512}`,
      "The digest is that of http",
      "Remove it, or choose another directory",
    ],
    check: (_, directory) =>
      assertEquals(Deno.readTextFileSync(join(directory, "to", "kubectl")), "mine"),
  },
  "a directory of that name stays": {
    before: (directory) => Deno.mkdirSync(join(directory, "to", "kubectl"), { recursive: true }),
    files: [],
    error: ["it is a directory", "Remove it, or choose another directory"],
    unsaid: ["SHA-512"],
  },
  "a link of that name stays": {
    before: (directory) => {
      Deno.mkdirSync(join(directory, "to"), { recursive: true });
      Deno.symlinkSync("/nowhere", join(directory, "to", "kubectl"));
    },
    files: ["kubectl"],
    error: ["it is a symbolic link", "Remove it, or choose another directory"],
    unsaid: ["SHA-512"],
  },
  "a named pipe of that name stays": {
    before: (directory) => {
      Deno.mkdirSync(join(directory, "to"), { recursive: true });
      new Deno.Command("mkfifo", { args: [join(directory, "to", "kubectl")] }).outputSync();
    },
    files: ["kubectl"],
    error: ["it is a named pipe"],
  },
  "what is there is not what the lock file has": {
    before: put(kubectl),
    lock: `sha512:${"d".repeat(128)} SITE${BASE}/${KUBECTL}\n`,
    error: ["another file has this name", 'that of line 1 of "kbuild.lock"', "remove that line"],
  },
  "a killed run's beginning is resumed": {
    before: putPartial(kubectl.subarray(0, 30_000)),
    check: ({ requests }) => assertEquals(requests.at(-1), `GET ${BASE}/${KUBECTL}+30000`),
  },
  "a killed run's complete file gets its name": {
    before: putPartial(kubectl),
    check: ({ requests }) => assertEquals(requests, [`GET ${BASE}/SHA512SUMS`]),
  },
  "a beginning of something else is fetched anew": {
    before: putPartial(contentOf("v1.29.6", KUBECTL).subarray(0, 30_000)),
    said: ["does not fit; all of it is fetched"],
    check: ({ requests }) => assertEquals(requests.at(-1), `GET ${BASE}/${KUBECTL}`),
  },
  "a beginning that is longer than the file is fetched anew": {
    before: putPartial(new Uint8Array([...kubectl, 1, 2, 3])),
    check: ({ requests }) => assertEquals(requests.at(-1), `GET ${BASE}/${KUBECTL}`),
  },
  "a server without ranges sends all again": {
    before: putPartial(kubectl.subarray(0, 30_000)),
    misbehave: at(`${BASE}/${KUBECTL}`, () => new Response(kubectl)),
  },
  "a server that answers another range is asked for all": {
    before: putPartial(kubectl.subarray(0, 30_000)),
    misbehave: at(
      `${BASE}/${KUBECTL}`,
      (request) =>
        request.headers.has("range")
          ? new Response(kubectl.subarray(10), {
            status: 206,
            headers: { "content-range": `bytes 10-${kubectl.length - 1}/${kubectl.length}` },
          })
          : undefined,
    ),
    said: ["does not fit; all of it is fetched"],
  },
  "a page instead of the rest": {
    before: putPartial(kubectl.subarray(0, 30_000)),
    misbehave: at(`${BASE}/${KUBECTL}`, () => new Response(PAGE)),
    files: [],
    error: ["a web page or an error in XML came instead"],
  },
  "a beginning that has another name, by which it can be changed": {
    before: (directory) => {
      putPartial(kubectl.subarray(0, 30_000))(directory);
      Deno.linkSync(partial(directory), join(directory, "other"));
    },
    files: [],
    error: ["Cannot resume the partial download", "hard links"],
    check: (_, directory) => assertEquals(Deno.statSync(join(directory, "other")).size, 30_000),
  },
  // Nobody else can give a file away.
  ...Deno.uid() !== 0 ? {} : {
    "a beginning of another user, who could change it": {
      before: (directory: string) => {
        putPartial(kubectl.subarray(0, 30_000))(directory);
        Deno.chownSync(partial(directory), 65534, 65534);
      },
      files: [],
      error: ["Cannot resume the partial download", "belongs to another user"],
    },
  },
  // Markers.
  "stable": { version: "stable", said: ["release/stable is v1.30.2"] },
  "a marker with a line end": { version: "stable-1" },
  "a marker of a minor version": { version: "stable-1.29", said: ["is v1.29.6"] },
  "a marker of get-kube.sh": { version: "release/latest", said: ["is v1.31.0-rc.0"] },
  "a marker of CI": { version: "ci/latest", said: ["is v1.31.0-rc.0.12+0123456789abcd"] },
  "a marker of CI's fast builds, which have a directory of their own": {
    version: "ci/latest-fast",
    said: ["ci/latest-fast is v1.31.0-rc.0.14+0123456789abcd"],
  },
  "a fast build by its version": { version: "ci/fast/v1.31.0-rc.0.14+0123456789abcd" },
  "a build of CI by its version": { version: "ci/v1.31.0-rc.0.12+0123456789abcd" },
  "a marker that does not exist": {
    version: "stable-1.99",
    files: [],
    error: ["the server said 404", "Markers: stable"],
  },
  "a page in place of a marker": {
    version: "stable",
    change: (files) => files.set("/release/stable.txt", PAGE),
    files: [],
    error: ["cannot read a version", 'it has "<!DOCTYPE html>'],
  },
  "a marker that leads out of the directory": {
    version: "stable",
    change: (files) => files.set("/release/stable.txt", "v1.30.2/../../x"),
    files: [],
    error: ["cannot read a version"],
  },
  "a marker ahead of its digests": {
    version: "stable",
    change: (files) => files.set("/release/stable.txt", "v1.30.3"),
    files: [],
    error: ["release/stable names it", KUBECTL, "The last complete one: kbuild download v1.30.2"],
  },
  "a marker ahead of one file": {
    version: "stable",
    change: (files) => void files.delete(`${BASE}/${KUBECTL}`),
    files: [],
    error: [KUBECTL, "The last complete one: kbuild download v1.30.1"],
  },
  "a marker ahead of one platform": {
    version: "stable",
    what: ["client", "bin/kubectl"],
    platforms: ["linux/amd64"],
    change: (files) => {
      files.set("/release/stable.txt", "v1.30.3");
      publish(files, "v1.30.3", { leaveOut: [KUBECTL] });
    },
    files: [],
    error: [KUBECTL, "The last complete one: kbuild download v1.30.2"],
  },
  "the first version of a minor one, ahead of its files": {
    version: "stable",
    change: (files) => files.set("/release/stable.txt", "v1.30.0"),
    files: [],
    error: ["The last complete one: kbuild download v1.29.6"],
  },
  "a marker ahead, and nothing before it either": {
    version: "stable",
    change: (files) => files.set("/release/stable.txt", "v1.40.0"),
    files: [],
    error: ["not all of its files are there yet", "try again later"],
  },
  // Mirrors and lock files.
  "a mirror carries, the origin vouches": {
    mirror: () => {},
    check: ({ requests }) => assertEquals(requests, [`GET ${BASE}/SHA512SUMS`]),
  },
  "a mirror with other bytes": {
    mirror: (files) => files.set(`${BASE}/${KUBECTL}`, contentOf("v1.30.1", KUBECTL)),
    files: [],
    error: ["its SHA-512 is"],
  },
  "a mirror with other bytes and digests that fit them": {
    mirror: (files) => {
      const other = contentOf("v1.30.1", KUBECTL);
      files.set(`${BASE}/${KUBECTL}`, other);
      files.set(`${BASE}/SHA512SUMS`, `${digestOf("sha512", other)}  ${KUBECTL}`);
    },
    files: [],
    error: ["its SHA-512 is"],
  },
  "a mirror without the file, and the original behind it": {
    mirror: (files) => void files.delete(`${BASE}/${KUBECTL}`),
    env: { DIRECT: "y" },
    said: ["the server said 404"],
  },
  "a mirror, and no way to the origin": {
    mirror: () => {},
    misbehave: () => new Response("closed", { status: 502 }),
    files: [],
    error: ["Cannot verify what mirrors serve", "never from a mirror", "--lock"],
  },
  "a mirror, no way to the origin, and a lock file": {
    mirror: () => {},
    misbehave: () => new Response("closed", { status: 502 }),
    lock: `sha512:${sha512} SITE${BASE}/${KUBECTL}\n`,
    check: ({ requests }) => assertEquals(requests, []),
  },
  "a lock file beats the site": {
    lock: `# mine\nsha512:${"d".repeat(128)} SITE${BASE}/${KUBECTL}\n`,
    files: [],
    error: [
      `its SHA-512 is ${sha512}, not dddd`,
      'The digest is that of line 2 of "kbuild.lock"',
      "If the file was published again, and you trust it: remove that line, and lock it again",
    ],
  },
  "nothing is fetched when nothing may be": {
    env: { KBUILD_OFFLINE: "y" },
    lock: `sha512:${sha512} SITE${BASE}/${KUBECTL}\n`,
    files: [],
    error: ["nothing may be fetched (--offline)", "kubectl"],
    check: ({ requests }) => assertEquals(requests, []),
  },
  "what is there is verified without a network": {
    env: { KBUILD_OFFLINE: "y" },
    before: put(kubectl),
    lock: `sha512:${sha512} SITE${BASE}/${KUBECTL}\n`,
    unsaid: ["Digests come from the site that is given"],
    check: ({ requests }) => assertEquals(requests, []),
  },
  // Choices.
  "what get-kube.sh takes": {
    what: [],
    files: [
      ...["release-tars/kubernetes-client-linux-amd64.tar.gz"],
      ...["release-tars/kubernetes-server-linux-amd64.tar.gz", "release-tars/kubernetes.tar.gz"],
    ],
  },
  "variables of get-kube.sh": {
    what: [],
    env: {
      ...{ KUBERNETES_CLIENT_OS: "darwin", KUBERNETES_CLIENT_ARCH: "arm64" },
      ...{ KUBERNETES_NODE_PLATFORM: "windows" },
    },
    files: [
      ...["release-tars/kubernetes-client-darwin-arm64.tar.gz"],
      ...["release-tars/kubernetes-node-windows-amd64.tar.gz"],
      ...["release-tars/kubernetes-server-linux-amd64.tar.gz", "release-tars/kubernetes.tar.gz"],
    ],
  },
  "tests of old versions are one tarball": {
    version: "v1.6.13",
    what: ["test"],
    files: ["release-tars/kubernetes-test.tar.gz"],
  },
  "tests of new versions are several": {
    what: ["test"],
    files: [
      ...["release-tars/kubernetes-test-linux-amd64.tar.gz"],
      ...["release-tars/kubernetes-test-portable.tar.gz"],
    ],
  },
  "programs for several platforms": {
    platforms: ["linux/amd64", "linux/arm64", "windows/amd64"],
    files: ["linux/amd64/kubectl", "linux/arm64/kubectl", "windows/amd64/kubectl.exe"],
  },
  "servers are for Linux": {
    what: ["server"],
    platforms: ["darwin/arm64"],
    files: [],
    error: ["it is not published", "linux"],
  },
};

/** Downloads as a case says. */
async function tryCase(
  { version = "v1.30.2", what = ["bin/kubectl"], platforms, ...rest }: Case,
  site: Site,
  directory: string,
  mirrorUrl: string | undefined,
): Promise<{ error: KbuildError | undefined; log: string }> {
  const { DIRECT, ...env } = rest.env ?? {};
  const host = site.url.replace("http://", "");
  const { context, log } = contextOf({
    ...site.env,
    ...env,
    ...(mirrorUrl === undefined
      ? {}
      : { KBUILD_MIRRORS: `${host}=${mirrorUrl}${DIRECT === undefined ? "" : ",direct"}` }),
  });
  const locked = rest.lock?.replaceAll("SITE", site.url);
  const request: DownloadRequest = {
    ...{ version, platforms, to: "to", cwd: directory, retryPolicy: HASTY },
    what: what.length === 0 ? undefined : what,
    ...(locked === undefined
      ? {}
      : { locked: { path: "kbuild.lock", files: parseLockFile(locked, "kbuild.lock") } }),
  };
  try {
    const plan = await prepareDownload(context, request);
    log.push(...plan.notes);
    await downloadFiles(context, plan, { retryPolicy: HASTY, hasher: inlineHasher });
    return { error: undefined, log: log.join("\n") };
  } catch (error) {
    if (!(error instanceof KbuildError)) throw error;
    return { error, log: log.join("\n") };
  }
}

/** Files that are there must be those that are published, whatever happened. */
function checkFiles(
  directory: string,
  published: Files,
  { files = ["kubectl"], error }: Case,
): void {
  const to = join(directory, "to");
  let found: readonly string[] = [];
  try {
    found = filesIn(to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const named = found.filter((path) => !path.includes(".kbuild-part-"));
  assertEquals(named, files);
  for (const path of found.filter((each) => !named.includes(each))) {
    assert(Deno.statSync(join(to, path)).size > 0, "an empty part is left");
  }
  if (error !== undefined) return;
  assertEquals(found, named, "something is left");
  const known = new Set([...published.values()].map((bytes) => digestOf("sha256", bytes)));
  for (const path of named) {
    const bytes = Deno.readFileSync(join(to, path));
    assert(known.has(digestOf("sha256", bytes)), `${path} is not what is published`);
    const mode = Deno.statSync(join(to, path)).mode! & 0o777;
    assertEquals(mode, path.startsWith("release-tars/") ? 0o644 : 0o755, path);
  }
}

for (const [name, each] of Object.entries(CASES)) {
  Deno.test(`download: ${name}`, () =>
    inDirectory(async (directory) => {
      const published = usualFiles();
      const files = new Map(published);
      each.change?.(files);
      each.before?.(directory);
      const download = async (mirrorUrl?: string) => {
        await withSite(files, async (site) => {
          const { error, log } = await tryCase(each, site, directory, mirrorUrl);
          const text = error === undefined
            ? ""
            : [error.message, ...error.output, ...error.notes].join("\n");
          if (each.error === undefined) assertEquals(text, "");
          else assert(error !== undefined, "no error");
          for (const words of each.error ?? []) assertStringIncludes(text, words);
          for (const words of each.said ?? []) assertStringIncludes(log, words);
          for (const words of each.unsaid ?? []) assert(!log.includes(words), log);
          checkFiles(directory, published, each);
          each.check?.(site, directory);
        }, each.misbehave);
      };
      if (each.mirror === undefined) return await download();
      const mirrored = new Map(published);
      each.mirror(mirrored);
      await withSite(mirrored, ({ url }) => download(url));
    }));
}
