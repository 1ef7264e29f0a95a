import { NetworkError } from "./failure.ts";

/**
 * The result of a request; undefined if the server says that there is nothing there (404).
 *
 * @throws The request's error.
 */
export async function ifFound<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof NetworkError && error.status === 404) return undefined;
    throw error;
  }
}
