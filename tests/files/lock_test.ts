import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { lockFile, lockFileNow } from "../../src/files/mod.ts";

async function inScratch(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "kbuild-lock-" });
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs a body with `FsFile.tryLock`, and as under Deno 2.6, which does not have it. */
async function withEveryDeno(body: (name: string) => Promise<void>): Promise<void> {
  await body("as is");
  const { prototype } = Deno.FsFile;
  const tryLock = Reflect.getOwnPropertyDescriptor(prototype, "tryLock");
  if (tryLock === undefined) return;
  Reflect.deleteProperty(prototype, "tryLock");
  try {
    await body("without tryLock()");
  } finally {
    Reflect.defineProperty(prototype, "tryLock", tryLock);
  }
}

Deno.test("lockFile() lets one in, and the next when the file is released", () =>
  withEveryDeno((name) =>
    inScratch(async (dir) => {
      const path = join(dir, "below/lock");
      const first = await lockFile(path, { holder: '"kbuild first"' });
      assertEquals([first.waited, await Deno.readTextFile(path)], [false, '"kbuild first"'], name);
      const seen: string[] = [];
      let second = false;
      const waiting = lockFile(path, { onWait: (holder) => seen.push(holder) }).then((lock) => {
        second = true;
        return lock;
      });
      await pause(400);
      assertEquals([seen, second], [['"kbuild first"'], false], name);
      first.release();
      first.release();
      using lock = await waiting;
      assertEquals([lock.waited, await Deno.readTextFile(path)], [true, ""], name);
    })
  ));

Deno.test("lockFile() starts again where the file is when its holder moved or removed it", () =>
  withEveryDeno((name) =>
    inScratch(async (dir) => {
      const path = join(dir, "out/lock");
      for (const away of ["moved", "removed"]) {
        const first = await lockFile(path);
        const waiting = lockFile(path);
        await pause(200);
        if (away === "moved") await Deno.rename(path, join(dir, away));
        else await Deno.remove(join(dir, "out"), { recursive: true });
        first.release();
        const second = await waiting;
        assert(second.waited, `${name}, ${away}`);
        const [open, named] = [await second.file.stat(), await Deno.stat(path)];
        assertEquals(open.ino, named.ino, `${name}, ${away}`);
        second.release();
      }
    })
  ));

Deno.test("lockFileNow() takes a free lock, and does not wait for another", () =>
  inScratch(async (dir) => {
    const path = join(dir, "lock");
    const first = await lockFileNow(path, { holder: '"kbuild first"' });
    assertEquals(await lockFileNow(path, { holder: "the second" }), undefined);
    assertEquals(await Deno.readTextFile(path), '"kbuild first"');
    first?.release();
    (await lockFileNow(path))!.release();
  }));

Deno.test("lockFile() removes a temporary lock with its release", () =>
  inScratch(async (dir) => {
    const path = join(dir, "lock");
    const first = await lockFile(path, { temporary: true });
    const waiting = lockFile(path, { temporary: true });
    await pause(100);
    first.release();
    const second = await waiting;
    assertEquals((await second.file.stat()).ino, (await Deno.stat(path)).ino);
    second.release();
    assertEquals([...Deno.readDirSync(dir)], []);
  }));

Deno.test("lockFile() never lets two in, whoever moves the directory away meanwhile", () =>
  inScratch(async (dir) => {
    const path = join(dir, "out/lock");
    let [inside, entered] = [0, 0];
    const worker = async (at: number) => {
      for (let round = 0; round < 25; round++) {
        using _lock = await lockFile(path);
        inside += 1;
        entered += 1;
        assertEquals(inside, 1);
        await pause((at + round) % 3);
        assertEquals(inside, 1);
        // Whoever moves the file away gives the lock back with it: the next may be in before rename() ends.
        inside -= 1;
        if ((at + round) % 2 === 0) {
          await Deno.rename(join(dir, "out"), join(dir, `${at}-${round}`));
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, (_, at) => worker(at)));
    assertEquals(entered, 100);
  }));

Deno.test("lockFile() stops waiting with the reason of the signal", () =>
  inScratch(async (dir) => {
    const path = join(dir, "lock");
    using _held = await lockFile(path);
    const controller = new AbortController();
    const reason = new KbuildError("Stopped by Ctrl-C");
    const waiting = lockFile(path, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    assertEquals(await assertRejects(() => waiting), reason);
    assertEquals(await assertRejects(() => lockFile(path, { signal: controller.signal })), reason);
  }));

Deno.test("lockFile() takes no link, directory or pipe for the file, and changes nothing there", () =>
  inScratch(async (dir) => {
    const precious = join(dir, "precious");
    await Deno.writeTextFile(precious, "precious");
    const path = join(dir, "lock");
    const makes: readonly (readonly [kind: string, make: () => Promise<unknown>])[] = [
      ["a symbolic link", () => Deno.symlink(precious, path)],
      ["a symbolic link", () => Deno.symlink(join(dir, "nothing"), path)],
      ["a directory", () => Deno.mkdir(path)],
      ["a named pipe", () => new Deno.Command("mkfifo", { args: [path] }).output()],
    ];
    for (const [kind, make] of makes) {
      await make();
      const error = await assertRejects(
        () => lockFile(path, { holder: '"kbuild x"' }),
        KbuildError,
      );
      assertEquals(error.message, `Cannot lock "${path}": it is ${kind}`);
      await Deno.remove(path, { recursive: true });
    }
    assertEquals(await Deno.readTextFile(precious), "precious");
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["precious"]);
  }));

Deno.test("lockFile() takes nobody else's file for a lock", () =>
  inScratch(async (dir) => {
    const [path, other] = [join(dir, "lock"), join(dir, "other")];
    await Deno.writeTextFile(path, "precious\n");
    const lock = () => lockFile(path, { holder: '"kbuild x"' });
    await assertRejects(lock, KbuildError, "is not a lock of kbuild's");
    assertEquals(await Deno.readTextFile(path), "precious\n");
    // What a killed run has left.
    await Deno.writeTextFile(path, '"kbuild all" (process 7)\n');
    (await lock()).release();
    await Deno.link(path, other);
    await assertRejects(lock, KbuildError, "other names");
  }));

Deno.test("lockFile() and lockFileNow() take no directory for missing that cannot be used", () =>
  inScratch(async (dir) => {
    await Deno.symlink("loop", join(dir, "loop"));
    await Deno.writeTextFile(join(dir, "file"), "");
    for (const name of ["loop", "file"]) {
      for (const lock of [lockFile, lockFileNow]) {
        const path = join(dir, name, ".lock");
        await assertRejects(() => lock(path), KbuildError, `Cannot lock "${path}": `);
      }
    }
  }));
