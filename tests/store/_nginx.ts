/** A real server of the cache protocol on this machine: Debian's nginx with its DAV module. */
import { join } from "@std/path";
import { which } from "../e2e/_program.ts";
import { freePort, whileServing } from "../e2e/_serving.ts";

/** Why there is none here; undefined where there is. */
export const NO_NGINX: string | undefined = which("nginx") === undefined
  ? "needs nginx in PATH"
  : undefined;

/** Runs `body` beside a new nginx that takes files below `root` by PUT. */
export async function withNginx<T>(
  dir: string,
  body: (server: { url: string; root: string; stop(): Promise<void> }) => Promise<T>,
  more = "",
): Promise<T> {
  const root = join(dir, "served");
  const work = join(dir, "nginx");
  for (const path of [root, work]) await Deno.mkdir(path);
  const port = freePort();
  const config = join(dir, "nginx.conf");
  // Debian builds the module in; its directories are root's, so all are named.
  await Deno.writeTextFile(
    config,
    `daemon off;
worker_processes 2;
error_log stderr error;
pid "${work}/pid";
${Deno.uid() === 0 ? "user root;" : ""}
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path "${work}/body";
  proxy_temp_path "${work}/proxy";
  fastcgi_temp_path "${work}/fastcgi";
  uwsgi_temp_path "${work}/uwsgi";
  scgi_temp_path "${work}/scgi";
  server {
    listen 127.0.0.1:${port};
    location /results/ {
      alias "${root}/";
      client_max_body_size 0;
      dav_methods PUT;
      create_full_put_path on;
      ${more}
    }
  }
}
`,
  );
  const url = `http://127.0.0.1:${port}`;
  const argv = ["nginx", "-c", config, "-e", "stderr", "-p", work];
  return await whileServing(argv, url, ({ stop }) => body({ url, root, stop }));
}
