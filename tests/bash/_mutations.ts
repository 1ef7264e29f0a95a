/** Random damage to scripts, the same for the same seed. */

/** A stream of numbers from 0 to 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const JUNK = [
  ...`"'\`$\\(){}[];&|<>#!*?~=+-%/:,.@^`,
  ..."$( ${ $(( (( )) [[ ]] ;; ;& && || << <<< <( $' \\\n \0 \r ä 𝒳 \ufeff".split(" "),
  ..." fi ; done ; esac ; then ; do ; if ; for ; case ; in ; while ; until ; function ; local ; return ; eval ; set -- ; unset "
    .split(";"),
  "<<EOF\n",
  "${X[@]}",
  '"${A[@]:+"',
  "$((1/0))",
  "X=(",
  ")\n",
  "((((((((",
  "${${",
  "$(".repeat(200),
  "{a,".repeat(50),
];
const FLIPS = new Map([...`"'`, ..."'`", "()", ")(", "{}", "}{", "[]", "][", "$\\", "&|", "=+"].map(
  (pair) => [pair[0]!, pair[1] ?? '"'],
));

/** Damages a script in one to four ways. */
export function mutate(script: string, random: () => number): string {
  const pick = (count: number) => Math.floor(random() * count);
  let text = script;
  for (let rounds = 1 + pick(4); rounds > 0; rounds--) {
    const at = pick(text.length + 1);
    switch (pick(8)) {
      case 0:
        text = inParts(text, /(?<=\n)/, pick, (parts, i) => parts.splice(i, 1));
        break;
      case 1:
        text = inParts(text, /(?<=\n)/, pick, (parts, i) => parts.splice(i, 0, parts[i]!));
        break;
      case 2:
        text = inParts(text, /(?<=\n)/, pick, (parts, i, j) => {
          [parts[i], parts[j]] = [parts[j]!, parts[i]!];
        });
        break;
      case 3:
        text = inParts(text, /(?=\s)|(?<=\s)/, pick, (parts, i) => parts.splice(i, 1));
        break;
      case 4:
        text = inParts(text, /(?=\s)|(?<=\s)/, pick, (parts, i, j) => {
          [parts[i], parts[j]] = [parts[j]!, parts[i]!];
        });
        break;
      case 5:
        text = random() < 0.3 ? text.slice(0, at) : text.slice(0, at) + text.slice(at + 1);
        break;
      case 6: {
        const from = [...text.matchAll(/["'`(){}[\]$&=]/g)].map((match) => match.index);
        const flip = from[pick(from.length)];
        if (flip === undefined) break;
        text = text.slice(0, flip) + (FLIPS.get(text[flip]!) ?? "") + text.slice(flip + 1);
        break;
      }
      case 7:
        text = text.slice(0, at) + JUNK[pick(JUNK.length)]! + text.slice(at);
        break;
    }
  }
  return text;
}

function inParts(
  text: string,
  border: RegExp,
  pick: (count: number) => number,
  change: (parts: string[], i: number, j: number) => void,
): string {
  const parts = text.split(border);
  change(parts, pick(parts.length), pick(parts.length));
  return parts.join("");
}
