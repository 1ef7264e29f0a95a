import { assertEquals } from "@std/assert";
import { doctorWord } from "../../src/doctor/mod.ts";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { NetworkError } from "../../src/net/mod.ts";
import { CommandError } from "../../src/shell/mod.ts";

const failed = (program: string, options = {}) =>
  new CommandError("It failed", { argv: [program], cwd: "/", ...options });

Deno.test("doctorWord() names the checks by class and fields of an error and its causes", () => {
  const full = Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  const network = new NetworkError("https://registry.example/", "connection refused");
  const table: readonly (readonly [unknown, string | undefined])[] = [
    [new KbuildError("No version", { subject: "git" }), "git"],
    [new KbuildError("No Go", { subject: "go", cause: network }), "go"],
    [new KbuildError("No gcc", { subject: "compiler" }), "go"],
    [new KbuildError("Cannot write", { cause: full }), "machine"],
    [
      new KbuildError("Cannot fetch", { cause: new KbuildError("x", { cause: network }) }),
      "network",
    ],
    [failed("/usr/bin/git"), "git"],
    [failed("docker"), "docker"],
    [failed("podman"), "podman"],
    [failed("go", { subject: "machine" }), "machine"],
    // Errors of sources, of a request, of kbuild: doctor knows nothing of them.
    [failed("/usr/local/go/bin/go", { code: 1 }), undefined],
    [new UsageError("Unknown"), undefined],
    [new KbuildError("git is not in this sentence's class"), undefined],
    [new TypeError("x"), undefined],
    ["no error at all", undefined],
  ];
  for (const [error, word] of table) assertEquals(doctorWord(error), word, String(error));
});
