// The operator's proxy serves the API as it serves git.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../../src/core/base/clock.ts";
import { fixedCredential } from "../../../src/worker/github/port/credential.ts";
import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { createGitHub } from "../../../src/worker/github/calls/octokit-github.ts";
import { networkWay } from "../../../src/worker/github/transport/network-way.ts";
import { failureOf, valueOf } from "../git/git-fixture.ts";
import { repositoryJson } from "./scripted-github.ts";

const signal = new AbortController().signal;

describe("The way to the API", () => {
  let proxy: Server;
  let address: string;
  let through: string[];
  let status: number;

  beforeEach(async () => {
    through = [];
    status = 200;
    proxy = createServer((request, response) => {
      through.push(`${request.method} ${request.url}`);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(repositoryJson()));
    });
    proxy.on("connect", (request, socket) => {
      through.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trim());
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await once(proxy, "close");
  });

  const connect = (apiUrl: string, environment: Record<string, string>): GitHub => {
    const network = networkWay(apiUrl, environment);
    if (!network.ok) throw new Error(network.failure);
    return createGitHub({
      apiUrl,
      repository: { owner: "acme", name: "web", fullName: "acme/web" },
      credential: fixedCredential("a-token"),
      userAgent: "hydraflow-test",
      clock: systemClock,
      onFailure: () => undefined,
      pacing: "none",
      network: network.value,
      limits: { repeatDelayMs: 1 },
    });
  };

  it.each(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])("leads through %s", async (name) => {
    const github = connect("https://api.github.invalid", { [name]: `http://${address}` });

    const failure = failureOf(await github.repository(signal));

    expect(through[0]).toBe("CONNECT api.github.invalid:443");
    expect(failure).toMatchObject({ kind: "unreachable", retryable: true });
    expect(failure.message).toContain("407 Proxy Authentication Required");
  });

  it("leads through HTTP_PROXY to a plain API, which answers", async () => {
    const github = connect("http://github.invalid/api/v3", { HTTP_PROXY: address, HTTPS_PROXY: "http://127.0.0.1:9" });

    expect(valueOf(await github.repository(signal)).fullName).toBe("acme/web");
    expect(through).toEqual(["GET http://github.invalid/api/v3/repos/acme/web"]);
  });

  it.each(["api.github.invalid", "github.invalid", ".github.invalid", "*.github.invalid", "a, github.invalid", "*"])(
    "leads past the proxy where NO_PROXY is %s",
    async (NO_PROXY) => {
      const github = connect("https://api.github.invalid", { HTTPS_PROXY: `http://${address}`, NO_PROXY });

      expect(failureOf(await github.repository(signal)).message).toContain("api.github.invalid");
      expect(through).toEqual([]);
    },
  );

  it("never leads through a proxy to this machine", () => {
    for (const host of ["127.0.0.1:80", "[::1]:80", "localhost"])
      expect(networkWay(`http://${host}/api/v3`, { ALL_PROXY: "socks5://127.0.0.1:9" })).toMatchObject({
        ok: true,
        value: { agent: undefined },
      });
  });

  it("shows the proxy its password, and nobody else", async () => {
    const environment = { HTTPS_PROXY: `http://user:se%40cret@${address}` };
    const github = connect("https://api.github.invalid", environment);

    const failure = failureOf(await github.repository(signal));

    expect(through[0]).toContain(`Basic ${Buffer.from("user:se@cret").toString("base64")}`);
    expect(failure.message).not.toMatch(/se@cret|se%40cret/);
    expect(networkWay("https://api.github.invalid", environment)).toMatchObject({
      value: { secrets: ["se%40cret", "se@cret"] },
    });
  });

  it.each(["socks5://127.0.0.1:9", "http://", "ftp://proxy"])(
    "is refused with a sentence where the proxy is %s",
    (HTTPS_PROXY) => {
      expect(networkWay("https://api.github.invalid", { HTTPS_PROXY })).toEqual({
        ok: false,
        failure: "the proxy of this machine cannot be used: give it as http://host:port",
      });
    },
  );

  it("says that a file of certificates cannot be read", () => {
    const way = networkWay("https://api.github.invalid", { SSL_CERT_FILE: "/nowhere/ca.pem" });

    expect(way.ok ? "" : way.failure).toContain("SSL_CERT_FILE");
  });
});
