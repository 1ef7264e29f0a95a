/** Programs that read archives, each as a function from an archive to the same description of it. */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { maybeGunzip, readFileChunks, readTar } from "../../src/archive/mod.ts";
import { output, which } from "./_program.ts";

/** A member in one line: name, kind, size, mode, time, link target, and the digest of its content. */
export interface Member {
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "hardlink";
  /** Bytes; 0 for all but files. */
  readonly size: number;
  /** Permission bits, octal. */
  readonly mode: string;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly link: string;
  /** SHA-256 of a file's content; "" for all else. */
  readonly digest: string;
}

/** An archive as one reader sees it. */
export interface Seen {
  /** In the order of the archive. */
  readonly members: readonly Member[];
}

/** What every reader is compared with. */
export interface Own extends Seen {
  /** SHA-256 of the contents of all files and the targets of all links, one after the other. */
  readonly contents: string;
  /** SHA-256 of the tar, decompressed. */
  readonly tar: string;
}

const ENVIRONMENT = { LC_ALL: "C.UTF-8", TZ: "UTC" };

/** As kbuild's own reader sees it. */
export async function readOwn(archive: string): Promise<Own> {
  const members: Member[] = [];
  const contents = createHash("sha256");
  for await (const member of readTar(maybeGunzip(readFileChunks(archive), archive))) {
    const digest = createHash("sha256");
    for await (const chunk of member.chunks()) {
      digest.update(chunk);
      contents.update(chunk);
    }
    contents.update(member.linkName ?? "");
    const kinds: Record<string, Member["kind"]> = {
      file: "file",
      directory: "directory",
      symlink: "symlink",
      hardlink: "hardlink",
    };
    members.push({
      name: member.name.replace(/\/$/, ""),
      kind: kinds[member.type]!,
      size: member.type === "file" ? member.size : 0,
      mode: octal(member.mode),
      mtime: member.mtime,
      link: member.linkName ?? "",
      digest: member.type === "file" ? digest.digest("hex") : "",
    });
  }
  const tar = createHash("sha256");
  for await (const chunk of maybeGunzip(readFileChunks(archive), archive)) tar.update(chunk);
  return { members, contents: contents.digest("hex"), tar: tar.digest("hex") };
}

const PYTHON = `
import hashlib, json, sys, tarfile
kinds = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "directory",
         tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink"}
with tarfile.open(sys.argv[1], "r:*", errorlevel=2) as archive:
    for member in archive:
        digest = ""
        if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
            content = archive.extractfile(member)
            hashed = hashlib.sha256()
            while chunk := content.read(1 << 20):
                hashed.update(chunk)
            digest = hashed.hexdigest()
        print(json.dumps({"name": member.name, "kind": kinds[member.type],
                          "size": member.size if digest else 0, "mode": "%o" % member.mode,
                          "mtime": int(member.mtime), "link": member.linkname, "digest": digest}))
`;

/** As Python's tarfile sees it. */
export async function readByPython(archive: string): Promise<Seen> {
  return { members: linesOf(await output(["python3", "-c", PYTHON, archive])) };
}

const GO_PROGRAM = `package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

type member struct {
	Name   string \`json:"name"\`
	Kind   string \`json:"kind"\`
	Size   int64  \`json:"size"\`
	Mode   string \`json:"mode"\`
	Mtime  int64  \`json:"mtime"\`
	Link   string \`json:"link"\`
	Digest string \`json:"digest"\`
}

var kinds = map[byte]string{
	tar.TypeReg: "file", tar.TypeDir: "directory", tar.TypeSymlink: "symlink", tar.TypeLink: "hardlink",
}

func list(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewReaderSize(file, 1<<20)
	var source io.Reader = buffered
	if start, err := buffered.Peek(2); err == nil && start[0] == 0x1f && start[1] == 0x8b {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		unzipped.Multistream(false)
		source = unzipped
	}
	reader := tar.NewReader(source)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		// Go shows what git archive notes for the whole archive, the commit, as a member.
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		kind := kinds[header.Typeflag]
		digest, size := "", int64(0)
		if kind == "file" {
			hashed := sha256.New()
			if size, err = io.Copy(hashed, reader); err != nil {
				return err
			}
			digest = fmt.Sprintf("%x", hashed.Sum(nil))
		}
		if err := out.Encode(member{
			strings.TrimSuffix(header.Name, "/"), kind, size,
			strconv.FormatInt(header.Mode, 8), header.ModTime.Unix(), header.Linkname, digest,
		}); err != nil {
			return err
		}
	}
	// The checksum is looked at when all has been read.
	if _, err := io.Copy(io.Discard, source); err != nil {
		return err
	}
	if _, err := buffered.Peek(1); err != io.EOF {
		return errors.New("there is more behind the end of the first gzip member")
	}
	return nil
}

func main() {
	if err := list(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`;

/** Builds the reader with Go's archive/tar and compress/gzip; returns its path. */
export async function buildGoReader(dir: string): Promise<string> {
  await Deno.writeTextFile(join(dir, "main.go"), GO_PROGRAM);
  const env = { GO111MODULE: "off", GOTOOLCHAIN: "local", GOFLAGS: "" };
  await output(["go", "build", "-o", "list", "main.go"], { cwd: dir, env });
  return join(dir, "list");
}

/** As Go's archive/tar and compress/gzip see it; the gzip must have one member. */
export async function readByGo(program: string, archive: string): Promise<Seen> {
  return { members: linesOf(await output([program, archive])) };
}

/**
 * As GNU tar or bsdtar see it: names in their order as listed, all else as unpacked.
 *
 * @param dir A new directory to unpack to; removed afterwards.
 */
export async function readByUnpacking(
  program: "tar" | "bsdtar",
  archive: string,
  dir: string,
): Promise<Seen> {
  const options = { env: ENVIRONMENT };
  const literally = program === "tar" ? ["--quoting-style=literal"] : [];
  const names = await output([program, "-t", ...literally, "-f", archive], options);
  await Deno.mkdir(dir);
  try {
    await output([program, "-x", "-p", "-f", archive, "-C", dir], options);
    const members = [];
    for (const line of names.split("\n").filter((name) => name !== "")) {
      const name = line.replace(/\/$/, "");
      members.push(await memberOnDisk(dir, name));
    }
    return { members };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function memberOnDisk(dir: string, name: string): Promise<Member> {
  const path = join(dir, name);
  const info = await Deno.lstat(path);
  let digest = "";
  if (info.isFile) {
    const hash = createHash("sha256");
    for await (const chunk of readFileChunks(path)) hash.update(chunk);
    digest = hash.digest("hex");
  }
  return {
    name,
    kind: info.isSymlink ? "symlink" : info.isDirectory ? "directory" : "file",
    size: info.isFile ? info.size : 0,
    mode: octal((info.mode ?? 0) & 0o7777),
    mtime: Math.floor((info.mtime?.getTime() ?? 0) / 1000),
    link: info.isSymlink ? await Deno.readLink(path) : "",
    digest,
  };
}

/** What 7z sees: it gives contents, of links as well, all at once only. */
export interface SeenBy7z extends Seen {
  /** As {@linkcode Own.contents}. */
  readonly contents: string;
}

/** As 7z sees it. Of the two archives in a `.tar.gz` it reads one at a time. */
export async function readBy7z(archive: string, dir: string): Promise<SeenBy7z> {
  await Deno.mkdir(dir);
  try {
    const options = { env: ENVIRONMENT };
    await output(["7z", "t", "-bd", archive], options);
    let tar = archive;
    if (archive.endsWith(".gz")) {
      tar = join(dir, "inner.tar");
      await pipeTo(["7z", "x", "-so", archive], tar);
    }
    await output(["7z", "t", "-bd", tar], options);
    const listed = await output(["7z", "l", "-slt", "-ba", "-ttar", tar], options);
    const members = listed.trim().split(/\n\n+/).map((block) => {
      const fields = new Map(
        block.split("\n").map((line) => {
          const at = line.indexOf(" = ");
          return [line.slice(0, at), line.slice(at + 3)] as const;
        }),
      );
      const field = (name: string) => fields.get(name) ?? "";
      const kinds = { d: "directory", l: "symlink", "-": "file" } as const;
      const mode = field("Mode");
      const kind = kinds[mode[0] as keyof typeof kinds];
      return {
        name: field("Path"),
        kind,
        size: kind === "file" ? Number(field("Size")) : 0,
        mode: octal(fromLetters(mode.slice(1))),
        mtime: Date.parse(`${field("Modified").replace(" ", "T")}Z`) / 1000,
        link: field("Symbolic Link") + field("Hard Link"),
        digest: "",
      };
    });
    const contents = await digestOf(["7z", "x", "-so", "-ttar", tar]);
    return { members, contents };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The digest of what a program writes to stdout. */
export async function digestOf(argv: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  await pipeInto(argv, (chunk) => void hash.update(chunk));
  return hash.digest("hex");
}

async function pipeTo(argv: readonly string[], path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await pipeInto(argv, async (chunk) => {
    for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
  });
}

async function pipeInto(
  [program = "", ...args]: readonly string[],
  sink: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const command = new Deno.Command(program, {
    args,
    env: ENVIRONMENT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const said = new Response(child.stderr).text();
  for await (const chunk of child.stdout) await sink(chunk);
  const { code } = await child.status;
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${await said}`);
  await said;
}

function linesOf(text: string): Member[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function octal(mode: number): string {
  return mode.toString(8);
}

/** "rwxr-xr-x" as a number; the letters of set-id and sticky bits do not occur. */
function fromLetters(letters: string): number {
  return parseInt([...letters].map((letter) => letter === "-" ? "0" : "1").join(""), 2);
}

/** Why a reader cannot be asked here; undefined when it can. */
export function lacks(...programs: string[]): string | undefined {
  const absent = programs.filter((program) => which(program) === undefined);
  return absent.length === 0 ? undefined : `needs ${absent.join(" and ")}`;
}
