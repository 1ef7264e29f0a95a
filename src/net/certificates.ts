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

/** Error of rustls for a self-signed certificate that is also an authority's. */
export const SELF_SIGNED = "CaUsedAsEndEntity";

/**
 * Why a certificate was refused, and a way out that was not taken yet.
 *
 * @param text Error of Deno's TLS library (rustls), innermost.
 * @returns undefined if it is about something else.
 */
export function certificateFailure(
  text: string,
  { host, caFile }: { host: string; caFile: string | undefined },
): { reason: string; notes: readonly string[] } | undefined {
  if (!/certificate|UnknownIssuer|CaUsedAsEndEntity/i.test(text)) return undefined;
  const known = KNOWN.find(({ says }) => says.test(text));
  const { reason, notes } = known ?? OTHER;
  return { reason: reason(text), notes: notes({ host, caFile }) };
}

interface Known {
  /** What rustls says. */
  readonly says: RegExp;
  reason(text: string): string;
  notes(where: { host: string; caFile: string | undefined }): readonly string[];
}

const NAME_CA_FILE =
  "Save its certificate, or that of your authority, into a file, and name that: --ca-file FILE (KBUILD_CA_FILE)";

const KNOWN: readonly Known[] = [
  {
    // The second is node:tls' (pinned_tls.ts).
    says: /CaUsedAsEndEntity|self-signed certificate/,
    reason: () => "its certificate is not trusted: it is self-signed",
    notes: ({ host, caFile }) =>
      caFile === undefined ? [NAME_CA_FILE] : [
        `Such a certificate must be in "${caFile}" itself (Deno 2.7 or later, and no proxy); or make ` +
        "one that is not an authority's:",
        makeCertificate(host),
      ],
  },
  {
    says: /certificate expired/,
    reason: (text) => `its certificate has expired${dateIn(text, /not valid after (\d+)/)}`,
    notes: ({ host }) => [
      "Check this machine's clock; else the server needs a new certificate:",
      makeCertificate(host),
    ],
  },
  {
    says: /not valid yet/,
    reason: (text) => `its certificate is not valid yet${dateIn(text, /not valid before (\d+)/)}`,
    notes: () => ["Check this machine's clock"],
  },
  {
    says: /not valid for any names|NotValidForName$/,
    reason: () => "its certificate names no host (it has no subjectAltName)",
    notes: ({ host }) => ["The server needs a certificate for its name:", makeCertificate(host)],
  },
  {
    says: /not valid for name/,
    reason: (text) => `its certificate is for another host (${text.replace(/^.*?: /, "")})`,
    notes: ({ host }) => [
      "Write the name that it is for, as a mirror or registry; or make one for this name:",
      makeCertificate(host),
    ],
  },
  {
    says: /UnsupportedCertVersion|BadEncoding/,
    reason: () => "its certificate is of X.509 version 1, which is not accepted",
    notes: ({ host }) => ["The server needs a certificate of version 3:", makeCertificate(host)],
  },
  {
    says: /UnknownIssuer/,
    reason: () => "its certificate is not trusted: its issuer is not known (UnknownIssuer)",
    notes: ({ caFile }) =>
      caFile === undefined ? [NAME_CA_FILE] : [
        `No certificate in "${caFile}" has signed it; if an intermediate authority has, add that ` +
        "one's certificate to the file, or to the chain that the server sends",
      ],
  },
];

const OTHER: Omit<Known, "says"> = {
  reason: (text) =>
    `its certificate is not trusted (${text.replace(/^invalid peer certificate: /, "")})`,
  notes: ({ caFile }) => caFile === undefined ? [NAME_CA_FILE] : [],
};

function dateIn(text: string, pattern: RegExp): string {
  const seconds = pattern.exec(text)?.[1];
  return seconds === undefined
    ? ""
    : ` (${new Date(Number(seconds) * 1000).toISOString().slice(0, 10)})`;
}

/** A command that makes a certificate which every client takes. */
function makeCertificate(host: string): string {
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  const kind = /^[\d.]+$|:/.test(plain) ? "IP" : "DNS";
  return "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout key.pem -out cert.pem " +
    `-subj /CN=${plain} -addext subjectAltName=${kind}:${plain} ` +
    "-addext basicConstraints=critical,CA:FALSE";
}
