import type { Checkout } from "../../checkout/mod.ts";
import { type GoTool, provideGo } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";

/**
 * Port of `kube::golang::verify_go_version` and of what 1.27 and later do before it: the Go that
 * the checkout is built with, fetched when it is not there. Numbers are compared as numbers, where
 * the scripts of 1.7 compare text.
 *
 * @throws {KbuildError} No Go is there or can be fetched, or it is older than the checkout's minimum.
 */
export async function verifyGoVersion(context: KubeContext, checkout: Checkout): Promise<GoTool> {
  return await provideGo(context, checkout);
}
