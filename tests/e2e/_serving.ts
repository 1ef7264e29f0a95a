/** Real servers on this machine, for as long as something uses them. */
import { ENV } from "./_program.ts";

/** A port that nobody listens at now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A server that runs. */
export interface Serving {
  /** Ends it before its time, and waits for that. */
  readonly stop: () => Promise<void>;
}

/**
 * Runs `body` beside a server, once that answers.
 *
 * @param url Where it is asked.
 * @param isUp Whether an answer means that it can be used; default: any.
 */
export async function whileServing<T>(
  [program = "", ...args]: readonly string[],
  url: string,
  body: (serving: Serving) => Promise<T>,
  isUp: (answer: Response) => boolean = () => true,
): Promise<T> {
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const child = new Deno.Command(program, { args, env: { ...ENV }, clearEnv: true, ...quiet })
    .spawn();
  let stopped = false;
  const stop = async () => {
    if (!stopped) child.kill("SIGTERM");
    stopped = true;
    await child.status;
  };
  try {
    for (let tries = 0; tries < 100; tries++) {
      const answer = await fetch(url).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer !== undefined && isUp(answer)) return await body({ stop });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${program} does not answer at ${url}`);
  } finally {
    await stop();
  }
}
