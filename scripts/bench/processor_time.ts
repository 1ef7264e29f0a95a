/** Processor time of programs, which says more than wall time on a machine that others use too. */

/** Clock ticks in a second, as `/proc` counts them (`proc_pid_stat(5)`; `getconf CLK_TCK` on every Linux). */
const TICKS = 100;

/**
 * Milliseconds of processor time, user and system, of all programs that this process has started and that have
 * ended, and of what those started; undefined without `/proc`. The difference of two is what ran between.
 */
export function processorMs(): number | undefined {
  let stat: string;
  try {
    stat = Deno.readTextFileSync("/proc/self/stat");
  } catch {
    return undefined;
  }
  // The name of the program is in parentheses, and may contain any character: cutime is the 14th after it.
  const fields = stat.replace(/^.*\) /s, "").split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 1000 / TICKS;
}
