// GitHub's five roles say who may do what in a repository, each including the ones below it.

import type { Permission, RepositoryRecord } from "./repository-record.ts";

const RISING: readonly Permission[] = ["none", "read", "triage", "write", "maintain", "admin"];

export const PERMISSIONS = ["admin", "maintain", "write", "triage", "read"] as const;

/** The owner has all; everyone may read what is public. */
export function permissionOf(repository: RepositoryRecord, login: string): Permission {
  if (login.toLowerCase() === repository.owner.toLowerCase()) return "admin";
  return repository.collaborators[login.toLowerCase()] ?? (repository.private ? "none" : "read");
}

export function allows(has: Permission, needed: Permission): boolean {
  return RISING.indexOf(has) >= RISING.indexOf(needed);
}

/** Authors may change what they wrote; others need the role. */
export function mayChange(repository: RepositoryRecord, login: string, author: string, needed: Permission): boolean {
  return login.toLowerCase() === author.toLowerCase() || allows(permissionOf(repository, login), needed);
}

/** The older field `permission` knows four words only. */
export function legacyPermission(permission: Permission): "admin" | "write" | "read" | "none" {
  if (permission === "maintain") return "write";
  return permission === "triage" ? "read" : permission;
}

export function authorAssociation(repository: RepositoryRecord, login: string): "OWNER" | "COLLABORATOR" | "NONE" {
  if (login.toLowerCase() === repository.owner.toLowerCase()) return "OWNER";
  return repository.collaborators[login.toLowerCase()] === undefined ? "NONE" : "COLLABORATOR";
}
