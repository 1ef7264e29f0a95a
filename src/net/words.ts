import { jsonIn, objectIn } from "../files/mod.ts";

/** A body that says more than this says too much. */
const MAX_WORDS = 300;

/**
 * What a server says in the body of a refusal: the errors of a registry
 * (`{"errors":[{"code":"DENIED","message":"…"}]}` -> "DENIED: …"), of a token server, or plain text.
 *
 * @param contentType `Content-Type`; a web page says nothing.
 */
export function wordsIn(text: string, contentType: string | null = null): string {
  return clean(inJson(text) ?? inText(text, contentType));
}

/** Codes of the errors in the body of a refusal: "DENIED". */
export function errorCodesIn(text: string): readonly string[] {
  return errorsIn(text)?.map((error) => (error as { code?: unknown } | null)?.code)
    .filter((code) => typeof code === "string") ?? [];
}

function inJson(text: string): string | undefined {
  return errorsIn(text)?.map(inError).filter((said) => said !== "").join("; ");
}

/** The errors that a JSON text lists, or itself as one; undefined for any other text. */
function errorsIn(text: string): readonly unknown[] | undefined {
  const value = jsonIn(text);
  if (value === undefined) return undefined;
  const { errors, ...whole } = objectIn(text) ?? {};
  return Array.isArray(errors) ? errors : [whole];
}

function inError(error: unknown): string {
  if (typeof error !== "object" || error === null) return typeof error === "string" ? error : "";
  const { code, message, detail, details, error: kind, error_description: description } =
    error as Record<string, unknown>;
  const said = [code ?? kind, message ?? description ?? details ?? detail];
  return said.filter((word) => typeof word === "string" && word !== "").join(": ");
}

function inText(text: string, contentType: string | null): string {
  const isPage = /html/i.test(contentType ?? "") || /^\s*</.test(text);
  return isPage ? "" : text.trim().split("\n", 1)[0]!;
}

/** One line without control characters: it goes to a terminal. */
function clean(words: string): string {
  return words.replaceAll(/[\s\p{Cc}]+/gu, " ").trim().slice(0, MAX_WORDS);
}
