// A circle in a graph of names is the largest set in which every name leads to every other.

/** Gives Tarjan's strongly connected components, those of more than one name. */
export function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const path: string[] = [];

  const visit = (name: string): number => {
    const own = index.size;
    index.set(name, own);
    low.set(name, own);
    path.push(name);
    for (const next of graph.get(name) ?? []) {
      if (!graph.has(next)) continue;
      const reached = index.has(next) ? (path.includes(next) ? (index.get(next) ?? own) : own) : visit(next);
      low.set(name, Math.min(low.get(name) ?? own, reached));
    }
    const lowest = low.get(name) ?? own;
    if (lowest === own) {
      const circle = path.splice(path.indexOf(name));
      if (circle.length > 1) found.push(circle);
    }
    return lowest;
  };

  for (const name of graph.keys()) if (!index.has(name)) visit(name);
  return found;
}
