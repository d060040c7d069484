// This file shows users as GitHub does. The forge keeps no users: a login is one, and its id follows from it.

import { createHash } from "node:crypto";

/** Everything that has no birthday of its own began then. */
export const BEGINNING = "2020-01-01T00:00:00Z";

const USER_ID_DIGITS = 7;

export function nodeId(kind: string, id: number): string {
  return Buffer.from(`${kind}:${id}`).toString("base64url");
}

export function userId(login: string): number {
  return Number.parseInt(createHash("sha256").update(login.toLowerCase()).digest("hex").slice(0, USER_ID_DIGITS), 16);
}

/** Commits that the forge makes for this login come from this address. */
export function noreplyEmail(login: string): string {
  return `${userId(login)}+${login}@users.noreply.forge.invalid`;
}

export function userView(origin: string, login: string) {
  const url = `${origin}/api/v3/users/${login}`;
  return {
    login,
    id: userId(login),
    node_id: nodeId("User", userId(login)),
    avatar_url: `${origin}/avatars/${login}`,
    gravatar_id: "",
    url,
    html_url: `${origin}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: login.endsWith("[bot]") ? "Bot" : "User",
    user_view_type: "public",
    site_admin: false,
  };
}

/** `GET /user` shows the token's own user like this. */
export function publicUserView(origin: string, login: string) {
  return {
    ...userView(origin, login),
    name: login,
    company: null,
    blog: "",
    location: null,
    email: null,
    hireable: null,
    bio: null,
    public_repos: 0,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: BEGINNING,
    updated_at: BEGINNING,
  };
}
