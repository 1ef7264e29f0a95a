import { hex } from "../files/mod.ts";

/** Linux capabilities in the order of their numbers (include/uapi/linux/capability.h). */
const NAMES = [
  "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable",
  "net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio",
  "sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time",
  "sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog",
  "wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore",
].join(" ").split(" ");

/** Version 2 of the attribute, and its flag for "effective" (struct vfs_cap_data). */
const REVISION_2 = 0x02000000;
const EFFECTIVE = 0x000001;

/**
 * The value of the extended attribute `security.capability` that `setcap` writes.
 *
 * @param text As setcap takes it: `cap_net_bind_service=+ep`, `cap_net_raw,cap_net_admin+ep`.
 * @returns 20 bytes, or undefined when the text names something unknown.
 */
export function encodeCapabilities(text: string): Uint8Array | undefined {
  const [, list = "", flags = ""] = /^([a-z_,]+)(?:=\+?|\+)([eip]+)$/.exec(text) ?? [];
  if (list === "") return undefined;
  let bits = 0n;
  for (const name of list.split(",")) {
    const number = NAMES.indexOf(name.replace(/^cap_/, ""));
    if (number < 0) return undefined;
    bits |= 1n << BigInt(number);
  }
  const permitted = flags.includes("p") ? bits : 0n;
  const inheritable = flags.includes("i") ? bits : 0n;
  const view = new DataView(new ArrayBuffer(20));
  view.setUint32(0, REVISION_2 | (flags.includes("e") ? EFFECTIVE : 0), true);
  view.setUint32(4, Number(permitted & 0xffffffffn), true);
  view.setUint32(8, Number(inheritable & 0xffffffffn), true);
  view.setUint32(12, Number(permitted >> 32n), true);
  view.setUint32(16, Number(inheritable >> 32n), true);
  return new Uint8Array(view.buffer);
}

/**
 * The words for a value of `security.capability`, as `getcap` prints them: `cap_net_bind_service=ep`.
 * Of a form that is not known (version 3 with a user namespace has 24 bytes) the bytes, hexadecimal.
 */
export function decodeCapabilities(value: Uint8Array): string {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length !== 20 || (view.getUint32(0, true) & 0xff000000) !== REVISION_2) {
    return `0x${hex(value)}`;
  }
  const bits = (at: number) =>
    BigInt(view.getUint32(at, true)) | BigInt(view.getUint32(at + 8, true)) << 32n;
  const [permitted, inheritable] = [bits(4), bits(8)];
  const effective = (view.getUint32(0, true) & EFFECTIVE) !== 0;
  const byFlags = new Map<string, string[]>();
  for (const [number, name] of NAMES.entries()) {
    const isIn = (set: bigint) => (set >> BigInt(number) & 1n) === 1n;
    const flags = (effective && isIn(permitted) ? "e" : "") + (isIn(inheritable) ? "i" : "") +
      (isIn(permitted) ? "p" : "");
    if (flags !== "") byFlags.set(flags, [...byFlags.get(flags) ?? [], `cap_${name}`]);
  }
  return [...byFlags].map(([flags, names]) => `${names.join(",")}=${flags}`).join(" ");
}
