import { format as formatBytes } from "@std/fmt/bytes";
import { KbuildError, UsageError } from "../errors.ts";
import { counted } from "../lib/counted.ts";
import {
  collectGarbage,
  parseStoreAddress,
  probeStore,
  statStore,
  type StoreAddress,
  verifyStore,
} from "../store/mod.ts";
import type { CommandContext } from "./context.ts";
import { STORE } from "./flags.ts";
import { openStoreOf } from "./open_store.ts";

const DAY = 24 * 3600_000;

/** Days after which what is unused goes, without another limit. */
const UNUSED_DAYS = 30;

/** What `kbuild store` asks for. */
export interface StoreRequest {
  readonly unusedDays: number | undefined;
  readonly maxMegabytes: number | undefined;
  readonly remove: boolean;
}

/** Does what `kbuild store ACTION` asks for. */
export async function runStore(
  command: CommandContext,
  action: string,
  request: StoreRequest,
): Promise<void> {
  const address = addressOf(command);
  if (action === "stat" && address.kind !== "folder") return await ask(command, address);
  if (address.kind !== "folder") {
    throw new UsageError(`Cannot use "kbuild store ${action}" for "${address.shown}"`, [
      address.kind === "http"
        ? "Its server cleans and checks what it has; a directory that it serves is a store, too"
        : "Its registry does: tags of results begin with kbuild-; remove old ones by a rule there",
    ]);
  }
  if (action === "stat") await stat(command, address.path);
  else if (action === "gc") await collect(command, address.path, request);
  else await verify(command, address.path, request);
}

function addressOf({ env, cwd }: CommandContext): StoreAddress {
  const given = env[STORE.variable] ?? "";
  if (given !== "") return parseStoreAddress(given, cwd);
  throw new UsageError("No store is named", ["Name it: --store STORE, or KBUILD_STORE"]);
}

/** Asks a server for something that it need not have. */
async function ask(command: CommandContext, { shown }: StoreAddress): Promise<void> {
  const before = performance.now();
  using store = await openStoreOf(command, { readOnly: true });
  const answers = store !== undefined && await probeStore(store, "read");
  const ms = Math.round(performance.now() - before);
  if (!answers) throw new KbuildError(`The store "${shown}" cannot be used`);
  if (command.globals.json) command.printJson({ store: shown, answersAfterMs: ms });
  else command.print(`${shown} answers, after ${ms} ms`);
}

async function stat(command: CommandContext, path: string): Promise<void> {
  const found = await statStore(path);
  const oldest = found.oldest === undefined ? null : new Date(found.oldest).toISOString();
  if (command.globals.json) return command.printJson({ store: path, ...found, oldest });
  command.printTable([
    ["results and compressed blocks", `${found.entries}`, formatBytes(found.entryBytes)],
    ["files of results", `${found.blobs}`, formatBytes(found.blobBytes)],
    ["least recent use", oldest ?? "", ""],
  ], { align: ["left", "right", "right"] });
}

async function collect(
  command: CommandContext,
  path: string,
  { unusedDays, maxMegabytes }: StoreRequest,
): Promise<void> {
  const days = unusedDays ?? (maxMegabytes === undefined ? UNUSED_DAYS : undefined);
  const done = await collectGarbage(path, {
    ...(maxMegabytes === undefined ? {} : { limit: maxMegabytes * 1e6 }),
    ...(days === undefined ? {} : { unusedFor: days * DAY }),
    signal: command.signal,
  });
  if (command.globals.json) return command.printJson({ store: path, ...done });
  command.print(
    `Removed ${done.entries} results and compressed blocks, ${counted(done.blobs, "file")} ` +
      `(${formatBytes(done.bytes)}); ${formatBytes(done.kept)} left`,
  );
}

async function verify(
  command: CommandContext,
  path: string,
  { remove }: StoreRequest,
): Promise<void> {
  const damages = await verifyStore(path, { remove, signal: command.signal });
  if (command.globals.json) command.printJson({ store: path, damaged: damages, removed: remove });
  else for (const damage of damages) command.print(`${damage.path}: ${damage.reason}`);
  if (damages.length === 0) {
    if (!command.globals.json) command.print("No file is damaged");
    return;
  }
  if (remove) {
    if (!command.globals.json) command.print(`Removed ${counted(damages.length, "damaged file")}`);
    return;
  }
  throw new KbuildError(`Store "${path}" has ${counted(damages.length, "damaged file")}`, {
    notes: [
      "Builds do not use them, and make them again; to remove them: kbuild store verify --remove",
    ],
  });
}
