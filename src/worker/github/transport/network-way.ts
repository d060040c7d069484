// Finds the operator's way out, for the API as for git and the agents: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY
// in either case, the lower one first as curl has it, and SSL_CERT_FILE. Node's own client speaks to the proxy; it
// reads NODE_EXTRA_CA_CERTS by itself. Requests to loopback never go through a proxy.

import { readFileSync } from "node:fs";
import { Agent as PlainAgent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { getCACertificates } from "node:tls";

import { messageOf } from "../../../core/base/errors.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { isLoopbackHost } from "../../git/remote/loopback-host.ts";

export interface NetworkWay {
  /** The connection is direct when this is undefined. */
  readonly agent: PlainAgent | undefined;
  /** The proxy asks for these; no log may show them. */
  readonly secrets: readonly string[];
}

const DIRECT: NetworkWay = { agent: undefined, secrets: [] };

/** Returns the way to this one API. The failure is one line for people. */
export function networkWay(
  apiUrl: string,
  environment: Readonly<Record<string, string | undefined>>,
): Result<NetworkWay, string> {
  const { protocol, hostname } = new URL(apiUrl);
  if (isLoopbackHost(hostname)) return ok(DIRECT);
  const isSecure = protocol === "https:";
  const variable = (name: string) =>
    [environment[name.toLowerCase()], environment[name]].find((value) => value !== undefined && value !== "");
  const named = variable(isSecure ? "HTTPS_PROXY" : "HTTP_PROXY") ?? variable("ALL_PROXY");
  const proxy = named === undefined ? undefined : parseProxy(named);
  if (proxy === null) return fail("the proxy of this machine cannot be used: give it as http://host:port");
  const certificates = isSecure ? readCertificates(environment["SSL_CERT_FILE"]) : ok(undefined);
  if (!certificates.ok) return certificates;
  if (proxy === undefined && certificates.value === undefined) return ok(DIRECT);
  const proxyEnv =
    proxy === undefined
      ? {}
      : { [isSecure ? "HTTPS_PROXY" : "HTTP_PROXY"]: proxy.href, NO_PROXY: withSubdomains(variable("NO_PROXY") ?? "") };
  const options = { keepAlive: true, proxyEnv };
  const agent = isSecure
    ? new SecureAgent({ ...options, ...(certificates.value === undefined ? {} : { ca: certificates.value }) })
    : new PlainAgent(options);
  return ok({ agent, secrets: proxy === undefined ? [] : passwordsOf(proxy) });
}

/** Returns null for a proxy that Node cannot speak to, for instance SOCKS. */
function parseProxy(proxy: string): URL | null {
  const url = URL.parse(/^[a-z0-9+.-]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`);
  return url !== null && /^https?:$/.test(url.protocol) ? url : null;
}

/** curl takes a name for the host and for all below it; Node wants the dot written out. */
function withSubdomains(list: string): string {
  const names = list.split(/[\s,]+/).filter((name) => name !== "");
  return names.flatMap((name) => (/^[.*\d[]|:/.test(name) ? [name] : [name, `.${name}`])).join(",");
}

function passwordsOf({ password }: URL): string[] {
  return password === "" ? [] : [password, decodeURIComponent(password)];
}

function readCertificates(file: string | undefined): Result<string[] | undefined, string> {
  if (file === undefined || file === "") return ok(undefined);
  try {
    return ok([...getCACertificates("default"), readFileSync(file, "utf8")]);
  } catch (error) {
    return fail(`the certificates of SSL_CERT_FILE cannot be read: ${messageOf(error)}`);
  }
}
