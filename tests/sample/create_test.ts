import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import { createSample, type EraParameter, SAMPLE_ERAS, sampleFiles } from "../../src/sample/mod.ts";
import { ENV, inTemp, output, shell } from "./_sample.ts";

/** The commit id of each sample, on every machine. A change of a sample changes them. */
const COMMITS: Readonly<Record<EraParameter, string>> = {
  "1.7": "69f3e0c7e138ae6be1959f94a2a704765276bfb6",
  "1.20": "ecd8c20bd310678afac8a864a3faaae3384874f5",
  "1.28": "9db65f75a87bd22a306de9e8514a41d82d4f3702",
  "1.35": "e8c65ebe63434d22c04df497fe82539eeca818f4",
  "latest": "3425b1d615e2eb88a0739b2271539258e7871e60",
};

for (const era of SAMPLE_ERAS) {
  Deno.test(`createSample() makes the same commit everywhere: ${era}`, async () => {
    await inTemp(async (dir) => {
      const start = performance.now();
      const sample = await createSample({ dir: `${dir}/new/k8s`, era, git: shell, env: ENV });
      const seconds = (performance.now() - start) / 1000;
      assert(seconds < 60, `took ${seconds} s`);
      assertEquals(sample.commit, COMMITS[era]);
      assertEquals(sample.files, sampleFiles(era).size);

      const git = async (...argv: string[]) =>
        (await output(["git", ...argv], { cwd: sample.dir })).trimEnd();
      assertEquals(await git("rev-parse", "HEAD"), sample.commit);
      assertEquals(await git("describe", "--tags", "--exact-match"), sample.version);
      assertEquals(await git("symbolic-ref", "--short", "HEAD"), sample.branch);
      assertEquals(await git("status", "--porcelain", "--ignored"), "");
      assertEquals(await git("tag", "--sort=creatordate"), sample.tags.join("\n"));
      assertEquals(
        await git("show", "-s", "--format=%ct %at"),
        `${sample.commitTime} ${sample.commitTime}`,
      );
      assertMatch(
        await git("describe", "--abbrev=14", "HEAD~1"),
        /^v[\d.]+(-rc\.0)?-1-g[0-9a-f]{14}$/,
      );
      await git("fsck", "--strict");
    });
  });

  Deno.test(`createSample() writes what sampleFiles() says: ${era}`, async () => {
    await inTemp(async (dir) => {
      await createSample({ dir, era, git: shell, env: ENV });
      for (const [path, file] of sampleFiles(era)) {
        const place = `${dir}/${path}`;
        if ("link" in file) {
          assertEquals(await Deno.readLink(place), file.link, path);
        } else {
          assertEquals(await Deno.readTextFile(place), file.text, path);
          const { mode } = await Deno.stat(place);
          assertEquals(((mode ?? 0) & 0o100) !== 0, file.mode === 0o755, path);
        }
      }
    });
  });
}

Deno.test("createSample() does not care for the user's settings", async () => {
  await inTemp(async (dir) => {
    const home = `${dir}/home`;
    await Deno.mkdir(`${home}/.config/git`, { recursive: true });
    await Deno.writeTextFile(
      `${home}/.gitconfig`,
      "[core]\n\tautocrlf = true\n\tabbrev = 4\n\thooksPath = /nowhere\n[commit]\n\tgpgSign = true\n",
    );
    await Deno.writeTextFile(`${home}/.config/git/attributes`, "* text eol=crlf\n");
    const env = {
      PATH: ENV.PATH!,
      HOME: home,
      TZ: "Asia/Kathmandu",
      LANG: "de_DE.UTF-8",
      GIT_DIR: `${dir}/elsewhere`,
      GIT_AUTHOR_DATE: "2001-01-01T00:00:00Z",
      GIT_DEFAULT_HASH: "sha256",
    };
    const sample = await createSample({ dir: `${dir}/k8s`, era: "1.20", git: shell, env });
    assertEquals(sample.commit, COMMITS["1.20"]);
    assert(!(await Deno.readTextFile(`${sample.dir}/README.md`)).includes("\r"));
    const status = await output(["git", "status", "--porcelain"], {
      cwd: sample.dir,
      env: { HOME: home },
    });
    assertEquals(status, "");
  });
});

Deno.test("createSample() makes another commit for another seed", async () => {
  await inTemp(async (dir) => {
    const make = (name: string, seed: string) =>
      createSample({ dir: `${dir}/${name}`, era: "1.20", git: shell, env: ENV, seed });
    const [one, two, again] = [await make("1", "a"), await make("2", "b"), await make("3", "a")];
    assertNotEquals(one.commit, COMMITS["1.20"]);
    assertNotEquals(one.commit, two.commit);
    assertEquals(one.commit, again.commit);
  });
});

Deno.test("createSample() refuses a directory that holds something", async () => {
  await inTemp(async (dir) => {
    await Deno.writeTextFile(`${dir}/mine`, "");
    const error = await assertRejects(
      () => createSample({ dir, era: "1.20", git: shell, env: ENV }),
      KbuildError,
      'the directory holds "mine"',
    );
    assertEquals((error as KbuildError).notes, ["Name a new or an empty directory"]);
    const file = `${dir}/mine`;
    await assertRejects(
      () => createSample({ dir: file, era: "1.20", git: shell, env: ENV }),
      KbuildError,
      "Cannot make a sample in",
    );
  });
});

Deno.test("createSample() leaves nothing behind when git fails", async () => {
  await inTemp(async (dir) => {
    const failing = {
      ...shell,
      run: (argv: readonly string[], options: Parameters<typeof shell.run>[1]) =>
        shell.run(argv.includes("checkout") ? ["git", "no-such-command"] : argv, options),
    };
    await Deno.mkdir(`${dir}/there`);
    for (const name of ["new", "there"]) {
      await assertRejects(
        () => createSample({ dir: `${dir}/${name}`, era: "1.20", git: failing, env: ENV }),
        KbuildError,
      );
    }
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["there"]);
    assertEquals([...Deno.readDirSync(`${dir}/there`)], []);
  });
});
