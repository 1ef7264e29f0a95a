import { readCheckoutFile } from "../checkout/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { boilerplateCheck } from "./boilerplate.ts";
import { gofmtScript } from "./gofmt.ts";
import type { Check } from "./list.ts";
import type { NativeScript } from "./native.ts";

/**
 * The work of a script, if it is one of Kubernetes' own whose lists kbuild can read, and there is nothing in it beyond
 * what those do; undefined otherwise: then bash runs it.
 *
 * @param env Environment of the scripts: their `PATH` has the gofmt that they would find.
 */
export async function nativeScript(
  context: KubeContext,
  { path, directory }: Pick<Check, "path" | "directory">,
  env: Readonly<Record<string, string>>,
): Promise<NativeScript | undefined> {
  if (directory !== "") return undefined;
  const { text } = await readCheckoutFile(context.root, path);
  if (text === undefined) return undefined;
  switch (path) {
    case "hack/verify-gofmt.sh":
    case "hack/update-gofmt.sh":
      return await gofmtScript(context, { path, text, env });
    case "hack/verify-boilerplate.sh":
      return await boilerplateCheck(context, text);
    default:
      return undefined;
  }
}
