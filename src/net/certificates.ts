import { KbuildError } from "../errors.ts";
import { ifPossible, readText, reasonOf } from "../files/mod.ts";

/** Certificates of `--ca-file`, as PEM. */
export async function readCertificates(path: string): Promise<readonly string[]> {
  const text = await readText(path).catch((cause: unknown) => {
    throw new KbuildError(`Cannot read the certificates in "${path}": ${reasonOf(cause)}`, {
      notes: ["--ca-file (KBUILD_CA_FILE) names a PEM file"],
      exitCode: 2,
      cause,
    });
  });
  const found = certificatesIn(text);
  if (found.length > 0) return Object.freeze(found);
  throw new KbuildError(`Cannot find a certificate in "${path}"`, {
    notes: ['A PEM file has "-----BEGIN CERTIFICATE-----" in it'],
    exitCode: 2,
  });
}

/** Where Linux distributions keep the certificates that they trust (crypto/x509/root_linux.go). */
const BUNDLES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * Certificates that the system trusts, as PEM: those of `SSL_CERT_FILE`, else of the distribution, as Go,
 * curl and docker take them. Deno alone has Mozilla's, and knows nothing of an authority that a
 * company has added. Empty on macOS, where they are not in a file: `DENO_TLS_CA_STORE=system` there.
 */
export async function systemCertificates(
  { env, host }: { env: Readonly<Record<string, string>>; host: string },
): Promise<readonly string[]> {
  if (!host.startsWith("linux/")) return [];
  const given = env["SSL_CERT_FILE"];
  for (const path of given ? [given] : BUNDLES) {
    // Trust in addition to Deno's own: a file that cannot be read adds none.
    const text = await ifPossible(readText(path));
    if (text !== undefined) return Object.freeze(certificatesIn(text));
  }
  return [];
}

function certificatesIn(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** What is wrong with a certificate. */
export interface CertificateFault {
  /** `self-signed`: it is also an authority's, which only `src/net/pinned_tls.ts` accepts. */
  readonly kind:
    | "expired"
    | "no names"
    | "not yet valid"
    | "other"
    | "other name"
    | "self-signed"
    | "unknown issuer"
    | "version 1";
  /**
   * The date in seconds since 1970 (expired, not yet valid), the names that it has (other name), or what
   * the TLS library says (other).
   */
  readonly detail?: string | undefined;
}

/** A certificate that kbuild itself refuses, not the TLS library. */
export class CertificateError extends Error {
  /** Tells it from other errors. */
  override readonly name = "CertificateError";
  /** What is wrong. */
  readonly fault: CertificateFault;

  /** Makes the error. */
  constructor(kind: CertificateFault["kind"], detail?: string | number) {
    super(`The certificate is refused: ${kind}`);
    this.fault = { kind, detail: detail?.toString() };
  }
}

/** Words of Deno's TLS library (rustls) and of node:tls, which have no codes; the group is the detail. */
const WORDS: readonly (readonly [says: RegExp, kind: CertificateFault["kind"]])[] = [
  [/CaUsedAsEndEntity|self-signed certificate/, "self-signed"],
  [/certificate expired(?:.*?not valid after (\d+))?/s, "expired"],
  [/not valid yet(?:.*?not valid before (\d+))?/s, "not yet valid"],
  [/not valid for any names|NotValidForName$/, "no names"],
  [/^(?:.*?: )?(.*not valid for name.*)/s, "other name"],
  [/UnsupportedCertVersion|BadEncoding/, "version 1"],
  [/UnknownIssuer/, "unknown issuer"],
  [/^(?:invalid peer certificate: )?(.*)/s, "other"],
];

/**
 * What an error says of a server's certificate.
 *
 * @param text The innermost words of a failed connection.
 * @returns Undefined if they are about something else.
 */
export function certificateFault(text: string): CertificateFault | undefined {
  if (!/certificate|UnknownIssuer|CaUsedAsEndEntity/i.test(text)) return undefined;
  const [says, kind] = WORDS.find(([words]) => words.test(text))!;
  return { kind, detail: says.exec(text)?.[1] };
}

/** Why a certificate is refused, and a way out that was not taken yet. */
export function explainCertificate(
  { kind, detail = "" }: CertificateFault,
  where: Where,
): { reason: string; notes: readonly string[] } {
  const { reason, notes } = KNOWN[kind];
  return { reason: `its certificate ${reason(detail)}`, notes: notes(where) };
}

/** The server, and what is trusted. */
interface Where {
  readonly host: string;
  /** Default: that of HTTPS. */
  readonly port?: string | undefined;
  readonly caFile: string | undefined;
}

interface Known {
  /** What follows "its certificate". */
  reason(detail: string): string;
  notes(where: Where): readonly string[];
}

/** A command that saves what a server sends. */
function saveCertificate({ host, port = "443" }: Where): string {
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  const name = /^[\d.]+$|:/.test(plain) ? "" : ` -servername ${plain}`;
  return "If you trust what the server sends: " +
    `openssl s_client -showcerts -connect ${host}:${port}${name} </dev/null | ` +
    `sed -n '/-BEGIN CERT/,/-END CERT/p' >"$HOME/kbuild-ca.pem"; ` +
    'export KBUILD_CA_FILE="$HOME/kbuild-ca.pem"';
}

const NAME_CA_FILE =
  "Save its certificate, or that of your authority, into a file, and name that: --ca-file FILE (KBUILD_CA_FILE)";

const KNOWN: Readonly<Record<CertificateFault["kind"], Known>> = {
  "self-signed": {
    reason: () => "is not trusted: it is self-signed",
    notes: ({ host, port, caFile }) =>
      caFile === undefined ? [NAME_CA_FILE, saveCertificate({ host, port, caFile })] : [
        `Such a certificate must be in "${caFile}" itself (Deno 2.7 or later, and no proxy); or make ` +
        "one that is not an authority's:",
        makeCertificate(host),
      ],
  },
  "expired": {
    reason: (seconds) => `has expired${dateOf(seconds)}`,
    notes: ({ host }) => [
      "Check this machine's clock; else the server needs a new certificate:",
      makeCertificate(host),
    ],
  },
  "not yet valid": {
    reason: (seconds) => `is not valid yet${dateOf(seconds)}`,
    notes: () => ["Check this machine's clock"],
  },
  "no names": {
    reason: () => "names no host (it has no subjectAltName)",
    notes: ({ host }) => ["The server needs a certificate for its name:", makeCertificate(host)],
  },
  "other name": {
    reason: (names) => `is for another host (${names})`,
    notes: ({ host }) => [
      "Write the name that it is for, as a mirror or registry; or make one for this name:",
      makeCertificate(host),
    ],
  },
  "version 1": {
    reason: () => "is of X.509 version 1, which is not accepted",
    notes: ({ host }) => ["The server needs a certificate of version 3:", makeCertificate(host)],
  },
  "unknown issuer": {
    reason: () => "is not trusted: its issuer is not known (UnknownIssuer)",
    notes: ({ host, port, caFile }) =>
      caFile === undefined ? [NAME_CA_FILE, saveCertificate({ host, port, caFile })] : [
        `No certificate in "${caFile}" has signed it; if an intermediate authority has, add that ` +
        "one's certificate to the file, or to the chain that the server sends",
      ],
  },
  "other": {
    reason: (words) => `is not trusted (${words})`,
    notes: ({ caFile }) => caFile === undefined ? [NAME_CA_FILE] : [],
  },
};

function dateOf(seconds: string): string {
  return seconds === "" ? "" : ` (${new Date(Number(seconds) * 1000).toISOString().slice(0, 10)})`;
}

/** A command that makes a certificate which every client takes. */
function makeCertificate(host: string): string {
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  const kind = /^[\d.]+$|:/.test(plain) ? "IP" : "DNS";
  return "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout key.pem -out cert.pem " +
    `-subj /CN=${plain} -addext subjectAltName=${kind}:${plain} ` +
    "-addext basicConstraints=critical,CA:FALSE";
}
