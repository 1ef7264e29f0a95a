import { resolve } from "@std/path";
import { UsageError } from "../errors.ts";

/** Where a store is. */
export type StoreAddress =
  | { readonly kind: "folder"; readonly shown: string; readonly path: string }
  | { readonly kind: "http"; readonly shown: string; readonly url: URL }
  | {
    readonly kind: "registry";
    readonly shown: string;
    /** "registry.example/team/kbuild". */
    readonly repository: string;
    /** Whether it is spoken to without encryption. */
    readonly insecure: boolean;
  };

const FORMS: readonly string[] = [
  "A store is a directory, http(s)://HOST/PATH, or oci://REGISTRY/REPOSITORY",
];

/**
 * Reads the address of a store.
 *
 * @param cwd Relative paths start there.
 * @throws {UsageError} It is not one.
 */
export function parseStoreAddress(text: string, cwd: string): StoreAddress {
  if (text !== text.trim()) {
    throw new UsageError(
      `Cannot use "${shownOf(text.trim())}" as a store: white space is around the address`,
      FORMS,
    );
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    const [start] = /^(oci|https?):/i.exec(text) ?? [];
    // The rest may hold a password.
    if (start !== undefined) {
      throw new UsageError(`Cannot use "${start}…" as a store: "//" is missing`, FORMS);
    }
    return Object.freeze({ kind: "folder", shown: text, path: resolve(cwd, text) });
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const wrong = (why: string) =>
    new UsageError(`Cannot use "${shownOf(text)}" as a store: ${why}`, FORMS);
  if (url === undefined) throw wrong("it is not a URL");
  if (scheme === "http" || scheme === "https") {
    if (url.search !== "" || url.hash !== "") throw wrong("it has a query or a fragment");
    if (!areEncoded(url)) throw wrong("its user or password is not percent-encoded");
    return Object.freeze({ kind: "http", shown: shownOf(text), url });
  }
  if (scheme !== "oci") throw wrong(`"${scheme}" is not the scheme of a store`);
  const [, repository = "", query = ""] = /^oci:\/\/([^?#]*)(.*)$/i.exec(text) ?? [];
  if (!["", "?insecure"].includes(query)) throw wrong('"?insecure" alone may follow the name');
  if (url.username !== "" || url.password !== "" || repository.includes("@")) {
    throw wrong("log-ins are those of docker login and podman login");
  }
  const name = repository.replace(/\/+$/, "");
  if (!/^[^/]+\/./.test(name)) throw wrong("the name of a repository is missing");
  return Object.freeze({
    ...{ kind: "registry", shown: text, repository: name, insecure: query !== "" } as const,
  });
}

/** A URL without user and password, for messages; a password that is not percent-encoded may hold a slash. */
function shownOf(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/).*@/is, "$1");
}

function areEncoded({ username, password }: URL): boolean {
  return [username, password].every((part) => /^([^%]|%[0-9a-f]{2})*$/i.test(part));
}
