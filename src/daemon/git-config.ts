// A reader for the part of git's configuration format (git-config(1), "Syntax") that names remotes. Includes and URL
// rewrites are not followed: they lie outside the repository and do not decide its identity.

/** Keys as `section.subsection.key`; section and key lower-cased, the first value of a key wins, as for a fetch URL. */
export function readGitConfig(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = "";
  for (const raw of text.replace(/\\\r?\n/g, "").split(/\r?\n/)) {
    const line = raw.trim();
    const header = /^\[([^\]"]*?)(?:\s+"((?:[^"\\]|\\.)*)")?\]\s*(.*)$/.exec(line);
    const rest = header === null ? line : (header[3] ?? "");
    if (header !== null) section = sectionName(header[1] ?? "", header[2]);
    const assignment = /^([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?$/.exec(rest);
    if (assignment === null) continue;
    const key = `${section}.${(assignment[1] ?? "").toLowerCase()}`;
    if (!values.has(key)) values.set(key, assignment[2] === undefined ? "true" : readValue(assignment[2]));
  }
  return values;
}

function sectionName(section: string, subsection: string | undefined): string {
  const name = section.trim().toLowerCase();
  return subsection === undefined ? name : `${name}.${subsection.replace(/\\(.)/g, "$1")}`;
}

/** Quotes may begin and end anywhere; a comment begins outside of them; white space at the end counts only inside. */
function readValue(text: string): string {
  let value = "";
  let kept = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? "";
    if (character === "\\") {
      index += 1;
      value += ESCAPES[text[index] ?? ""] ?? text[index] ?? "";
      kept = value.length;
    } else if (character === '"') {
      quoted = !quoted;
      kept = value.length;
    } else if (!quoted && (character === "#" || character === ";")) break;
    else {
      value += character;
      if (quoted || !/\s/.test(character)) kept = value.length;
    }
  }
  return value.slice(0, kept);
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b" };
