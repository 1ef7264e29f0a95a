import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

const DIRECTORY = fromFileUrl(new URL("../../docs/recordings/", import.meta.url));
/** asciicast v2: seconds since the beginning, kind, text. */
type CastEvent = readonly [number, "o", string];

for (const { name } of Deno.readDirSync(DIRECTORY)) {
  Deno.test(`docs/recordings/${name} is an asciicast of a run that is never silent`, async () => {
    const [first = "", ...rest] = (await Deno.readTextFile(join(DIRECTORY, name))).trimEnd().split(
      "\n",
    );
    const { version, width } = JSON.parse(first);
    assertEquals([version, width], [2, 100]);
    const events: readonly CastEvent[] = rest.map((line) => JSON.parse(line));
    const shown = events.map(([, , text]) => text).join("");
    assert(shown.startsWith("$ kbuild "), "begins with what is typed");
    assertEquals(count(shown, "\x1b[?25l"), count(shown, "\x1b[?25h"), "the cursor comes back");
    assert(!/\/(root|home|tmp\/tmp)/.test(shown), "names no directory of the recording machine");
    const times = events.map(([at]) => at);
    const pauses = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    assert(pauses.every((pause) => pause >= 0 && pause < 2), `pauses: ${Math.max(...pauses)} s`);
  });
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}
