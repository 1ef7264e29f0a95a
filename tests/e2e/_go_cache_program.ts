/**
 * A compile cache of Go in a directory, as a program that Go starts
 * (https://pkg.go.dev/cmd/go/internal/cacheprog). It appends what it is asked for to `<directory>/log`.
 */
const [directory = "."] = Deno.args;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

interface Request {
  readonly ID: number;
  readonly Command: "get" | "put" | "close";
  readonly ActionID?: string;
  readonly OutputID?: string;
  readonly BodySize?: number;
}

function answer(value: unknown): void {
  let bytes = encoder.encode(`${JSON.stringify(value)}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

const hex = (text = "") =>
  Array.from(atob(text), (each) => each.charCodeAt(0).toString(16).padStart(2, "0")).join("");
const nameOf = (id: string | undefined) => `${directory}/${hex(id)}`;

/** Values on standard input, one after the other: requests, and bodies as strings. */
async function* values(): AsyncGenerator<unknown, void> {
  let rest = "";
  for await (const chunk of Deno.stdin.readable) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part.trim() !== "") yield JSON.parse(part);
  }
}

answer({ ID: 0, KnownCommands: ["get", "put", "close"] });
const input = values();
for await (const value of input) {
  const { ID, Command, ActionID, OutputID, BodySize = 0 } = value as Request;
  Deno.writeTextFileSync(`${directory}/log`, `${Command}\n`, { append: true });
  if (Command === "put") {
    const body = BodySize > 0 ? (await input.next()).value as string : "";
    const bytes = Uint8Array.from(atob(body), (each) => each.charCodeAt(0));
    const path = `${nameOf(OutputID)}-d`;
    Deno.writeFileSync(path, bytes);
    Deno.writeTextFileSync(`${nameOf(ActionID)}-a`, JSON.stringify({ OutputID, Size: BodySize }));
    answer({ ID, DiskPath: path });
  } else if (Command === "get") {
    try {
      const found = JSON.parse(Deno.readTextFileSync(`${nameOf(ActionID)}-a`));
      answer({ ID, ...found, DiskPath: `${nameOf(found.OutputID)}-d` });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      answer({ ID, Miss: true });
    }
  } else {
    answer({ ID });
    break;
  }
}
